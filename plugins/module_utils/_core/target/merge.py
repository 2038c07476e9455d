# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wanted and what is stored, merged: the whole policy that is to exist, and which stored rule becomes which."""

from __future__ import annotations

import dataclasses
import typing as t
from collections import Counter

from ..model import (
    ANY,
    DEFAULT_AUTHENTICATION,
    DEFAULT_MAIN_MODE_METHODS,
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
    RuleError,
    defaults,
)
from ..model.wanted import RulesMode, Wanted, WantedDefaultResponse, WantedMainMode
from ..objects.policies import StoredPolicy, StoredRule
from ..objects.shared import StoredAction, StoredList
from ..store.casing import fold
from .shared import AnyShared, RuleParts
from .stored import refuse_unreadable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A whole policy that is to exist. `origins` has for each of its rules the stored rule that becomes it, or None for
    a new one. `parts` has the shared objects that rules use, by the index of the rule.
    """

    policy: Policy
    origins: tuple[StoredRule | None, ...]
    removed: tuple[StoredRule, ...]
    parts: t.Mapping[int, RuleParts] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyChange:
    """What happens to one policy: `target` is None to delete it, `assigned` None to leave the assignment unchanged."""

    stored: StoredPolicy | None
    target: Target | None
    assigned: bool | None

    def unassigns(self, policy: str) -> bool:
        """Whether the change itself says that the policy with that key is not to be assigned."""
        return self.stored is not None and self.stored.key == policy and (self.target is None or self.assigned is False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happens to a store: to policies, in this order, and to filter lists and filter actions that rules share.
    `deleted` are lists and actions that no rule uses afterwards.
    """

    policies: list[PolicyChange]
    shared: tuple[AnyShared, ...] = ()
    deleted: tuple[StoredList | StoredAction, ...] = ()


def rule_pairs(stored: StoredPolicy | None, target: Target | None) -> list[tuple[Rule | None, Rule | None]]:
    """Each rule before and after a change; None for a rule that does not exist on that side."""
    if target is None:
        return [(origin.rule, None) for origin in (stored.rules if stored else ())]
    pairs: list[tuple[Rule | None, Rule | None]] = [
        (origin.rule if origin else None, rule)
        for rule, origin in zip(target.policy.rules, target.origins, strict=True)
    ]
    return [*pairs, *((origin.rule, None) for origin in target.removed)]


def merge(
    wanted: Wanted,
    stored: StoredPolicy | None,
    rules_mode: RulesMode,
    parts: t.Mapping[int, RuleParts] | None = None,
    removed: t.Collection[str] = (),
) -> Target:
    """The policy that is to exist. `parts` has the shared objects that wanted rules use, by the index of the rule;
    `removed` are the keys of stored rules that do not stay, unless a wanted rule becomes one of them.

    Raises `ModelError`.
    """
    old = stored.policy if stored else None
    if wanted.name is None and old is None:
        raise ModelError(
            f"no policy has the id {wanted.id}; the id changes when an assigned policy is replaced. Add the name, so "
            "that the policy is found or created"
        )
    if wanted.rules is None:
        rules, origins, gone, places = _merge_rules((), stored, RulesMode.MERGE, removed)
    else:
        rules, origins, gone, places = _merge_rules(wanted.rules, stored, rules_mode, removed)
    policy = Policy(
        name=_first(wanted.name, old.name if old else None, ""),
        rules=tuple(rules),
        description=_first(wanted.description, old.description if old else None, ""),
        poll_interval=_first(wanted.poll_interval, old.poll_interval if old else None, defaults.POLL_INTERVAL),
        main_mode=_merge_main_mode(wanted.main_mode, old.main_mode if old else MainMode()),
        default_response=_merge_default_response(wanted.default_response, old.default_response if old else None),
        id=old.id if old else None,
        odd=wanted.odd or (old is not None and old.odd),
    )
    found = {places[index]: of_rule for index, of_rule in (parts or {}).items()}
    _refuse_odd(policy, origins, old, found)
    return Target(policy=policy, origins=tuple(origins), removed=tuple(gone), parts=found)


