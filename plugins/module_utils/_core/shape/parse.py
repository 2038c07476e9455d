# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Parses dictionaries into what a user wants. Every mistake is a `ShapeError` with its place; nothing is guessed."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..hints import nearest
from ..model import (
    MINUTES_LIMIT,
    NAME_LIMIT,
    STRONGEST_MAIN_MODE_METHOD,
    STRONGEST_SECURITY_METHOD,
    U32,
    Ah,
    AuthMethod,
    Certificate,
    DnsName,
    Esp,
    Group,
    HostAddress,
    Kerberos,
    MainMode,
    MainModeMethod,
    ModelError,
    OtherAuthentication,
    PresharedKey,
    Rule,
    SecurityMethod,
    action_of,
    check_description,
    check_policy_name,
    check_text,
    connection_type,
    group_error,
    group_number,
    stronger_hint,
)
from ..model.edits import DeleteRule, Edit, EditPolicy
from ..model.wanted import (
    FiltersMode,
    RulesMode,
    Sharing,
    State,
    Wanted,
    WantedDefaultResponse,
    WantedMainMode,
    WantedRule,
)
from ..notation.methods import parse_main_mode_method, parse_security_method
from . import keys
from .fields import Fields, ShapeError, at, choice, kind_of, noting, text_of
from .filters import parse_addresses, parse_filters
from .tried import authentication_hint

STRONGEST: t.Final = "strongest"
"""The word for the strongest method that the policy store has."""


def parse_policies(value: object) -> tuple[tuple[str, Wanted], ...]:
    """What a list of policies asks for, each with its place. Raises `ShapeError`."""
    if not isinstance(value, list | tuple):
        raise ShapeError("policies", f"expected a list of policies, not {kind_of(value)}; [] deletes all policies")
    found = []
    for index, item in enumerate(value):
        place = f"policies[{index}]"
        name = item.get("name") if isinstance(item, t.Mapping) else None
        found.append((f"{place} ({name})" if isinstance(name, str) else place, parse_policy(item, place, by_name=True)))
    assigned = [place for place, wanted in found if wanted.assigned]
    if len(assigned) > 1:
        raise ShapeError("policies", f"only one policy can be assigned, not {' and '.join(assigned)}")
    return tuple(found)


def parse_policy(value: object, path: str = "", by_name: bool = False) -> Wanted:
    """What `value`, at the place `path`, asks for. With `by_name`, rules can take their filters and actions from the
    store by name.

    Raises `ShapeError`.
    """
    notes: list[str] = []
    fields = Fields(value, path, (*keys.POLICY, *keys.READ_ONLY, keys.GPOS))
    name, id_ = fields.text("name"), fields.guid("id")
    if name is None and id_ is None:
        raise ShapeError(fields.place("name"), "a policy needs a name or an id")
    odd = fields.flag("odd") or False
    if name is not None and not odd:
        fields.at("name", check_policy_name, name)
    description = fields.text("description")
    if description is not None and not odd:
        fields.at("description", check_description, description, "the policy's description")
    main_mode = fields.get("main_mode")
    default_response = fields.get("default_response")
    rules = fields.items("rules")
    return Wanted(
        name=name,
        id=id_,
        description=description,
        assigned=fields.flag("assigned"),
        poll_interval=_parse_poll_interval(fields),
        main_mode=None if main_mode is None else parse_main_mode(main_mode, fields.place("main_mode")),
        default_response=None
        if default_response is None
        else _parse_default_response(default_response, fields.place("default_response"), notes),
        rules=None if rules is None else tuple(_parse_rule(rule, path, notes, by_name) for path, rule in rules),
        odd=odd,
        notes=tuple(notes),
    )


def parse_task(value: t.Mapping[str, t.Any], by_name: bool = False) -> tuple[Wanted, State, RulesMode]:
    """What `value` asks for, with `keys.MODES` besides the keys of a policy. `by_name` as in `parse_policy`.

    Raises `ShapeError`.
    """
    state = choice(value, "state", State.PRESENT)
    rules_mode = choice(value, "rules_mode", RulesMode.EXACT)
    policy = {key: item for key, item in value.items() if key not in (*keys.MODES, keys.GPOS_MODE)}
    return parse_policy(policy, by_name=by_name), state, rules_mode


