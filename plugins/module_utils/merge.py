# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wanted and what is stored, put together: the whole policy that shall be there, and which stored rule becomes
which.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections import Counter

from . import defaults
from .graph import object_id
from .model import (
    ANY,
    DEFAULT_AUTHENTICATION,
    ME,
    AuthMethod,
    Certificate,
    DefaultResponse,
    Filter,
    MainMode,
    ModelError,
    NegotiationPolicy,
    OtherAuthentication,
    Policy,
    PresharedKey,
    Rule,
    fold,
)
from .objects import StoredPolicy, StoredRule
from .shape.wanted import Wanted, WantedDefaultResponse, WantedMainMode


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A whole policy. `origins` has for each of its rules the stored one that becomes it, or None for a new one."""

    policy: Policy
    origins: tuple[StoredRule | None, ...]
    removed: tuple[StoredRule, ...]

    def without(self, keys: t.Collection[str]) -> Target:
        """The same without the stored rules that have these keys."""
        kept = [i for i, origin in enumerate(self.origins) if origin is None or origin.key not in keys]
        return Target(
            dataclasses.replace(self.policy, rules=tuple(self.policy.rules[i] for i in kept)),
            tuple(self.origins[i] for i in kept),
            (*self.removed, *(origin for origin in self.origins if origin is not None and origin.key in keys)),
        )


def find_policy(
    policies: t.Sequence[StoredPolicy], name: str | None, id_: str | None, way_out: str = "say which by its id"
) -> StoredPolicy | None:
    """The policy with that id, else with that name (case does not matter). Raises `ModelError` where the name means
    several, with what can be done about it.
    """
    found = [p for p in policies if id_ is not None and p.policy.id == id_]
    if not found and name is not None:
        found = [p for p in policies if fold(p.policy.name) == fold(name)]
    if len(found) > 1:
        ids = ", ".join(str(p.policy.id) for p in found)
        raise ModelError(f"{len(found)} policies are called '{name}'; {way_out}: {ids}")
    return found[0] if found else None


def refuse_unreadable(stored: StoredPolicy, name: str, id_: str | None) -> None:
    """Raise `ModelError` where a rule with that name or that id is there, but cannot be read, or none can be added."""
    for rule in stored.unreadable:
        if rule.too_much or (name and fold(rule.name) == fold(name)) or object_id(rule.key) == id_:
            raise ModelError(
                f"{rule.problem}. So it can be neither changed nor replaced, and is deleted only with its policy"
            )


def merge(wanted: Wanted, stored: StoredPolicy | None, rules_mode: str) -> Target:
    """The policy that shall be there. Raises `ModelError`."""
    old = stored.policy if stored else None
    if wanted.name is None and old is None:
        raise ModelError(
            f"there is no policy with the id {wanted.id}; an id changes where an assigned policy is written anew: "
            "give the name too, which finds the policy then or makes a new one"
        )
    if wanted.rules is None:
        rules: list[Rule] = list(old.rules) if old else []
        origins: list[StoredRule | None] = list(stored.rules) if stored else []
        removed: list[StoredRule] = []
    else:
        rules, origins, removed = _merge_rules(wanted.rules, stored, rules_mode)
    policy = Policy(
        _first(wanted.name, old.name if old else None, ""),
        tuple(rules),
        _first(wanted.description, old.description if old else None, ""),
        _first(
            wanted.poll_interval,
            old.poll_interval if old else None,
            defaults.POLL_INTERVAL,
        ),
        _merge_main_mode(wanted.main_mode, old.main_mode if old else MainMode()),
        _merge_default_response(wanted.default_response, old.default_response if old else None),
        old.id if old else None,
        odd=wanted.odd or (old is not None and old.odd),
    )
    _refuse_odd(policy, origins, old)
    return Target(policy, tuple(origins), tuple(removed))


_T = t.TypeVar("_T")


def _first(*values: _T | None) -> _T:
    return next(value for value in values if value is not None)


def _merge_main_mode(wanted: WantedMainMode | None, old: MainMode) -> MainMode:
    if wanted is None:
        return old
    of_first = wanted.methods[0].lifetime_seconds if wanted.methods else None
    return MainMode(
        _first(wanted.methods, old.methods),
        _first(wanted.lifetime_seconds, of_first, old.lifetime_seconds),
        _first(wanted.quick_mode_limit, old.quick_mode_limit),
        _first(wanted.pfs, old.pfs),
        odd=wanted.odd,
    )


def _merge_default_response(
    wanted: WantedDefaultResponse | None, old: DefaultResponse | None
) -> DefaultResponse | None:
    if wanted is None or (old is None and wanted == WantedDefaultResponse(enabled=False)):
        return old
    base = old or DefaultResponse(wanted.enabled)
    authentication = base.authentication
    if wanted.authentication is not None:
        authentication = _stored_secrets(wanted.authentication, old.authentication if old else (), "default_response")
    methods = _first(wanted.methods, base.methods)
    if old == (found := DefaultResponse(wanted.enabled, methods, authentication, odd=True)):
        return old
    _refuse_odd_values("default_response", (*methods, *authentication), {*base.methods, *base.authentication})
    return dataclasses.replace(found, odd=False)


def _merge_rules(
    wanted: tuple[Rule, ...], stored: StoredPolicy | None, rules_mode: str
) -> tuple[list[Rule], list[StoredRule | None], list[StoredRule]]:
    old = list(stored.rules) if stored else []
    if stored and stored.unreadable and rules_mode == "exact":
        problem = stored.unreadable[0].problem
        raise ModelError(
            f"the policy has a rule that cannot be read, so its rules are not replaced: {problem}. Delete the "
            "policy in a task of its own, or use ipsec_policy with rules_mode=merge, which leaves that rule alone"
        )
    pairs = _match(wanted, old, rules_mode)
    complete = {index: _complete(rule, pairs.get(index)) for index, rule in enumerate(wanted)}
    if rules_mode == "merge":
        by_key = {origin.key: complete[index] for index, origin in pairs.items()}
        rules = [by_key.get(origin.key, origin.rule) for origin in old]
        new = [rule for index, rule in complete.items() if index not in pairs]
        for index, rule in enumerate(wanted):
            if stored and index not in pairs:
                refuse_unreadable(stored, rule.name, rule.id)
        _refuse_taken_names(rules + new, old)
        return rules + new, [*old, *[None] * len(new)], []
    kept = {origin.key for origin in pairs.values()}
    return (
        list(complete.values()),
        [pairs.get(index) for index in complete],
        [origin for origin in old if origin.key not in kept],
    )


def _refuse_taken_names(rules: t.Sequence[Rule], old: t.Sequence[StoredRule]) -> None:
    """A rule may not take the name of one that stays: only its id could tell them apart then."""
    before = Counter(fold(origin.rule.name) for origin in old)
    after = Counter(fold(rule.name) for rule in rules if rule.name)
    for rule in rules:
        if after[fold(rule.name)] > max(1, before[fold(rule.name)]):
            raise ModelError(f"{rule.title}: another rule of the policy is called so already")


def _match(wanted: tuple[Rule, ...], stored: t.Sequence[StoredRule], rules_mode: str) -> dict[int, StoredRule]:
    """For wanted rules, by their position, the stored one each is about: by id, by name, and by what they say where
    neither tells: rules without a name, and rules of one name whose ids are those of another host or another time.

    Where all rules are replaced, those that only resemble each other are paired too, so that less is written.
    """
    pairs: dict[int, StoredRule] = {}
    left = {origin.key: origin for origin in stored}

    def pair(index: int, origin: StoredRule) -> None:
        pairs[index] = left.pop(origin.key)

    twice = next((id_ for id_, count in Counter(rule.id for rule in wanted if rule.id).items() if count > 1), None)
    if twice is not None:
        raise ModelError(f"two rules have the id {twice}; an id is that of one rule")
    by_id = {origin.rule.id: origin for origin in stored}
    for index, rule in enumerate(wanted):
        if rule.id is not None and rule.id in by_id:
            pair(index, by_id[rule.id])
    by_name = _grouped(left.values(), lambda rule: "")
    asked = Counter(fold(rule.name) for index, rule in enumerate(wanted) if index not in pairs)
    for index, rule in enumerate(wanted):
        if index in pairs or not rule.name:
            continue
        found = by_name.get((fold(rule.name), ""), [])
        if rule.id is None and asked[fold(rule.name)] > 1:
            raise ModelError(f"two rules are called '{rule.name}'; give them ids, or names of their own")
        if rule.id is None and len(found) > 1:
            ids = ", ".join(str(o.rule.id) for o in found)
            raise ModelError(f"{len(found)} stored rules are called '{rule.name}'; say which by its id: {ids}")
        if asked[fold(rule.name)] == len(found) == 1:
            pair(index, found[0])
    for likeness in _LIKENESSES[: None if rules_mode == "exact" else 1]:
        alike = _grouped(left.values(), likeness)
        for index, rule in enumerate(wanted):
            if index not in pairs and (found := alike.get((fold(rule.name), likeness(rule)), [])):
                pair(index, found.pop(0))
    return pairs


def _grouped(
    stored: t.Iterable[StoredRule], likeness: t.Callable[[Rule], t.Hashable]
) -> dict[tuple[str, t.Hashable], list[StoredRule]]:
    """Rules by name and something else that they share."""
    found: dict[tuple[str, t.Hashable], list[StoredRule]] = {}
    for origin in stored:
        found.setdefault((fold(origin.rule.name), likeness(origin.rule)), []).append(origin)
    return found


def _content(rule: Rule) -> tuple[object, ...]:
    """What a rule does, without its names."""
    kinds = tuple(type(method) for method in rule.authentication)
    return (frozenset(rule.filters), rule.action, kinds, rule.tunnel, rule.connection_type, rule.enabled)


_LIKENESSES: t.Final[tuple[t.Callable[[Rule], t.Hashable], ...]] = (
    _content,
    lambda rule: frozenset(rule.filters),
    lambda rule: rule.action,
    lambda rule: "",
)


def _complete(rule: Rule, origin: StoredRule | None) -> Rule:
    """`rule` with the names that were left to us and the secrets that are stored."""
    old = origin.rule if origin else None
    name = rule.name or (old.name if old else "")
    # a name like "Block" would be wrong on an action that permits
    kept_name = old.filter_action if old and old.action.action == rule.action.action else None
    complete = dataclasses.replace(
        rule,
        name=name,
        authentication=_stored_secrets(rule.authentication, old.authentication if old else (), rule.title),
        id=old.id if old else None,
    )
    names = (
        _first(rule.filter_list, old.filter_list if old else None, name),
        _first(rule.filter_action, kept_name, name),
    )
    # a name that stays may be one that only a store has
    odd = complete.odd or (old is not None and bool({old.filter_list, old.filter_action}.intersection(names)))
    return dataclasses.replace(complete, filter_list=names[0], filter_action=names[1], odd=odd)


def _stored_secrets(
    wanted: tuple[AuthMethod, ...], stored: tuple[AuthMethod, ...], where: str
) -> tuple[AuthMethod, ...]:
    """`wanted` with each null key replaced by the stored one at the same place among its kind."""

    def pool(kind: object) -> t.Iterator[AuthMethod]:
        return iter([m for m in stored if _kind(m) == kind])

    pools = {_kind(method): pool(_kind(method)) for method in wanted}
    found: list[AuthMethod] = []
    for method in wanted:
        if isinstance(method, PresharedKey | OtherAuthentication):
            counterpart = next(pools[_kind(method)], None)
            if isinstance(method, PresharedKey) and method.key is None and counterpart is None:
                raise ModelError(
                    f"{where}: null keeps the pre-shared key that is stored, and there is none; put the key in"
                )
            if isinstance(method, OtherAuthentication) and counterpart is None:
                raise ModelError(f"{where}: a method of type {method.type} is kept only where the store holds one")
            if isinstance(method, OtherAuthentication) or method.key is None:
                method = t.cast(AuthMethod, counterpart)
        found.append(method)
    return tuple(found)


def _kind(method: AuthMethod) -> object:
    return (type(method), method.type if isinstance(method, OtherAuthentication) else None)


def _refuse_odd(policy: Policy, origins: t.Sequence[StoredRule | None], old: Policy | None) -> None:
    """Raise `ModelError` for odd values that the store does not hold already."""
    if policy.odd:
        _check_anew(policy, old, {"name": "name", "description": "", "poll_interval": defaults.POLL_INTERVAL})
    if policy.main_mode.odd and (old is None or policy.main_mode != old.main_mode):
        _check_main_mode(policy.main_mode)
    for rule, origin in zip(policy.rules, origins, strict=True):
        stored = origin.rule if origin else None
        if rule.odd:
            # filters that are there count: whether they may be mirrored depends on the rest
            without_filters = {} if rule.filters else {"filters": (Filter(ME, ANY),)}
            _check_anew(rule, stored, {**_ORDINARY_RULE, **without_filters})
        known = {*stored.filters, stored.action, *stored.authentication, stored.tunnel} if stored else set()
        values = (*rule.filters, rule.action, *rule.authentication, rule.tunnel)
        _refuse_odd_values(rule.title, values, known)
        if stored and rule.authentication != stored.authentication and any(map(_has_switches, rule.authentication)):
            raise ModelError(
                f"{rule.title}: account_mapping and exclude_ca_name are kept only while the list of methods "
                "stays as it is, as the store's form for them is not known; take them out to change the list "
                "without them"
            )


_ORDINARY_RULE: t.Final[t.Mapping[str, t.Any]] = {
    "name": "",
    "description": "",
    "authentication": DEFAULT_AUTHENTICATION,
    "tunnel": None,
    "connection_type": "all",
    "filter_list": None,
    "filter_action": None,
}


def _check_anew(value: Policy | Rule, stored: Policy | Rule | None, ordinary: t.Mapping[str, t.Any]) -> None:
    """Raise `ModelError` for what is odd in `value` and was not stored so: what stays counts as something ordinary."""
    stays = {name: o for name, o in ordinary.items() if stored and getattr(value, name) == getattr(stored, name)}
    dataclasses.replace(value, odd=False, **stays)


def _refuse_odd_values(where: str, values: t.Iterable[object], known: t.Collection[object]) -> None:
    for value in values:
        if getattr(value, "odd", False) and value not in known:
            raise ModelError(f"{where}: {_show(value)} is odd: it is taken only where the store holds it already")


def _has_switches(method: AuthMethod) -> bool:
    return isinstance(method, Certificate) and (method.account_mapping or method.exclude_ca_name)


def _check_main_mode(main_mode: MainMode) -> None:
    methods = tuple(dataclasses.replace(method, odd=False) for method in main_mode.methods)
    dataclasses.replace(main_mode, methods=methods, odd=False)


def _show(value: object) -> str:
    if isinstance(value, PresharedKey | OtherAuthentication):
        return type(value).__name__
    if isinstance(value, NegotiationPolicy):
        return f"the action {value.action} with {', '.join(map(str, value.methods)) or 'no security methods'}"
    return str(value)
