# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dictionaries to dynamic rules and back."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..model import (
    Action,
    AuthMethod,
    DnsName,
    Group,
    HostAddress,
    MainMode,
    PresharedKey,
    SecurityMethod,
    action_of,
    group_error,
)
from ..model.dynamic import (
    CONFIG_PROPERTIES,
    AddDynamic,
    DeleteDynamic,
    DynamicFilter,
    DynamicRule,
    FlushDynamic,
    SetConfig,
    check_main_mode_filters,
    config_value,
)
from ..model.main_mode import DEFAULT_MAIN_MODE
from ..model.wanted import RulesMode, WantedMainMode, directed
from ..notation.filters import BRACKETS
from ..notation.methods import Offer, one_pfs_group, parse_single_offer
from . import keys
from .arguments import auth_method_argument
from .fields import Fields, ShapeError, at, kind_of
from .filters import parse_filters
from .parse import (
    is_strongest,
    parse_authentication,
    parse_connection_type,
    parse_main_mode,
    parse_method,
    parse_tunnel,
)
from .placed import PlacedChange
from .render import (
    Tree,
    known_address,
    render_auth_method,
    render_main_mode,
    render_security_method,
    render_short_filter,
)


class DynamicState(enum.StrEnum):
    """Whether dynamic rules are to exist; `FLUSHED`: none at all, also of others."""

    PRESENT = "present"
    ABSENT = "absent"
    FLUSHED = "flushed"


def parse_dynamic_task(value: t.Mapping[str, t.Any]) -> tuple[tuple[PlacedChange, ...], bool, tuple[str, ...]]:
    """What a task asks for: changes, whether its rules are all there are of ours, and notes on their meaning. The keys
    are those of a dynamic rule and `keys.DYNAMIC_MODES`. Raises `ShapeError`.
    """
    notes: list[str] = []
    state = DynamicState(value.get("state") or DynamicState.PRESENT)
    exact = RulesMode(value.get("rules_mode") or RulesMode.MERGE) is RulesMode.EXACT
    rules = _parse_rules(value, notes)
    settings = parse_settings(value.get("settings"))
    if rules is None and settings is None and state is not DynamicState.FLUSHED:
        raise ShapeError("", f"give filters or rules, or settings, or state: {DynamicState.FLUSHED}")
    if state is DynamicState.FLUSHED and rules is not None:
        raise ShapeError("state", f"{state} deletes all dynamic rules, so the task takes no rules")
    if exact and (rules is None or state is not DynamicState.PRESENT):
        raise ShapeError("rules_mode", f"exact needs the rules that are to exist, and state: {DynamicState.PRESENT}")
    changes: list[PlacedChange] = [PlacedChange(FlushDynamic())] if state is DynamicState.FLUSHED else []
    for place, rule in rules or ():
        change = DeleteDynamic(rule.identity) if state is DynamicState.ABSENT else AddDynamic(rule)
        changes.append(PlacedChange(change, place=place))
    if settings:
        changes.append(PlacedChange(SetConfig(settings), place="settings"))
    return tuple(changes), exact, tuple(notes)


def _parse_rules(value: t.Mapping[str, t.Any], notes: list[str]) -> list[tuple[str, DynamicRule]] | None:
    """The rules of a task with their places: those of a list, or the one that its other options describe."""
    one = {key: item for key, item in value.items() if key in keys.DYNAMIC_RULE and item is not None}
    given = value.get("rules")
    if given is None:
        return [("", parse_dynamic_rule(one, "", notes))] if one else None
    if one:
        raise ShapeError("rules", f"this option has the rules, so put {next(iter(one))} into one of them")
    if not isinstance(given, list | tuple):
        raise ShapeError("rules", f"expected a list of dynamic rules, not {kind_of(given)}")
    placed = [(f"rules[{index}]", item) for index, item in enumerate(given)]
    return [(place, parse_dynamic_rule(item, place, notes)) for place, item in placed]


