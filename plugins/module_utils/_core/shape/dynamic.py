# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dictionaries to dynamic rules and back."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import (
    Action,
    AuthMethod,
    Group,
    MainMode,
    PresharedKey,
    SecurityMethod,
    action_of,
    group_error,
)
from ..model.dynamic import DynamicFilter, DynamicRule, check_main_mode_filters
from ..model.wanted import WantedFilter, WantedMainMode
from ..notation.methods import Offer, one_pfs_group, parse_single_offer
from . import keys
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
from .render import (
    Tree,
    known_address,
    render_auth_method,
    render_main_mode,
    render_security_method,
    render_short_filter,
)

BRACKETS: t.Final = {"(": (")", Action.PERMIT), "[": ("]", Action.BLOCK)}
"""The manual's signs around a filter that permits or blocks."""


def parse_dynamic_rules(value: object) -> tuple[tuple[tuple[str, DynamicRule], ...], tuple[str, ...]]:
    """The dynamic rules of a list, each with its place, and notes on their meaning. Raises `ShapeError`."""
    if not isinstance(value, list | tuple):
        raise ShapeError("rules", f"expected a list of dynamic rules, not {kind_of(value)}; [] has no rules")
    notes: list[str] = []
    found = [
        (f"rules[{index}]", parse_dynamic_rule(item, f"rules[{index}]", notes)) for index, item in enumerate(value)
    ]
    return tuple(found), tuple(notes)


def parse_dynamic_rule(value: object, path: str, notes: list[str]) -> DynamicRule:
    """The dynamic rule of a dictionary at the place `path`. What is left out has the manual's default.

    Raises `ShapeError`.
    """
    fields = Fields(value, path, keys.DYNAMIC_RULE)
    items = fields.items("filters")
    if not items:
        raise ShapeError(fields.place("filters"), "this is required: the filters of the rule")
    tunnel = parse_tunnel(fields, notes, odd=False)
    filters = [
        dataclasses.replace(found, filter=_directed(found.filter, tunnel is not None))
        for found in _parse_filters(items, _parse_action(fields, Action.NEGOTIATE), notes)
    ]
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


def _parse_filters(items: t.Iterable[tuple[str, t.Any]], action: Action, notes: list[str]) -> t.Iterator[DynamicFilter]:
    """The filters of items with their places. `action` is that of filters that have none themselves."""
    for path, value in items:
        text, of_filter = value, action
        if isinstance(value, str) and value[:1] in BRACKETS:
            closing, of_filter = BRACKETS[value[:1]]
            if not value.endswith(closing):
                raise ShapeError(path, f"expected '{closing}' at the end of this filter")
            text = value[1:-1]
        elif isinstance(value, t.Mapping) and "action" in value:
            of_filter = _parse_action(Fields(value, path, (*keys.FILTER, "action")), action)
            text = {key: item for key, item in value.items() if key != "action"}
        for found in parse_filters([(path, text)], notes):
            yield DynamicFilter(found, of_filter)


def _directed(filter_: t.Any, tunnel: bool) -> t.Any:
    """A filter of a tunnel is one-way if nothing else was given."""
    if tunnel and isinstance(filter_, WantedFilter):
        return dataclasses.replace(filter_, mirrored=False)
    return filter_


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
        "filters": [_render_filter(item) for item in rule.filters],
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


def _render_filter(item: DynamicFilter) -> Tree:
    return {**render_short_filter(item.filter), "action": str(item.action)}


def _render_authentication(method: AuthMethod, with_key: bool) -> Tree:
    if with_key and isinstance(method, PresharedKey):
        return {"preshared_key": method.key}
    return render_auth_method(method)


def dynamic_arguments(rule: DynamicRule) -> Tree:
    """The rule as an item of the option `rules`: with pre-shared keys, without default values."""
    plain = render_dynamic_rule(DynamicRule(filters=rule.filters))
    tree = render_dynamic_rule(rule, with_keys=True)
    return {key: value for key, value in tree.items() if key == "filters" or value != plain[key]}
