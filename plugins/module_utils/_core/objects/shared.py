# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter lists and filter actions of a store by their names, which the snap-in shows and netsh uses.

Each is an object of its own: several rules can use it, or none.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import Filter, ModelError, NegotiationPolicy
from ..store.casing import fold
from ..store.names import ACTION_GUID, ACTION_TYPE, DESCRIPTION, NAME, NFAS
from . import blobs
from .convert.filters import StoredFilterList
from .convert.negotiation_policy import DEFAULT_RESPONSE_TYPE, read_negotiation_policy
from .graph import Graph, ObjectClass, describe_class
from .policies import StoredPolicy, StoredRule

_T = t.TypeVar("_T")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredList:
    """A filter list. `content` is None if it has no data yet, because a change was interrupted."""

    key: str
    name: str
    description: str
    content: StoredFilterList | None
    filters: tuple[Filter, ...]

    @property
    def begun(self) -> bool:
        """Whether it has no data yet."""
        return self.content is None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredAction:
    """A filter action. `blob` and `value` are None if it has no data yet, because a change was interrupted."""

    key: str
    name: str
    description: str
    blob: blobs.NegotiationPolicyBlob | None
    value: NegotiationPolicy | None

    @property
    def begun(self) -> bool:
        """Whether it has no data yet."""
        return self.value is None


class SharedObjects:
    """All filter lists and filter actions of a store. Each is read when it is asked for."""

    def __init__(self, graph: Graph, policies: t.Sequence[StoredPolicy]) -> None:
        self._graph = graph
        self._policies = policies
        self._lists: dict[str, StoredList] = {}
        self._actions: dict[str, StoredAction] = {}
        self._by_name: dict[ObjectClass, dict[str, list[str]]] = {}
        self._rules: dict[str, list[tuple[StoredPolicy, StoredRule]]] | None = None

    def list_keys(self, name: str) -> list[str]:
        """The keys of all filter lists with that name; case does not matter."""
        return self._named(ObjectClass.FILTER).get(fold(name), [])

    def action_keys(self, name: str) -> list[str]:
        """The keys of all filter actions with that name; case does not matter."""
        return self._named(ObjectClass.ACTION).get(fold(name), [])

    def names(self, class_: ObjectClass) -> list[str]:
        """The names of all filter lists or all filter actions, as they are spelled."""
        return [self.name(key) for key in self.keys(class_)]

    def namesakes(self, class_: ObjectClass, key: str) -> list[str]:
        """The keys of all filter lists or filter actions with the name of this one."""
        return self._named(class_).get(fold(self.name(key)), [])

    def name(self, key: str) -> str:
        return self._graph.text(key, NAME)

    def keys(self, class_: ObjectClass) -> list[str]:
        """The keys of all filter lists or all filter actions that have a name."""
        return [key for keys in self._named(class_).values() for key in keys]

    def _named(self, class_: ObjectClass) -> dict[str, list[str]]:
        """The keys by folded name."""
        if class_ not in self._by_name:
            found = self._by_name[class_] = {}
            for key in self._graph.of_class(class_):
                is_response = self._graph.text(key, ACTION_TYPE).lower() == DEFAULT_RESPONSE_TYPE
                if (name := self._graph.text(key, NAME)) and not is_response:
                    found.setdefault(fold(name), []).append(key)
        return self._by_name[class_]

    def list_of(self, key: str) -> StoredList:
        """Raises `ModelError` for data that cannot be read."""
        found = self._lists.get(key)
        if found is None:
            data = self._graph.data(key)
            content = next((rule.filters[key] for _policy, rule in self.rules(key) if key in rule.filters), None)
            if content is None and data is not None:
                content = self._read(key, lambda: StoredFilterList.read(blobs.FilterBlob.unpack(data)))
            found = self._lists[key] = StoredList(
                key=key,
                name=self.name(key),
                description=self._graph.text(key, DESCRIPTION),
                content=content,
                filters=tuple(content.filters) if content else (),
            )
        return found

    def action_of(self, key: str) -> StoredAction:
        """Raises `ModelError` for data that cannot be read."""
        found = self._actions.get(key)
        if found is None:
            data = self._graph.data(key)
            blob = value = None
            if data is not None:
                blob = self._read(key, lambda: blobs.NegotiationPolicyBlob.unpack(data))
                value = self._read(key, read_negotiation_policy, blob, self._graph.text(key, ACTION_GUID))
            found = self._actions[key] = StoredAction(
                key=key,
                name=self.name(key),
                description=self._graph.text(key, DESCRIPTION),
                blob=blob,
                value=value,
            )
        return found

    def _read(self, key: str, read: t.Callable[..., _T], *args: t.Any) -> _T:
        try:
            return read(*args)
        except (blobs.BlobError, ModelError) as error:
            raise ModelError(f"{self.title(key)} cannot be read: {error}") from None

    def title(self, key: str) -> str:
        """What messages call the object."""
        return f"the {describe_class(self._graph.class_of(key))} '{self._graph.text(key, NAME)}'"

    def is_library(self, key: str) -> bool:
        """As `Graph.is_library`."""
        return self._graph.is_library(key)

    def users(self, key: str) -> t.AbstractSet[str]:
        """The keys of the objects that refer to it, readable or not."""
        return self._graph.users(key)

    def used_otherwise(self, policy: StoredPolicy) -> list[str]:
        """The lists and actions that a policy uses in other ways than by rules that can be read."""
        readable = {rule.key for rule in policy.rules}
        nfas = [nfa for nfa in self._graph.references(policy.key, NFAS) if nfa not in readable]
        return [part for nfa in nfas for part in self._graph.parts(nfa)]

    def rules(self, key: str) -> list[tuple[StoredPolicy, StoredRule]]:
        """The rules that use it, with their policies."""
        if self._rules is None:
            self._rules = {}
            for policy in self._policies:
                for rule in policy.rules:
                    for used in (*rule.filters, rule.action_key):
                        self._rules.setdefault(used, []).append((policy, rule))
        return self._rules.get(key, [])