def parse_settings(value: object) -> dict[str, str] | None:
    """Properties of ``netsh ipsec dynamic set config`` and their values. Raises `ShapeError`."""
    if value is None:
        return None
    fields = Fields(value, "settings", CONFIG_PROPERTIES)
    found = {name: fields.text(name) for name in fields.value}
    return {name: fields.at(name, config_value, name, text) for name, text in found.items() if text is not None}


def parse_dynamic_rule(value: object, path: str, notes: list[str]) -> DynamicRule:
    """The dynamic rule of a dictionary at the place `path`. What is left out has the manual's default.

    Raises `ShapeError`.
    """
    fields = Fields(value, path, keys.DYNAMIC_RULE)
    items = fields.items("filters")
    if not items:
        raise ShapeError(fields.place("filters"), "this is required: the filters of the rule")
    tunnel = parse_tunnel(fields, notes, odd=False)
    filters = _parse_filters(items, _parse_action(fields, Action.NEGOTIATE), tunnel, notes)
    methods, pfs_group = _parse_methods(fields, notes)
    main_mode = fields.get("main_mode")
    given: dict[str, t.Any] = {
        "methods": methods,
        "pfs_group": pfs_group,
        "inpass": fields.flag("inpass"),
        "soft": fields.flag("soft"),
        "soft_lifetime": fields.number("soft_lifetime"),
        "authentication": parse_authentication(fields),
        "tunnel": tunnel,
        "connection_type": parse_connection_type(fields, odd=False),
        "main_mode": None
        if main_mode is None
        else _whole(parse_main_mode(main_mode, fields.place("main_mode")), fields),
    }
    rule = at(
        path,
        DynamicRule,
        filters=tuple(filters),
        **{name: value for name, value in given.items() if value is not None},
    )
    if (main := fields.items("main_mode_filters")) is not None:
        fields.at("main_mode_filters", check_main_mode_filters, rule, parse_filters(main, notes))
    return rule


def _parse_action(fields: Fields, default: Action) -> Action:
    name = fields.word("action", "")
    return fields.at("action", action_of, name) if name else default


def _parse_filters(
    items: t.Iterable[tuple[str, t.Any]], action: Action, tunnel: HostAddress | DnsName | None, notes: list[str]
) -> t.Iterator[DynamicFilter]:
    """The filters of items with their places. `action` is that of filters that have none themselves."""
    for path, value in items:
        text, of_filter = value, action
        if isinstance(value, str) and value[:1] in BRACKETS:
            closing, of_filter = BRACKETS[value[:1]]
            if not value.endswith(closing):
                raise ShapeError(path, f"expected '{closing}' at the end of this filter")
            text = value[1:-1]
            if text[:1] in BRACKETS:
                raise ShapeError(path, "this filter has two signs for its action; write parentheses or brackets once")
        elif isinstance(value, t.Mapping) and "action" in value:
            of_filter = _parse_action(Fields(value, path, (*keys.FILTER, "action")), action)
            text = {key: item for key, item in value.items() if key != "action"}
        for found in directed(parse_filters([(path, text)], notes), tunnel):
            yield DynamicFilter(found, of_filter)


def _parse_methods(fields: Fields, notes: list[str]) -> tuple[tuple[SecurityMethod, ...] | None, Group | None]:
    """The methods, and the group of their PFS, which can be a part of each text or a key of its own."""
    offers = [_parse_offer(item, place, notes) for place, item in fields.items("security_methods") or ()]
    group = fields.at("security_methods", one_pfs_group, offers)
    given = fields.number("pfs_group")
    if given is not None:
        if given not in tuple(Group):
            raise ShapeError(fields.place("pfs_group"), str(group_error(str(given))))
        if group is not None and group != given:
            raise ShapeError(fields.place("pfs_group"), f"the security methods have PFS{int(group)}")
        group = Group(given)
    methods = tuple(offer.method for offer in offers)
    if fields.get("security_methods") is None:
        return None, group
    return methods, group


