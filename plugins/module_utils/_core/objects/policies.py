# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The objects of a store as policies of the model, each part with the objects and blobs that it was read from.

An object that cannot be read is not an error here: it becomes a problem of the policy that it belongs to, and the rest
is read nevertheless.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import DefaultResponse, MainMode, ModelError, Policy, Rule, defaults
from ..store.names import ACTION, ACTION_GUID, ACTION_TYPE, DESCRIPTION, FILTERS, ISAKMP, NAME, NFAS
from ..store.packed import SIZE_LIMIT
from . import blobs
from .convert.common import lenient
from .convert.filters import StoredFilterList
from .convert.main_mode import read_main_mode
from .convert.negotiation_policy import DEFAULT_RESPONSE_TYPE, read_negotiation_policy, read_security_methods
from .convert.nfa import read_authentication, read_connection_type, read_tunnel
from .graph import Graph, object_id

_Blob = t.TypeVar(
    "_Blob", blobs.PolicyBlob, blobs.IsakmpBlob, blobs.NfaBlob, blobs.NegotiationPolicyBlob, blobs.FilterBlob
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredRule:
    """A rule, its NFA, and the objects that the NFA refers to: one action and one or more filter lists."""

    rule: Rule
    key: str
    nfa: blobs.NfaBlob
    action_key: str
    action: blobs.NegotiationPolicyBlob
    filters: t.Mapping[str, StoredFilterList]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredDefaultResponse:
    """The default response rule, its NFA and its action."""

    value: DefaultResponse
    key: str
    nfa: blobs.NfaBlob
    action_key: str
    action: blobs.NegotiationPolicyBlob


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An NFA that cannot be read as a rule, or a policy whose references cannot be read. `name` is that of the rule.
    `too_much` says that the policy is too large to read more rules.
    """

    key: str
    name: str
    problem: str
    too_much: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredPolicy:
    """A policy and its objects. Blobs are None where they are missing. `unreadable` are objects that may hide rules."""

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
"""The most data that is unpacked in one go, in bytes: enough for each object of the largest store once."""


@dataclasses.dataclass(slots=True)
class _ObjectReader:
    """Unpacks objects. A shared object is unpacked for each of its users; `left`, in bytes, keeps ten thousand rules
    with one long filter list from filling the memory.
    """

    graph: Graph
    left: int

    def unpack(self, key: str, form: type[_Blob]) -> _Blob:
        if key not in self.graph:
            raise _MissingError(f"{key.lower()} does not exist")
        data = self.graph.data(key)
        if data is None:
            raise _MissingError(f"{self.graph.path(key)} has no ipsecData")
        if len(data) > self.left:
            raise _TooMuchError(
                f"too many rules share long filter lists: reading {self.graph.path(key)} would exceed the limit of "
                f"{READ_LIMIT} bytes"
            )
        self.left -= len(data)
        return form.unpack(data)


def read_policies(graph: Graph) -> list[StoredPolicy]:
    """All policies of a store, sorted by name."""
    reader = _ObjectReader(graph, READ_LIMIT)
    return sorted(
        (_read_policy(reader, key) for key in graph.policies), key=lambda p: (p.policy.name.casefold(), p.key)
    )


def read_policy(graph: Graph, key: str) -> StoredPolicy:
    """The policy of a key in the graph."""
    return _read_policy(_ObjectReader(graph, READ_LIMIT), key)


def _read_policy(reader: _ObjectReader, key: str) -> StoredPolicy:
    graph = reader.graph
    problems: list[str] = []
    blob = _try(reader, key, blobs.PolicyBlob, problems)
    isakmp_key, isakmp, main_mode = _read_isakmp(reader, key, problems)
    rules: list[StoredRule] = []
    default_response: StoredDefaultResponse | None = None
    unreadable: list[Unreadable] = []
    for name in graph.unreadable(key):
        problems.append(f"{name or 'the policy object'} cannot be read, so rules of the policy may be missing")
        unreadable.append(Unreadable(key=key, name="", problem=problems[-1]))
    for nfa in dict.fromkeys(graph.references(key, NFAS)):
        try:
            found = _read_nfa(reader, nfa)
        except (blobs.BlobError, ModelError, _MissingError) as error:
            name = graph.text(nfa, NAME)
            title = f"'{name}'" if name else object_id(nfa)
            problems.append(f"the rule {title} cannot be read: {error}")
            too_much = isinstance(error, _TooMuchError)
            unreadable.append(Unreadable(key=nfa, name=name, problem=problems[-1], too_much=too_much))
            continue
        if isinstance(found, StoredRule):
            rules.append(found)
        elif default_response is None:
            default_response = found
    policy = lenient(
        Policy,
        name=graph.text(key, NAME),
        rules=tuple(rule.rule for rule in rules),
        description=graph.text(key, DESCRIPTION),
        poll_interval=blob.polling_interval or defaults.POLL_INTERVAL if blob else defaults.POLL_INTERVAL,
        main_mode=main_mode,
        default_response=default_response.value if default_response else None,
        id=object_id(key),
    )
    return StoredPolicy(
        policy=policy,
        key=key,
        blob=blob,
        isakmp_key=isakmp_key,
        isakmp=isakmp,
        rules=tuple(rules),
        default_response=default_response,
        unreadable=tuple(unreadable),
        problems=tuple(problems),
    )


class _MissingError(Exception):
    """A reference to an object that does not exist or has no data."""


class _TooMuchError(_MissingError):
    """A reference that would exceed the limit."""


def _try(reader: _ObjectReader, key: str, form: type[_Blob], problems: list[str]) -> _Blob | None:
    try:
        return reader.unpack(key, form)
    except (blobs.BlobError, _MissingError) as error:
        problems.append(str(error))
        return None


def _read_isakmp(
    reader: _ObjectReader, policy: str, problems: list[str]
) -> tuple[str | None, blobs.IsakmpBlob | None, MainMode]:
    key = next(iter(reader.graph.references(policy, ISAKMP)), None)
    if key is None:
        problems.append("the policy has no reference to main mode (ipsecISAKMPReference)")
        return None, None, MainMode()
    blob = _try(reader, key, blobs.IsakmpBlob, problems)
    return (key if key in reader.graph else None), blob, read_main_mode(blob) if blob else MainMode()


def _read_nfa(reader: _ObjectReader, key: str) -> StoredRule | StoredDefaultResponse:
    graph = reader.graph
    nfa = reader.unpack(key, blobs.NfaBlob)
    action_key = next(iter(graph.references(key, ACTION)), None)
    if action_key is None:
        raise _MissingError("it has no reference to an action (ipsecNegotiationPolicyReference)")
    action = reader.unpack(action_key, blobs.NegotiationPolicyBlob)
    authentication = read_authentication(nfa)
    filter_keys = list(dict.fromkeys(graph.references(key, FILTERS)))
    if graph.text(action_key, ACTION_TYPE).lower() == DEFAULT_RESPONSE_TYPE and not filter_keys:
        value = lenient(
            DefaultResponse,
            enabled=nfa.is_active != 0,
            methods=read_security_methods(action),
            authentication=authentication,
        )
        return StoredDefaultResponse(value=value, key=key, nfa=nfa, action_key=action_key, action=action)
    lists = {k: StoredFilterList.read(reader.unpack(k, blobs.FilterBlob)) for k in filter_keys}
    rule = lenient(
        Rule,
        name=graph.text(key, NAME),
        filters=tuple(filter_ for found in lists.values() for filter_ in found.filters),
        action=read_negotiation_policy(action, graph.text(action_key, ACTION_GUID)),
        authentication=authentication,
        tunnel=read_tunnel(nfa),
        connection_type=read_connection_type(nfa),
        enabled=nfa.is_active != 0,
        description=graph.text(key, DESCRIPTION),
        filter_list=graph.text(filter_keys[0], NAME) if filter_keys else "",
        filter_action=graph.text(action_key, NAME),
        id=object_id(key),
    )
    return StoredRule(rule=rule, key=key, nfa=nfa, action_key=action_key, action=action, filters=lists)
