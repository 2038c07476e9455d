# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The objects of a store as policies of the model, each part with the objects and blobs it was read from.

What cannot be read is no error here: it is a problem of the policy it belongs to, and the rest is read all the same.
"""

from __future__ import annotations

import dataclasses
import typing as t

from . import blobs, defaults
from .convert.common import lenient
from .convert.filters import FilterList
from .convert.main_mode import read_main_mode
from .convert.negotiation_policy import DEFAULT_RESPONSE_TYPE, read_negotiation_policy, read_security_methods
from .convert.nfa import read_authentication, read_connection_type, read_tunnel
from .graph import ACTION, FILTERS, ISAKMP, NFAS, Graph, object_id
from .model import DefaultResponse, MainMode, ModelError, Policy, Rule
from .store import SIZE_LIMIT

_Blob = t.TypeVar(
    "_Blob", blobs.PolicyBlob, blobs.IsakmpBlob, blobs.NfaBlob, blobs.NegotiationPolicyBlob, blobs.FilterBlob
)


@dataclasses.dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule, its NFA, and what that refers to: one action and one filter list or several."""

    rule: Rule
    key: str
    nfa: blobs.NfaBlob
    action_key: str
    action: blobs.NegotiationPolicyBlob
    filters: t.Mapping[str, FilterList]


@dataclasses.dataclass(frozen=True, slots=True)
class StoredDefaultResponse:
    """The default response rule, its NFA and its action."""

    value: DefaultResponse
    key: str
    nfa: blobs.NfaBlob
    action_key: str
    action: blobs.NegotiationPolicyBlob


