# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filter lists and filter actions that rules use by their names: what is to become of them, and of their rules."""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import did_you_mean
from ..model import Filter, ModelError, NegotiationPolicy, Rule
from ..model.wanted import RuleByName, WantedRule
from ..objects.graph import ObjectClass, object_id
from ..objects.policies import StoredPolicy, StoredRule
from ..objects.shared import SharedObjects, StoredAction, StoredList

_SHOWN: t.Final = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedList:
    """A filter list as it is to be. `stored` is the list as it is; None for a new one. `unused` says that no rule uses
    it afterwards.
    """

    stored: StoredList | None
    name: str
    description: str
    filters: tuple[Filter, ...]
    unused: bool = False

    @classmethod
    def of(cls, stored: StoredList, filters: tuple[Filter, ...] | None = None) -> SharedList:
        """The stored list, with `filters` where they are given."""
        return cls(
            stored=stored,
            name=stored.name,
            description=stored.description,
            filters=stored.filters if filters is None else filters,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedAction:
    """A filter action as it is to be. `stored` is the action as it is; None for a new one. `unused` says that no rule
    uses it afterwards.
    """

    stored: StoredAction | None
    name: str
    description: str
    value: NegotiationPolicy
    unused: bool = False


AnyShared: t.TypeAlias = SharedList | SharedAction


class RuleParts(t.NamedTuple):
    """The shared objects that a rule uses. None: it has its own."""

    lists: tuple[SharedList, ...] | None = None
    action: SharedAction | None = None


def complete_by_name(rule: Rule, origin: StoredRule | None, shared: SharedObjects) -> tuple[Rule, RuleParts | None]:
    """`rule` with the filters and the action that it takes from the store. `origin` is the stored rule that becomes it.

    Raises `ModelError` if the store does not have them.
    """
    if not isinstance(rule, RuleByName):
        return rule, None
    lists = action = None
    if rule.takes_filters:
        found = find_list(shared, rule.filter_list or "", origin)
        if found is None:
            raise ModelError(f"{rule.title}: {missing_list(shared, rule.filter_list or '')}")
        lists = (SharedList.of(found),)
    if rule.takes_action:
        action = find_action(shared, rule.filter_action or "", origin)
        if action is None:
            raise ModelError(f"{rule.title}: {missing_action(shared, rule.filter_action or '')}")
    parts = RuleParts(lists, action)
    plain = Rule(**{field.name: getattr(rule, field.name) for field in dataclasses.fields(Rule)})
    return with_parts(plain, parts), parts


def missing_list(shared: SharedObjects, name: str) -> str:
    """The message about a filter list that is not stored."""
    hint = did_you_mean(name, shared.names(ObjectClass.FILTER))
    return f"no filter list with the name '{name}' is stored{hint or '; give the filters of the rule'}"


def missing_action(shared: SharedObjects, name: str) -> str:
    """The message about a filter action that is not stored."""
    hint = did_you_mean(name, shared.names(ObjectClass.ACTION))
    return f"no filter action with the name '{name}' is stored{hint or '; give the action of the rule'}"


def find_list(shared: SharedObjects, name: str, origin: StoredRule | None) -> StoredList | None:
    """The stored filter list of that name; of several, the one that `origin` uses. Raises `ModelError` if that does not
    decide.
    """
    keys = shared.list_keys(name)
    own = [key for key in keys if origin is not None and key in origin.filters]
    key = _only(own or keys, shared, "filter list", name)
    return None if key is None else shared.list_of(key)


def find_action(shared: SharedObjects, name: str, origin: StoredRule | None) -> SharedAction | None:
    """The stored filter action of that name; of several, the one that `origin` uses. Raises `ModelError` if that does
    not decide.
    """
    keys = shared.action_keys(name)
    own = [key for key in keys if origin is not None and key == origin.action_key]
    key = _only(own or keys, shared, "filter action", name)
    if key is None:
        return None
    stored = shared.action_of(key)
    if stored.value is None:
        raise ModelError(f"{shared.title(key)} has no data; delete it, or set it again")
    return SharedAction(stored=stored, name=stored.name, description=stored.description, value=stored.value)


def _only(keys: t.Sequence[str], shared: SharedObjects, what: str, name: str) -> str | None:
    if len(keys) > 1:
        raise ModelError(f"{len(keys)} {what}s have the name '{name}': {namesakes_of(shared, keys)}")
    return keys[0] if keys else None


def namesakes_of(shared: SharedObjects, keys: t.Sequence[str]) -> str:
    """The end of a message about several objects of one name: which rules use them, and what to do."""
    uses = "; ".join(f"{object_id(key)}{_used_by(shared, key)}" for key in keys[:_SHOWN])
    return f"{uses}. Rename all but one of them"


def _used_by(shared: SharedObjects, key: str) -> str:
    for policy, rule in shared.rules(key):
        return f" (used by the {rule.rule.title} of the policy '{policy.policy.name}')"
    return " (not used)"


def parts_by_name(wanted: WantedRule, origin: StoredRule | None, base: Rule | None, shared: SharedObjects) -> RuleParts:
    """The stored list and the stored action that `wanted` means by their names and that `origin` does not use yet.

    `base` is the rule that `wanted` changes. If the store does not have a name, it is a new name for what the rule has.
    Raises `ModelError` for a new rule.
    """
    lists = action = None
    if wanted.takes_filters:
        name = wanted.filter_list or ""
        found = find_list(shared, name, origin)
        if found is None and base is None:
            raise ModelError(missing_list(shared, name))
        if found is not None and (origin is None or found.key not in origin.filters):
            lists = (SharedList.of(found),)
    if wanted.takes_action:
        name = wanted.filter_action or ""
        action = find_action(shared, name, origin)
        if action is None and base is None:
            raise ModelError(missing_action(shared, name))
        if action is not None and origin is not None and action.stored and action.stored.key == origin.action_key:
            action = None
    return RuleParts(lists, action)


def change_lists(origin: StoredRule, rule: Rule, shared: SharedObjects) -> tuple[SharedList, ...]:
    """The lists of a stored rule if others use them, too, and the filters of `rule` differ: what is gone leaves every
    list, and what is new goes into the first one. Empty where the rule has its lists for itself.
    """
    if rule.filters == origin.rule.filters or not any(
        len(shared.users(key)) > 1 or shared.is_library(key) for key in origin.filters
    ):
        return ()
    wanted = frozenset(rule.filters)
    lists = [shared.list_of(key) for key in origin.filters]
    held = {filter_ for found in lists for filter_ in found.filters}
    kept = [tuple(filter_ for filter_ in found.filters if filter_ in wanted) for found in lists]
    kept[0] = (*kept[0], *(filter_ for filter_ in rule.filters if filter_ not in held))
    changed = [SharedList.of(found, rest) for found, rest in zip(lists, kept, strict=True)]
    if rule.filter_list is not None:
        changed[0] = dataclasses.replace(changed[0], name=rule.filter_list)
    return tuple(changed)


def with_parts(rule: Rule, parts: RuleParts) -> Rule:
    """`rule` with the filters and the action of its parts, and with their names."""
    given: dict[str, t.Any] = {}
    if parts.lists is not None:
        filters = tuple(dict.fromkeys(filter_ for found in parts.lists for filter_ in found.filters))
        given = {"filters": filters, "filter_list": parts.lists[0].name, "odd": rule.odd or not filters}
    if parts.action is not None:
        given.update(action=parts.action.value, filter_action=parts.action.name)
    return dataclasses.replace(rule, **given)


def rules_using(
    shared: SharedObjects, lists: t.Mapping[str, SharedList]
) -> t.Iterator[tuple[StoredPolicy, StoredRule, RuleParts]]:
    """The stored rules that use one of the changed `lists`, which are given by key, and their parts."""
    seen: set[tuple[str, str]] = set()
    for policy, origin in (user for changed in lists for user in shared.rules(changed)):
        if (policy.key, origin.key) not in seen:
            seen.add((policy.key, origin.key))
            of_rule = tuple(lists.get(key) or SharedList.of(shared.list_of(key)) for key in origin.filters)
            yield policy, origin, RuleParts(of_rule)