def _parse_poll_interval(fields: Fields) -> int | None:
    value = fields.get("poll_interval")
    found = re.fullmatch(r"\s*([0-9]{1,10})s\s*", value) if isinstance(value, str) else None
    if (
        not found
        and not isinstance(value, int | None)
        and not (isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,10}\s*", value))
    ):
        raise ShapeError(fields.place("poll_interval"), "expected a whole number of minutes, or of seconds, as in 90s")
    minutes = None if found else fields.number("poll_interval")
    seconds = int(found[1]) if found else None if minutes is None else minutes * 60
    if seconds is not None and not 1 <= seconds <= U32:
        raise ShapeError(fields.place("poll_interval"), f"expected 1 to {MINUTES_LIMIT} minutes, or seconds, as in 90s")
    return seconds


def is_strongest(text: str, path: str) -> bool:
    """Whether a text is the word for the strongest method. Raises `ShapeError` if it is misspelt."""
    word = text.strip().casefold()
    if word != STRONGEST and nearest(word, (STRONGEST,)):
        raise ShapeError(path, f"this is not a method; did you mean {STRONGEST}?")
    return word == STRONGEST


def parse_main_mode(value: object, path: str) -> WantedMainMode:
    if isinstance(value, str):
        if not is_strongest(value, path):
            known = ", ".join(keys.MAIN_MODE[:4])
            problem = f"expected {STRONGEST} or a dictionary with keys such as {known}, not another text"
            raise ShapeError(path, problem + _methods_hint(value))
        return WantedMainMode(methods=(STRONGEST_MAIN_MODE_METHOD,), pfs=True)
    fields = Fields(value, path, keys.MAIN_MODE)
    methods = fields.items("methods")
    wanted = WantedMainMode(
        methods=None if methods is None else tuple(_parse_main_mode_method(item, place) for place, item in methods),
        lifetime_seconds=fields.number("lifetime_seconds"),
        quick_mode_limit=fields.number("quick_mode_limit"),
        pfs=fields.flag("pfs"),
        odd=fields.flag("odd") or False,
    )
    if not wanted.odd:
        # each on its own: whether they fit together depends on what is stored
        for key in ("lifetime_seconds", "quick_mode_limit"):
            if (number := getattr(wanted, key)) is not None:
                fields.at(key, MainMode, **{key: number})
        if wanted.methods == ():
            fields.at("methods", MainMode, methods=())
    return wanted


def _methods_hint(text: str) -> str:
    """The end of a message about a text that is not main mode, but may be one of its methods or a part of one."""
    if hint := stronger_hint(text):
        return hint
    try:
        return f"; write methods: [{parse_main_mode_method(text)}]"
    except ModelError:
        number = group_number(text)
        return f"; write methods: [3des-sha-{number}]" if number in tuple(Group) else ""


def _parse_main_mode_method(value: object, path: str) -> MainModeMethod:
    if isinstance(value, str):
        return STRONGEST_MAIN_MODE_METHOD if is_strongest(value, path) else at(path, parse_main_mode_method, value)
    fields = Fields(value, path, keys.MAIN_MODE_METHOD)
    text = fields.get("group")
    if isinstance(text, str) and not text.strip().isdecimal() and group_number(text) is not None:
        raise ShapeError(fields.place("group"), str(group_error(text, "group: {}")))
    group = fields.number("group")
    if group is None:
        raise ShapeError(fields.place("group"), "a main-mode method needs its Diffie-Hellman group: 1, 2 or 14")
    return at(
        path,
        MainModeMethod,
        encryption=fields.required("encryption"),
        integrity=fields.required("integrity"),
        group=group,
        lifetime_seconds=fields.number("lifetime_seconds"),
        lifetime_kilobytes=fields.number("lifetime_kilobytes"),
        quick_mode_limit=fields.number("quick_mode_limit"),
        odd=fields.flag("odd") or False,
    )