@dataclasses.dataclass(frozen=True, slots=True)
class Unreadable:
    """An NFA that no rule could be made of, or a policy whose references cannot be read. `name` is that of the rule;
    `too_much` says that there is no room for any more rules either.
    """

    key: str
    name: str
    problem: str
    too_much: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy and its objects. Blobs are None where they are missing. `unreadable` is what may hide rules."""

    policy: Policy
    key: str
    blob: blobs.PolicyBlob | None
    isakmp_key: str | None
    isakmp: blobs.IsakmpBlob | None
    rules: tuple[StoredRule, ...]
    default_response: StoredDefaultResponse | None
    unreadable: tuple[Unreadable, ...]
    problems: tuple[str, ...]


READ_LIMIT: t.Final = SIZE_LIMIT
"""The most data that one reading unpacks, in bytes: no less than the largest store has, each object read once."""


@dataclasses.dataclass(slots=True)
class _Reading:
    """A reading of policies. What rules share is read for each of them: ten thousand rules with one long filter list
    between them would fill the memory, if `left` (in bytes) did not end it.
    """

    graph: Graph
    left: int

    def unpack(self, key: str, form: type[_Blob]) -> _Blob:
        if key not in self.graph:
            raise _Missing(f"{key} is referred to and does not exist")
        data = self.graph.data(key)
        if data is None:
            raise _Missing(f"{self.graph.path(key)} has no ipsecData")
        if len(data) > self.left:
            raise _TooMuch(
                f"with {self.graph.path(key)} more than {READ_LIMIT} bytes would be read: "
                "too many rules share long lists"
            )
        self.left -= len(data)
        return form.unpack(data)


def read_policies(graph: Graph) -> list[StoredPolicy]:
    """All policies of a store, in the order of their names."""
    reading = _Reading(graph, READ_LIMIT)
    return sorted(
        (_read_policy(reading, key) for key in graph.policies), key=lambda p: (p.policy.name.casefold(), p.key)
    )


def read_policy(graph: Graph, key: str) -> StoredPolicy:
    return _read_policy(_Reading(graph, READ_LIMIT), key)


def _read_policy(reading: _Reading, key: str) -> StoredPolicy:
    graph = reading.graph
    problems: list[str] = []
    blob = _attempt(reading, key, blobs.PolicyBlob, problems)
    isakmp_key, isakmp, main_mode = _read_isakmp(reading, key, problems)
    rules: list[StoredRule] = []
    default_response: StoredDefaultResponse | None = None
    unreadable: list[Unreadable] = []
    for name in graph.unreadable(key):
        problems.append(f"{name or 'the policy'} cannot be read, and with it not the rules that it names")
        unreadable.append(Unreadable(key, "", problems[-1]))
    for nfa in dict.fromkeys(graph.references(key, NFAS)):
        try:
            found = _read_nfa(reading, nfa)
        except (blobs.BlobError, ModelError, _Missing) as error:
            name = graph.text(nfa, "ipsecName")
            problems.append(f"the rule {name or object_id(nfa)} cannot be read: {error}")
            unreadable.append(Unreadable(nfa, name, problems[-1], isinstance(error, _TooMuch)))
            continue
        if isinstance(found, StoredRule):
            rules.append(found)
        elif default_response is None:
            default_response = found
    policy = lenient(
        Policy,
        graph.text(key, "ipsecName"),
        tuple(rule.rule for rule in rules),
        graph.text(key, "description"),
        blob.polling_interval or defaults.POLL_INTERVAL if blob else defaults.POLL_INTERVAL,
        main_mode,
        default_response.value if default_response else None,
        object_id(key),
    )
    return StoredPolicy(
        policy, key, blob, isakmp_key, isakmp, tuple(rules), default_response, tuple(unreadable), tuple(problems)
    )


class _Missing(Exception):
    """A reference into nowhere."""


class _TooMuch(_Missing):
    """A reference to what would go beyond the limit."""


def _attempt(reading: _Reading, key: str, form: type[_Blob], problems: list[str]) -> _Blob | None:
    try:
        return reading.unpack(key, form)
    except (blobs.BlobError, _Missing) as error:
        problems.append(str(error))
        return None


def _read_isakmp(
    reading: _Reading, policy: str, problems: list[str]
) -> tuple[str | None, blobs.IsakmpBlob | None, MainMode]:
    key = next(iter(reading.graph.references(policy, ISAKMP)), None)
    if key is None:
        problems.append("the policy refers to no main mode (ipsecISAKMPReference)")
        return None, None, MainMode()
    blob = _attempt(reading, key, blobs.IsakmpBlob, problems)
    return (key if key in reading.graph else None), blob, read_main_mode(blob) if blob else MainMode()


def _read_nfa(reading: _Reading, key: str) -> StoredRule | StoredDefaultResponse:
    graph = reading.graph
    nfa = reading.unpack(key, blobs.NfaBlob)
    action_key = next(iter(graph.references(key, ACTION)), None)
    if action_key is None:
        raise _Missing("it refers to no action (ipsecNegotiationPolicyReference)")
    action = reading.unpack(action_key, blobs.NegotiationPolicyBlob)
    authentication = read_authentication(nfa)
    filter_keys = list(dict.fromkeys(graph.references(key, FILTERS)))
    if graph.text(action_key, "ipsecNegotiationPolicyType").lower() == DEFAULT_RESPONSE_TYPE and not filter_keys:
        value = lenient(DefaultResponse, nfa.is_active != 0, read_security_methods(action), authentication)
        return StoredDefaultResponse(value, key, nfa, action_key, action)
    lists = {filter_key: FilterList.read(reading.unpack(filter_key, blobs.FilterBlob)) for filter_key in filter_keys}
    rule = lenient(
        Rule,
        graph.text(key, "ipsecName"),
        tuple(filter_ for found in lists.values() for filter_ in found.filters),
        read_negotiation_policy(action, graph.text(action_key, "ipsecNegotiationPolicyAction")),
        authentication,
        read_tunnel(nfa),
        read_connection_type(nfa),
        nfa.is_active != 0,
        graph.text(key, "description"),
        graph.text(filter_keys[0], "ipsecName") if filter_keys else "",
        graph.text(action_key, "ipsecName"),
        object_id(key),
    )
    return StoredRule(rule, key, nfa, action_key, action, lists)
