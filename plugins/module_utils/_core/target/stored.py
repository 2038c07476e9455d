# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The policies of a store, to be found by name or id."""

from __future__ import annotations

from ..model import ModelError
from ..objects.graph import Graph, object_id
from ..objects.policies import StoredPolicy, read_policies
from ..objects.shared import SharedObjects
from ..store.casing import fold


class StoredPolicies:
    """The policies of a store; `active` is the assigned one. `shared` has the filter lists and filter actions."""

    def __init__(self, graph: Graph) -> None:
        policies = self.all = read_policies(graph)
        self.active = next((policy for policy in policies if policy.key == graph.active), None)
        self.shared = SharedObjects(graph, policies)
        self._by_id = {policy.policy.id: policy for policy in policies}
        self._by_name: dict[str, list[StoredPolicy]] = {}
        for policy in policies:
            self._by_name.setdefault(fold(policy.policy.name), []).append(policy)

    def find(
        self, name: str | None, id_: str | None = None, advice: str = "identify one of them by its id"
    ) -> StoredPolicy | None:
        """The policy with that id, else with that name (case does not matter). Raises `ModelError` if several have the
        name; `advice` says what to do then.
        """
        if (found_by_id := self.with_id(id_)) is not None:
            return found_by_id
        found = [] if name is None else self.named(name)
        if len(found) > 1:
            ids = ", ".join(str(p.policy.id) for p in found)
            raise ModelError(f"{len(found)} policies have the name '{name}'; {advice}: {ids}")
        return found[0] if found else None

    def with_id(self, id_: str | None) -> StoredPolicy | None:
        return None if id_ is None else self._by_id.get(id_)

    def named(self, name: str) -> list[StoredPolicy]:
        """All policies with that name."""
        return self._by_name.get(fold(name), [])


def refuse_unreadable(stored: StoredPolicy, name: str, id_: str | None) -> None:
    """Raise `ModelError` if a rule with that name or id exists but cannot be read, or if no rule can be added."""
    for rule in stored.unreadable:
        if rule.too_much or (name and fold(rule.name) == fold(name)) or object_id(rule.key) == id_:
            raise ModelError(f"{rule.problem}. It can only be deleted together with its policy")