def _parse_offer(value: object, path: str, notes: list[str]) -> Offer:
    if isinstance(value, str) and not is_strongest(value, path):
        return at(path, parse_single_offer, value)
    return Offer(parse_method(value, path, notes))


def _whole(wanted: WantedMainMode, fields: Fields) -> MainMode:
    """Main mode with the manual's default for each part that was not given."""
    given = {
        name: value
        for name in ("methods", "lifetime_seconds", "quick_mode_limit", "pfs")
        if (value := getattr(wanted, name)) is not None
    }
    return fields.at("main_mode", MainMode, **given)


def render_dynamic_rule(rule: DynamicRule, with_keys: bool = False) -> Tree:
    """All keys of a dynamic rule. A pre-shared key is null, unless `with_keys`."""
    return {
        "filters": [render_filter(item) for item in rule.filters],
        "security_methods": [render_security_method(method) for method in rule.methods],
        "pfs_group": None if rule.pfs_group is None else int(rule.pfs_group),
        "inpass": rule.inpass,
        "soft": rule.soft,
        "soft_lifetime": rule.soft_lifetime,
        "authentication": [_render_authentication(method, with_keys) for method in rule.authentication],
        "tunnel": None if rule.tunnel is None else str(rule.tunnel),
        "tunnel_address": known_address(rule.tunnel),
        "connection_type": str(rule.connection_type),
        "main_mode": render_main_mode(rule.main_mode),
    }


def render_filter(item: DynamicFilter) -> Tree:
    return {**render_short_filter(item.filter), "action": str(item.action)}


def _render_authentication(method: AuthMethod, with_key: bool) -> Tree:
    if with_key and isinstance(method, PresharedKey):
        return {"preshared_key": method.key}
    return render_auth_method(method)


def dynamic_arguments(rule: DynamicRule) -> Tree:
    """The rule as an item of the option `rules`: with pre-shared keys, without default values."""
    plain = DynamicRule(filters=rule.filters)
    found = {
        "security_methods": [str(method) for method in rule.methods],
        "pfs_group": None if rule.pfs_group is None else int(rule.pfs_group),
        "inpass": rule.inpass,
        "soft": rule.soft,
        "soft_lifetime": rule.soft_lifetime,
        "authentication": [auth_method_argument(method) for method in rule.authentication],
        "tunnel": None if rule.tunnel is None else str(rule.tunnel),
        "connection_type": str(rule.connection_type),
        "main_mode": _main_mode_arguments(rule.main_mode),
    }
    fields = {"security_methods": "methods"}
    return {
        "filters": [_filter_arguments(item) for item in rule.filters],
        **{key: value for key, value in found.items() if _differs(rule, plain, fields.get(key, key))},
    }


def render_short_rule(rule: DynamicRule) -> Tree:
    """As `dynamic_arguments`, but with null in place of keys."""
    methods = tuple(PresharedKey(None) if isinstance(m, PresharedKey) else m for m in rule.authentication)
    return dynamic_arguments(dataclasses.replace(rule, authentication=methods))


def _differs(rule: DynamicRule | MainMode, other: DynamicRule | MainMode, field: str) -> bool:
    return bool(getattr(rule, field) != getattr(other, field))


def _filter_arguments(item: DynamicFilter) -> Tree:
    tree = render_filter(item)
    return tree if item.action is not Action.NEGOTIATE else {k: v for k, v in tree.items() if k != "action"}


def _main_mode_arguments(main_mode: MainMode) -> Tree:
    found = {
        "methods": [str(method) for method in main_mode.methods],
        "lifetime_seconds": main_mode.lifetime_seconds,
        "quick_mode_limit": main_mode.quick_mode_limit,
        "pfs": main_mode.pfs,
    }
    return {key: value for key, value in found.items() if _differs(main_mode, DEFAULT_MAIN_MODE, key)}
