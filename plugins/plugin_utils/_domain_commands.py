# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs commands on the policies of the domain that they, or the option `directory`, name."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._core.directory.goal import DomainGoal
from ..module_utils._core.shape.domains import DomainStore
from ._domain import run_domain_task


def run_in_domain(
    action: ActionBase,
    store: DomainStore,
    goal: DomainGoal,
    options: t.Mapping[str, t.Any],
    task_vars: dict[str, t.Any],
    about_shared: t.Collection[str] = (),
) -> dict[str, t.Any]:
    """Run a task as `run_domain_task`. Raises `ModelError` if commands and options name different domains."""
    directory = dict(options["directory"] or {})
    given = directory.get("domain")
    # another type is an error of the options
    domain = store.agreed(given if isinstance(given, str) else None)
    if given is None and domain is not None:
        directory["domain"] = domain
    return run_domain_task(action, goal, {**options, "directory": directory}, task_vars, about_shared)