_DEFAULT_MAIN_MODE: t.Final = WantedMainMode(
    methods=DEFAULT_MAIN_MODE_METHODS,
    lifetime_seconds=defaults.MAIN_MODE_LIFETIME,
    quick_mode_limit=defaults.QUICK_MODE_LIMIT,
    pfs=defaults.PFS,
)


def as_new(wanted: Wanted) -> Wanted:
    """`wanted` for a policy that is deleted and created again: what is not given has the manual's default, whatever is
    stored.
    """
    return dataclasses.replace(
        wanted,
        description=wanted.description or "",
        poll_interval=wanted.poll_interval or defaults.POLL_INTERVAL,
        main_mode=(wanted.main_mode or WantedMainMode()).over(_DEFAULT_MAIN_MODE),
        default_response=wanted.default_response or WantedDefaultResponse(enabled=False),
        rules=wanted.rules or (),
    )


_T = t.TypeVar("_T")


def _first(*values: _T | None) -> _T:
    return next(value for value in values if value is not None)


def _merge_main_mode(wanted: WantedMainMode | None, old: MainMode) -> MainMode:
    if wanted is None:
        return old
    of_first = wanted.methods[0].lifetime_seconds if wanted.methods else None
    return MainMode(
        methods=_first(wanted.methods, old.methods),
        lifetime_seconds=_first(wanted.lifetime_seconds, of_first, old.lifetime_seconds),
        quick_mode_limit=_first(wanted.quick_mode_limit, old.quick_mode_limit),
        pfs=_first(wanted.pfs, old.pfs),
        odd=wanted.odd,
    )


def _merge_default_response(
    wanted: WantedDefaultResponse | None, old: DefaultResponse | None
) -> DefaultResponse | None:
    if wanted is None or (old is None and wanted == WantedDefaultResponse(enabled=False)):
        return old
    base = old or DefaultResponse(enabled=wanted.enabled)
    authentication = base.authentication
    if wanted.authentication is not None:
        authentication = _stored_secrets(wanted.authentication, old.authentication if old else (), "default_response")
    methods = _first(wanted.methods, base.methods)
    found = DefaultResponse(enabled=wanted.enabled, methods=methods, authentication=authentication, odd=True)
    if old == found:
        return old
    _refuse_odd_values("default_response", (*methods, *authentication), {*base.methods, *base.authentication})
    return dataclasses.replace(found, odd=False)


def _merge_rules(
    wanted: tuple[Rule, ...], stored: StoredPolicy | None, rules_mode: RulesMode, removed: t.Collection[str]
) -> tuple[list[Rule], list[StoredRule | None], list[StoredRule], dict[int, int]]:
    """The rules, their origins, the stored rules that are removed, and where each wanted rule is among the rules."""
    old = list(stored.rules) if stored else []
    if stored and stored.unreadable and rules_mode is RulesMode.EXACT:
        problem = stored.unreadable[0].problem
        raise ModelError(
            f"the policy has a rule that cannot be read, so its rules cannot be replaced: {problem}. Delete the policy "
            "in a separate task, or use ipsec_policy with rules_mode=merge, which leaves this rule alone"
        )
    pairs = _match(wanted, old, rules_mode)
    complete = {index: _complete(rule, pairs.get(index)) for index, rule in enumerate(wanted)}
    if rules_mode is RulesMode.MERGE:
        by_key = {origin.key: index for index, origin in pairs.items()}
        gone = [origin for origin in old if origin.key in removed and origin.key not in by_key]
        old = [origin for origin in old if origin.key not in removed or origin.key in by_key]
        rules = [complete[by_key[origin.key]] if origin.key in by_key else origin.rule for origin in old]
        places = {by_key[origin.key]: place for place, origin in enumerate(old) if origin.key in by_key}
        places.update((index, len(old) + n) for n, index in enumerate(i for i in complete if i not in pairs))
        new = [rule for index, rule in complete.items() if index not in pairs]
        for index, rule in enumerate(wanted):
            if stored and index not in pairs:
                refuse_unreadable(stored, rule.name, rule.id)
        _refuse_taken_names(rules + new, old)
        return rules + new, [*old, *[None] * len(new)], gone, places
    kept = {origin.key for origin in pairs.values()}
    return (
        list(complete.values()),
        [pairs.get(index) for index in complete],
        [origin for origin in old if origin.key not in kept],
        {index: index for index in complete},
    )