def _parse_default_response(value: object, path: str, notes: list[str]) -> WantedDefaultResponse:
    fields = Fields(value if isinstance(value, t.Mapping) else {"enabled": value}, path, keys.DEFAULT_RESPONSE)
    try:
        enabled = fields.flag("enabled")
    except ShapeError:
        if isinstance(value, t.Mapping):
            raise
        known = f"true, false or a dictionary with keys such as {', '.join(keys.DEFAULT_RESPONSE)}"
        raise ShapeError(path, f"expected {known}, not {kind_of(value)}") from None
    methods, authentication = parse_security_methods(fields, notes), parse_authentication(fields)
    if enabled is False and methods == () and authentication == ():
        # facts of a policy without the rule
        return WantedDefaultResponse(False)
    return WantedDefaultResponse(True if enabled is None else enabled, methods, authentication)


def _parse_rule(value: object, path: str, notes: list[str], by_name: bool) -> Rule:
    fields = Fields(value, path, keys.RULE)
    rule = _parse_wanted_rule(fields, notes)
    if not rule.name.strip() and rule.id is None:
        raise ShapeError(path, "a rule needs a name")
    fields.path = f"{path} ({rule.name})" if rule.name else path
    odd = fields.flag("odd") or False
    fields.at("action", rule.negotiation, None, odd)
    return at(fields.path, rule.by_name if by_name else rule.whole, odd)


def parse_rule_edit(value: t.Mapping[str, t.Any], state: State) -> tuple[Edit, tuple[str, ...]]:
    """What `value` asks for one rule of a policy, and notes on its meaning. The keys are those of a rule and
    `keys.RULE_OF_POLICY` and `keys.FILTERS`. Raises `ShapeError`.
    """
    notes: list[str] = []
    fields = Fields(value, "", (*keys.RULE_OF_POLICY, *keys.RULE, *keys.FILTERS))
    policy = fields.text("policy")
    if policy is None:
        raise ShapeError("policy", "this is required: the name of the policy that the rule belongs to")
    fields.at("policy", check_policy_name, policy)
    rule = _parse_wanted_rule(fields, notes)
    if not rule.name and rule.id is None:
        raise ShapeError("name", "a rule needs a name or an id")
    if state == State.ABSENT:
        return DeleteRule(policy, rule.name, rule.id), tuple(notes)
    if not fields.flag("odd"):
        fields.at("name", check_text, rule.name, "the rule's name", NAME_LIMIT)
        fields.at("description", check_description, rule.description or "", "the rule's description")
    filters_mode = choice(value, "filters_mode", FiltersMode.EXACT)
    if rule.filters is None and filters_mode is not FiltersMode.EXACT:
        raise ShapeError("filters", f"this is required: the filters to {filters_mode}")
    rule = dataclasses.replace(rule, filters_mode=filters_mode, sharing=choice(value, "shared", Sharing.COPY))
    main_mode = fields.get("main_mode")
    edit = EditPolicy(
        policy=policy,
        poll_interval=_parse_poll_interval(fields),
        main_mode=None if main_mode is None else parse_main_mode(main_mode, "main_mode"),
        assigned=fields.flag("assigned"),
        rule=rule,
        creates=filters_mode is not FiltersMode.REMOVE,
    )
    return edit, tuple(notes)


def _parse_wanted_rule(fields: Fields, notes: list[str]) -> WantedRule:
    name = fields.text("name")
    path, fields.path = fields.path, f"{fields.path} ({name})" if fields.path and name else fields.path
    odd = fields.flag("odd") or False
    filters = fields.items("filters")
    action = fields.word("action", "") or None
    rule = WantedRule(
        name=name or "",
        id=fields.guid("id"),
        filters=None if filters is None else parse_filters(filters, notes),
        action=None if action is None else fields.at("action", action_of, action),
        methods=parse_security_methods(fields, notes),
        inpass=fields.flag("inpass"),
        soft=fields.flag("soft"),
        authentication=parse_authentication(fields),
        tunnel=parse_tunnel(fields, notes, odd),
        connection_type=parse_connection_type(fields, odd),
        enabled=fields.flag("enabled"),
        description=fields.text("description"),
        filter_list=fields.text("filter_list"),
        filter_action=fields.text("filter_action"),
    )
    fields.path = path
    return rule


