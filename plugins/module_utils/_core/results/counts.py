# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task changed, in names and numbers."""

from __future__ import annotations

import typing as t

from ..model import Rule
from ..objects.shared import StoredList
from ..plan import Plan, PolicyPlan
from ..target.merge import rule_pairs
from ..target.shared import SharedList

Tree: t.TypeAlias = dict[str, t.Any]


SHARED: t.Final = ("filter_lists", "filter_actions", "shared_rules")
"""The keys of `render_shared`."""


def render_shared(plans: t.Sequence[Plan]) -> Tree:
    """The names of `filter_lists` and `filter_actions` that are added, changed and removed, and the rules that change
    because they share a list.
    """
    found = [shared for plan in plans for shared in plan.shared if shared.changed]
    tree: Tree = {"filter_lists": _no_names(), "filter_actions": _no_names(), "shared_rules": []}
    for shared in found:
        thing = shared.wanted or shared.stored
        names = tree["filter_lists" if isinstance(thing, SharedList | StoredList) else "filter_actions"]
        what = "removed" if shared.wanted is None else "changed" if shared.stored else "added"
        if thing is not None and thing.name not in names[what]:
            names[what].append(thing.name)
    changed = {shared.wanted for shared in found}
    for target in (policy.change.target for plan in plans for policy in plan.policies):
        for index, parts in target.parts.items() if target else ():
            rule = {"policy": target.policy.name, "rule": target.policy.rules[index].name} if target else {}
            if not changed.isdisjoint(parts.lists or ()) and rule not in tree["shared_rules"]:
                tree["shared_rules"].append(rule)
    return tree


def _no_names() -> dict[str, list[str]]:
    return {"added": [], "changed": [], "removed": []}


def render_counts(policies: t.Sequence[PolicyPlan]) -> Tree:
    """`names` of the policies that are added, changed and removed, and the numbers of `rules` and `filters`."""
    names = _no_names()
    pairs: list[tuple[Rule | None, Rule | None]] = []
    for policy in policies:
        stored, target = policy.change.stored, policy.change.target
        pairs += [(old, new) for old, new in rule_pairs(stored, target) if old != new]
        if target is None and stored is not None:
            names["removed"].append(stored.policy.name)
        elif target is not None and policy.changed:
            names["changed" if stored else "added"].append(target.policy.name)
    # a task of two attempts has a policy twice
    names = {what: list(dict.fromkeys(found)) for what, found in names.items()}
    names["changed"] = [name for name in names["changed"] if name not in names["added"]]
    added = removed = 0
    for old, new in pairs:
        before, after = (frozenset(rule.filters if rule else ()) for rule in (old, new))
        added += len(after - before)
        removed += len(before - after)
    return {
        "names": names,
        "rules": {
            "added": sum(old is None for old, _new in pairs),
            "changed": sum(old is not None and new is not None for old, new in pairs),
            "removed": sum(new is None for _old, new in pairs),
        },
        "filters": {"added": added, "removed": removed},
    }
