# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a command of dynamic mode changes: a rule with the manual's default for each option that is left out."""

from __future__ import annotations

import re
import typing as t

from ..dynamic.limits import DynamicLimitError, check_dynamic
from ..model import (
    DEFAULT_AUTHENTICATION,
    DEFAULT_MAIN_MODE_METHODS,
    DEFAULT_SECURITY_METHODS,
    Action,
    MainMode,
    defaults,
)
from ..model.dynamic import AddDynamic, DynamicChange, DynamicFilter, DynamicRule, FlushDynamic, check_main_mode_filters
from ..notation.methods import one_pfs_group
from ..notation.negotiation import KEYWORDS
from ..source.text import Text
from .commands import AddRule, DeleteRules, FilterSpec, Parameters, Rekey
from .format import format_filter_spec
from .parse import values_of

_PART: t.Final = re.compile(r"([\w.]+)(?:\[([0-9]+)\])?.*")
_OPTIONS: t.Final = {
    "filters": "f",
    "security_methods": "n",
    "authentication": "a",
    "main_mode.methods": "1s",
    "main_mode.lifetime_seconds": "1k",
    "main_mode.quick_mode_limit": "1k",
    "soft_lifetime": "1e",
}
"""The options that say a part of a rule."""
_NEGOTIATING: t.Final = ("n", "a", "1s", "1k", "1p", "1e", "soft")


def change_of(command: AddRule | DeleteRules, text: Text, notes: list[str]) -> DynamicChange:
    """What the command, which is `text`, changes. Raises `SourceError` for what a dynamic rule cannot be. What is
    ignored is added to `notes`.
    """
    if isinstance(command, DeleteRules):
        return FlushDynamic()
    return AddDynamic(_RuleReader(command.parameters, text).read(notes))


class _RuleReader:
    def __init__(self, given: Parameters, text: Text) -> None:
        self._given = given
        self._text = text
        self._values = values_of(text)

    def read(self, notes: list[str]) -> DynamicRule:
        given = self._given
        self._refuse_static()
        filters = tuple(DynamicFilter(spec.filter, spec.action or Action.NEGOTIATE) for spec in given.filters)
        place = self._place("t" if given.tunnel is not None else "f")
        negotiates = any(item.action is Action.NEGOTIATE for item in filters)
        secured = self._secured() if negotiates else {}
        rule = place.at(DynamicRule, filters=filters, tunnel=given.tunnel, **self._connections(), **secured)
        ignored = [f"-{option}" for option in _NEGOTIATING if option in self._values]
        if ignored and not negotiates:
            notes.append(f"{', '.join(ignored)}: ignored, because all filters of the rule permit or block")
        elif given.soft_lifetime is not None and not given.soft:
            notes.append("-1e has no effect without -soft")
        try:
            check_dynamic(rule)
        except DynamicLimitError as error:
            raise self._place_of(error.part).error(0, error.problem) from None
        if given.main_mode_filters:
            self._place("1f").at(check_main_mode_filters, rule, given.main_mode_filters)
        return rule

    def _place(self, option: str, index: int = 0) -> Text:
        """A value of an option; an option without values itself."""
        values = self._values[option]
        return values[min(index, len(values) - 1)]

    def _place_of(self, part: str) -> Text:
        """Where the line says a part of the rule."""
        found = t.cast("re.Match[str]", _PART.fullmatch(part))
        return self._place(_OPTIONS.get(found[1], "f"), int(found[2] or 0))

    def _refuse_static(self) -> None:
        """Raise `SourceError` for what only static mode has."""
        given = self._given
        if given.default_response:
            raise self._place("f").error(
                0,
                "current Windows has the default response rule only in stored policies; use static mode: add "
                "-w reg -p POLICY",
            )
        action = given.negotiation.action if given.negotiation else Action.NEGOTIATE
        if action is not Action.NEGOTIATE:
            keyword = KEYWORDS[action]
            place = next((word for word in self._values["n"] if word.value.casefold() == keyword), self._place("n"))
            first = format_filter_spec(FilterSpec(given.filters[0].filter, action))
            brackets = "parentheses" if action is Action.PERMIT else "brackets"
            raise place.error(
                0,
                f"{keyword} belongs to static mode; in dynamic mode, put each filter in {brackets} instead, as in "
                f"-f {first}",
            )

    def _connections(self) -> dict[str, t.Any]:
        kind = self._given.connection_type
        return {} if kind is None else {"connection_type": kind}

    def _secured(self) -> dict[str, t.Any]:
        """The parts of a rule that its negotiating filters have."""
        given = self._given
        offers = given.negotiation.offers if given.negotiation else ()
        return {
            "methods": tuple(offer.method for offer in offers) or DEFAULT_SECURITY_METHODS,
            "pfs_group": self._place("n").at(one_pfs_group, offers) if offers else None,
            "inpass": given.negotiation is not None and given.negotiation.inpass,
            "soft": given.soft,
            "authentication": given.authentication or DEFAULT_AUTHENTICATION,
            "main_mode": self._main_mode(given.main_mode_rekey or Rekey()),
            "soft_lifetime": defaults.SOFT_LIFETIME if given.soft_lifetime is None else given.soft_lifetime,
        }

    def _main_mode(self, rekey: Rekey) -> MainMode:
        given = self._given
        return MainMode(
            methods=given.main_mode_methods or DEFAULT_MAIN_MODE_METHODS,
            lifetime_seconds=defaults.MAIN_MODE_LIFETIME if rekey.seconds is None else rekey.seconds,
            quick_mode_limit=defaults.QUICK_MODE_LIMIT if rekey.quick_modes is None else rekey.quick_modes,
            pfs=given.main_mode_pfs,
        )