def _refuse_taken_names(rules: t.Sequence[Rule], old: t.Sequence[StoredRule]) -> None:
    """Raise `ModelError` if a rule gets the name of another one: only their ids would distinguish them."""
    before = Counter(fold(origin.rule.name) for origin in old)
    after = Counter(fold(rule.name) for rule in rules if rule.name)
    for rule in rules:
        if after[fold(rule.name)] > max(1, before[fold(rule.name)]):
            raise RuleError(rule.title, "the policy already has a rule with this name")


def _match(wanted: tuple[Rule, ...], stored: t.Sequence[StoredRule], rules_mode: RulesMode) -> dict[int, StoredRule]:
    """The stored rule for each wanted rule, by the position of the latter. Rules are matched by id, by name, and, where
    neither decides, by content: rules without a name, and rules with one name whose ids come from another host or time.

    If all rules are replaced, rules that merely resemble each other are matched too, so that less is written.
    """
    pairs: dict[int, StoredRule] = {}
    left = {origin.key: origin for origin in stored}

    def pair(index: int, origin: StoredRule) -> None:
        pairs[index] = left.pop(origin.key)

    twice = next((id_ for id_, count in Counter(rule.id for rule in wanted if rule.id).items() if count > 1), None)
    if twice is not None:
        raise ModelError(f"two rules have the id {twice}; an id belongs to one rule")
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
            raise ModelError(f"two rules have the name '{rule.name}'; add their ids, or use different names")
        if rule.id is None and len(found) > 1:
            ids = ", ".join(str(o.rule.id) for o in found)
            raise ModelError(f"{len(found)} stored rules have the name '{rule.name}'; add the id of one of them: {ids}")
        if asked[fold(rule.name)] == len(found) == 1:
            pair(index, found[0])
    for likeness in _LIKENESSES[: None if rules_mode is RulesMode.EXACT else 1]:
        alike = _grouped(left.values(), likeness)
        for index, rule in enumerate(wanted):
            if index not in pairs and (found := alike.get((fold(rule.name), likeness(rule)), [])):
                pair(index, found.pop(0))
    return pairs


def _grouped(
    stored: t.Iterable[StoredRule], likeness: t.Callable[[Rule], t.Hashable]
) -> dict[tuple[str, t.Hashable], list[StoredRule]]:
    """Rules by name and likeness."""
    found: dict[tuple[str, t.Hashable], list[StoredRule]] = {}
    for origin in stored:
        found.setdefault((fold(origin.rule.name), likeness(origin.rule)), []).append(origin)
    return found


def _content(rule: Rule) -> tuple[object, ...]:
    """The content of a rule without its names."""
    kinds = tuple(type(method) for method in rule.authentication)
    return (frozenset(rule.filters), rule.action, kinds, rule.tunnel, rule.connection_type, rule.enabled)


_LIKENESSES: t.Final[tuple[t.Callable[[Rule], t.Hashable], ...]] = (
    _content,
    lambda rule: frozenset(rule.filters),
    lambda rule: rule.action,
    lambda rule: "",
)


def _complete(rule: Rule, origin: StoredRule | None) -> Rule:
    """`rule` with names for its list and its action where it has none, and with the stored secrets."""
    old = origin.rule if origin else None
    name = rule.name or (old.name if old else "")
    # a name such as "Block" would be wrong for an action that permits
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
    # a name that stays may be one that can exist in a store only
    odd = complete.odd or (old is not None and bool({old.filter_list, old.filter_action}.intersection(names)))
    return dataclasses.replace(complete, filter_list=names[0], filter_action=names[1], odd=odd)


