# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Facts to a whole policy, for checks that start from facts and have no host."""

from __future__ import annotations

import typing as t

from ..model import DefaultResponse, MainMode, Policy, defaults
from ..model.wanted import WantedDefaultResponse, WantedMainMode
from ..objects.convert.common import lenient
from .parse import parse_policy


def policy_of_facts(value: t.Mapping[str, t.Any]) -> Policy:
    """The policy that `render_policy` made `value` of. What is left out has the manual's default. Raises `ShapeError`.

    Its pre-shared keys and the data of unknown authentication methods are None: facts do not show them.
    """
    wanted = parse_policy(value)
    return lenient(
        Policy,
        name=wanted.name or "",
        rules=wanted.rules or (),
        description=wanted.description or "",
        poll_interval=defaults.POLL_INTERVAL if wanted.poll_interval is None else wanted.poll_interval,
        main_mode=_main_mode(wanted.main_mode or WantedMainMode()),
        default_response=_default_response(wanted.default_response),
        id=wanted.id,
    )


def _main_mode(wanted: WantedMainMode) -> MainMode:
    parts = {
        "methods": wanted.methods,
        "lifetime_seconds": wanted.lifetime_seconds,
        "quick_mode_limit": wanted.quick_mode_limit,
        "pfs": wanted.pfs,
    }
    return lenient(MainMode, **{name: value for name, value in parts.items() if value is not None})


def _default_response(wanted: WantedDefaultResponse | None) -> DefaultResponse | None:
    # facts of a policy without the rule say no more than that it is not enabled
    if wanted is None or wanted == WantedDefaultResponse(enabled=False):
        return None
    parts = {"methods": wanted.methods, "authentication": wanted.authentication}
    given = {name: value for name, value in parts.items() if value is not None}
    return lenient(DefaultResponse, enabled=wanted.enabled, **given)
