# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task changed, in names and numbers."""

from __future__ import annotations

import typing as t

from ..model import Rule
from ..plan import PolicyPlan
from ..target.merge import rule_pairs

Tree: t.TypeAlias = dict[str, t.Any]


def render_counts(policies: t.Sequence[PolicyPlan]) -> Tree:
    """`names` of the policies that are added, changed and removed, and the numbers of `rules` and `filters`."""
    names: dict[str, list[str]] = {"added": [], "changed": [], "removed": []}
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