def _stored_secrets(
    wanted: tuple[AuthMethod, ...], stored: tuple[AuthMethod, ...], where: str
) -> tuple[AuthMethod, ...]:
    """`wanted` with each null key replaced by the stored key at the same position among keys."""

    def pool(kind: object) -> t.Iterator[AuthMethod]:
        return iter([m for m in stored if _kind(m) == kind])

    pools = {_kind(method): pool(_kind(method)) for method in wanted}
    found: list[AuthMethod] = []
    for method in wanted:
        if isinstance(method, PresharedKey | OtherAuthentication):
            counterpart = next(pools[_kind(method)], None)
            if isinstance(method, PresharedKey) and method.key is None and counterpart is None:
                raise ModelError(
                    f"{where}: preshared_key is null, which keeps the stored key, but none is stored; put the key in, "
                    "or use preshared_keys of ipsec_policy"
                )
            if isinstance(method, OtherAuthentication) and counterpart is None:
                raise ModelError(f"{where}: a method of type {method.type} can be kept, but not added")
            if isinstance(method, OtherAuthentication) or method.key is None:
                method = t.cast(AuthMethod, counterpart)
        found.append(method)
    return tuple(found)


def _kind(method: AuthMethod) -> object:
    return (type(method), method.type if isinstance(method, OtherAuthentication) else None)


def _refuse_odd(
    policy: Policy,
    origins: t.Sequence[StoredRule | None],
    old: Policy | None,
    parts: t.Mapping[int, RuleParts],
) -> None:
    """Raise `ModelError` for odd values that the store does not have already. Those of shared objects are there."""
    if policy.odd:
        _check_anew(policy, old, {"name": "name", "description": "", "poll_interval": defaults.POLL_INTERVAL})
    if policy.main_mode.odd and (old is None or policy.main_mode != old.main_mode):
        _check_main_mode(policy.main_mode)
    for index, (rule, origin) in enumerate(zip(policy.rules, origins, strict=True)):
        stored = origin.rule if origin else None
        taken = parts.get(index, RuleParts())
        if rule.odd:
            # filters count: whether they may be mirrored depends on the rest
            filters = (Filter(source=ME, destination=ANY),)
            # a shared list may be empty
            checked = rule if rule.filters or taken.lists is None else dataclasses.replace(rule, filters=filters)
            ordinary = _ORDINARY_RULE if checked.filters else {**_ORDINARY_RULE, "filters": filters}
            _check_anew(checked, stored, ordinary)
        known = {*stored.filters, stored.action, *stored.authentication, stored.tunnel} if stored else set()
        values: list[object] = [*rule.authentication, rule.tunnel]
        values += rule.filters if taken.lists is None else ()
        values += [rule.action] if taken.action is None else []
        _refuse_odd_values(rule.title, values, known)
        if stored and rule.authentication != stored.authentication and any(map(_has_switches, rule.authentication)):
            raise RuleError(
                rule.title,
                "account_mapping and exclude_ca_name cannot be written, because their format in the "
                "store is not known. They are kept only while the list of methods stays the same; remove them to "
                "change the list",
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
    """Raise `ModelError` for what is odd in `value` and not stored already; what is stored is replaced by an ordinary
    value for the check.
    """
    stays = {name: o for name, o in ordinary.items() if stored and getattr(value, name) == getattr(stored, name)}
    dataclasses.replace(value, odd=False, **stays)


def _refuse_odd_values(where: str, values: t.Iterable[object], known: t.Collection[object]) -> None:
    for value in values:
        if getattr(value, "odd", False) and value not in known:
            raise RuleError(where, f"{_show(value)} is accepted only if the store has it already")


def _has_switches(method: AuthMethod) -> bool:
    return isinstance(method, Certificate) and (method.account_mapping or method.exclude_ca_name)


def _check_main_mode(main_mode: MainMode) -> None:
    methods = tuple(dataclasses.replace(method, odd=False) for method in main_mode.methods)
    dataclasses.replace(main_mode, methods=methods, odd=False)


def _show(value: object) -> str:
    if isinstance(value, PresharedKey):
        return "this pre-shared key"
    if isinstance(value, OtherAuthentication):
        return f"this authentication method of type {value.type}"
    if isinstance(value, NegotiationPolicy):
        return f"the action {value.action} with {', '.join(map(str, value.methods)) or 'no security methods'}"
    return str(value)