def parse_connection_type(fields: Fields, odd: bool) -> str | None:
    name = fields.word("connection_type", "") or None
    return name if name is None or odd else fields.at("connection_type", connection_type, name)


def parse_tunnel(fields: Fields, notes: list[str], odd: bool) -> HostAddress | DnsName | None:
    if fields.text("tunnel") is None:
        if fields.get("tunnel_address") is not None:
            raise ShapeError(fields.place("tunnel_address"), "this needs a DNS name in tunnel, which is missing")
        return None
    ((_text, address),) = parse_addresses(fields, "tunnel", odd, notes)
    if not isinstance(address, HostAddress | DnsName):
        raise ShapeError(fields.place("tunnel"), f"a tunnel endpoint is one address or DNS name, not {address}")
    return address


def parse_security_methods(fields: Fields, notes: list[str]) -> tuple[SecurityMethod, ...] | None:
    items = fields.items("security_methods")
    return None if items is None else tuple(parse_method(item, place, notes) for place, item in items)


def parse_method(value: object, path: str, notes: list[str]) -> SecurityMethod:
    if isinstance(value, str):
        if is_strongest(value, path):
            return STRONGEST_SECURITY_METHOD
        return noting(path, notes, parse_security_method, value)
    fields = Fields(value, path, keys.SECURITY_METHOD)
    odd = fields.flag("odd") or False
    algorithms: list[Ah | Esp] = [
        fields.at("ah", Ah, text.casefold(), odd=odd)
        for place, item in fields.items("ah") or []
        if (text := text_of(item, place)) is not None
    ]
    for place, item in fields.items("esp") or []:
        esp = Fields(item, place, keys.ESP)
        algorithms.append(at(place, Esp, *map(esp.required, keys.ESP), odd=odd))
    return at(
        path,
        SecurityMethod,
        algorithms=tuple(algorithms),
        lifetime_seconds=fields.number("lifetime_seconds") or 0,
        lifetime_kilobytes=fields.number("lifetime_kilobytes") or 0,
        pfs=fields.flag("pfs") or False,
        odd=odd,
    )


def parse_authentication(fields: Fields) -> tuple[AuthMethod, ...] | None:
    items = fields.items("authentication")
    return None if items is None else tuple(_parse_auth_method(item, place) for place, item in items)


def _parse_auth_method(value: object, path: str) -> AuthMethod:
    if isinstance(value, str):
        if value.strip().casefold() == "kerberos":
            return Kerberos()
        problem = "expected kerberos, {preshared_key: …} or {certificate: …}, not another text"
        raise ShapeError(path, problem + authentication_hint(value))
    fields = Fields(value, path, keys.AUTHENTICATION)
    odd = fields.flag("odd") or False
    chosen = [key for key in ("kerberos", "preshared_key", "certificate", "type") if key in fields.value]
    if len(chosen) != 1:
        raise ShapeError(path, "an authentication method has exactly one of kerberos, preshared_key and certificate")
    for key in ("account_mapping", "exclude_ca_name"):
        if fields.flag(key) and chosen != ["certificate"]:
            raise ShapeError(fields.place(key), "this belongs to a method with a certificate")
    if chosen == ["kerberos"]:
        if not fields.flag("kerberos"):
            raise ShapeError(fields.place("kerberos"), "leave the method out instead of setting it to false")
        return Kerberos()
    if chosen == ["preshared_key"]:
        return parse_key(fields.get("preshared_key"), fields.place("preshared_key"), odd)
    if chosen == ["certificate"]:
        return fields.at(
            "certificate",
            Certificate,
            ca=fields.text("certificate") or "",
            account_mapping=fields.flag("account_mapping") or False,
            exclude_ca_name=fields.flag("exclude_ca_name") or False,
            odd=odd,
        )
    return OtherAuthentication(fields.number("type") or 0, None)


def parse_key(value: object, path: str, odd: bool = False) -> PresharedKey:
    """A pre-shared key; None is the stored one. Raises `ShapeError`, never with the key."""
    if value is not None and not isinstance(value, str):
        raise ShapeError(path, f"a key must be text, not {kind_of(value)}; put it in quotes")
    return at(path, PresharedKey, None if value is None else str(value), odd)
