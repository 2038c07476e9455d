# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Changes of dynamic rules as the option `rules` of ipsec_dynamic, for a host that is not known."""

from __future__ import annotations

import typing as t

from ..model import ModelError
from ..model.dynamic import AddDynamic, DeleteDynamic, DynamicRule, FlushDynamic, Identity, SetConfig, find_twice
from ..shape.dynamic import dynamic_arguments
from ..shape.placed import PlacedChange
from ..shape.render import Tree
from .limits import check_dynamic


def rule_arguments(changes: t.Iterable[PlacedChange], notes: list[str]) -> list[Tree]:
    """The rules that are left after the changes. What is no rule is added to `notes`. Raises `ModelError`."""
    found: dict[Identity, PlacedChange] = {}
    for placed in changes:
        change = placed.change
        where = placed.place or (placed.command.where() if placed.command else "")
        match change:
            case AddDynamic(rule):
                placed.at(check_dynamic, rule)
                # in the order of the commands
                found.pop(rule.identity, None)
                found[rule.identity] = placed
            case DeleteDynamic(identity):
                if found.pop(identity, None) is None:
                    notes.append(
                        f"{where}: no earlier command adds this rule; to delete it on a host, use ipsec_dynamic with "
                        "'state: absent'"
                    )
            case FlushDynamic():
                found.clear()
                notes.append(
                    f"{where}: other dynamic rules of a host are not deleted; use a task of ipsec_dynamic with "
                    "'state: flushed' before"
                )
            case SetConfig(settings):
                given = ", ".join(f"{name}: {value}" for name, value in settings.items())
                notes.append(f"{where}: this is no rule; write it as 'settings: {{{given}}}' of ipsec_dynamic")
    _refuse_twice({_rule(placed): placed for placed in found.values()})
    return [dynamic_arguments(_rule(placed)) for placed in found.values()]


def _rule(placed: PlacedChange) -> DynamicRule:
    return t.cast(AddDynamic, placed.change).rule


def _refuse_twice(placed: t.Mapping[DynamicRule, PlacedChange]) -> None:
    """Raise `ModelError` at the second of two rules that have a filter in common."""
    twice = find_twice(placed)
    if twice is None:
        return
    _first, second, filter_ = twice

    def refuse() -> None:
        raise ModelError(f"an earlier command adds a rule with the filter {filter_}, which a host can have once")

    placed[second].at(refuse)
