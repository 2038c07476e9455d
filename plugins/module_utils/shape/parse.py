# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dictionaries to what a user wants. Every mistake is one `ShapeError` that names its place; nothing is guessed."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..addresses import parse_address
from ..hints import did_you_mean
from ..ipseccmd.filters import parse_filter
from ..ipseccmd.methods import parse_main_mode_method, parse_security_method
from ..model import (
    PROTOCOLS,
    U32,
    Address,
    AddressRange,
    Ah,
    AuthMethod,
    Certificate,
    DnsName,
    Esp,
    Family,
    Filter,
    Host,
    Interface,
    Kerberos,
    MainMode,
    MainModeMethod,
    NegotiationPolicy,
    OtherAuthentication,
    Ports,
    PresharedKey,
    Rule,
    SecurityMethod,
    Special,
    Subnet,
    check_description,
    check_policy_name,
)
from . import keys
from .edits import DeleteRule, Edit, EditPolicy
from .fields import Fields, ShapeError, at, kind_of, noting, text_of
from .wanted import Wanted, WantedDefaultResponse, WantedMainMode, WantedRule


def parse_policy(value: t.Mapping[str, t.Any]) -> Wanted:
    """What `value` asks for. Raises `ShapeError`."""
    notes: list[str] = []
    fields = Fields(value, "", (*keys.POLICY, *keys.READ_ONLY))
    name, id_ = fields.text("name"), fields.guid("id")
    if name is None and id_ is None:
        raise ShapeError("name", "a policy is known by its name, or by its id")
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
        name,
        id_,
        description,
        fields.flag("assigned"),
        _parse_poll_interval(fields),
        None if main_mode is None else _parse_main_mode(main_mode, "main_mode"),
        None if default_response is None else _parse_default_response(default_response, "default_response", notes),
        None if rules is None else tuple(_parse_rule(rule, path, notes) for path, rule in rules),
        odd,
        tuple(notes),
    )


def parse_task(value: t.Mapping[str, t.Any]) -> tuple[Wanted, bool, str]:
    """What `value` asks for with `keys.MODES` beside the policy, whether that is to be absent, and the mode of its
    rules. Raises `ShapeError`.
    """
    modes = {}
    for key, choices in keys.MODES.items():
        modes[key] = choices[0] if value.get(key) is None else value[key]
        if modes[key] not in choices:
            found = f"'{modes[key]}'" if isinstance(modes[key], str) else kind_of(modes[key])
            raise ShapeError(key, f"this is {' or '.join(choices)}, not {found}")
    wanted = parse_policy({key: item for key, item in value.items() if key not in modes})
    return wanted, modes["state"] == "absent", modes["rules_mode"]


def _parse_poll_interval(fields: Fields) -> int | None:
    value = fields.get("poll_interval")
    found = re.fullmatch(r"\s*([0-9]{1,10})s\s*", value) if isinstance(value, str) else None
    if (
        not found
        and not isinstance(value, int | None)
        and not (isinstance(value, str) and re.fullmatch(r"\s*[0-9]+\s*", value))
    ):
        raise ShapeError("poll_interval", "this must be a whole number of minutes, or of seconds as in 90s")
    minutes = None if found else fields.number("poll_interval")
    seconds = int(found[1]) if found else None if minutes is None else minutes * 60
    if seconds is not None and not 1 <= seconds <= U32:
        raise ShapeError(
            "poll_interval",
            f"the interval is a number of minutes, 1 to {U32 // 60}, or of seconds as in 90s",
        )
    return seconds


def _parse_main_mode(value: object, path: str) -> WantedMainMode:
    fields = Fields(value, path, keys.MAIN_MODE)
    methods = fields.items("methods")
    wanted = WantedMainMode(
        None if methods is None else tuple(_parse_main_mode_method(item, place) for place, item in methods),
        fields.number("lifetime_seconds"),
        fields.number("quick_mode_limit"),
        fields.flag("pfs"),
        fields.flag("odd") or False,
    )
    if not wanted.odd:
        # each on its own: whether they fit together is told with what is stored
        for key in ("lifetime_seconds", "quick_mode_limit"):
            if (number := getattr(wanted, key)) is not None:
                fields.at(key, MainMode, **{key: number})
        if wanted.methods == ():
            fields.at("methods", MainMode, ())
    return wanted


def _parse_main_mode_method(value: object, path: str) -> MainModeMethod:
    if isinstance(value, str):
        return at(path, parse_main_mode_method, value)
    fields = Fields(value, path, keys.MAIN_MODE_METHOD)
    group = fields.number("group")
    if group is None:
        raise ShapeError(fields.place("group"), "a main-mode method needs its Diffie-Hellman group: 1, 2 or 14")
    return at(
        path,
        MainModeMethod,
        fields.required("encryption"),
        fields.required("integrity"),
        group,
        fields.number("lifetime_seconds"),
        fields.number("lifetime_kilobytes"),
        fields.number("quick_mode_limit"),
        odd=fields.flag("odd") or False,
    )


def _parse_default_response(value: object, path: str, notes: list[str]) -> WantedDefaultResponse:
    fields = Fields(value if isinstance(value, t.Mapping) else {"enabled": value}, path, keys.DEFAULT_RESPONSE)
    try:
        enabled = fields.flag("enabled")
    except ShapeError:
        if isinstance(value, t.Mapping):
            raise
        known = f"true, false or a dictionary with keys like {', '.join(keys.DEFAULT_RESPONSE)}"
        raise ShapeError(path, f"this must be {known}, not {kind_of(value)}") from None
    return WantedDefaultResponse(
        True if enabled is None else enabled,
        _parse_security_methods(fields, notes),
        _parse_authentication(fields),
    )


def _parse_rule(value: object, path: str, notes: list[str]) -> Rule:
    fields = Fields(value, path, keys.RULE)
    rule = _parse_wanted_rule(fields, notes)
    if not rule.name.strip() and rule.id is None:
        raise ShapeError(path, "a rule is known by its name; give one")
    fields.path = f"{path} ({rule.name})" if rule.name else path
    odd = fields.flag("odd") or False
    fields.at("action", rule.negotiation, None, odd)
    return at(fields.path, rule.whole, odd)


def parse_rule_edit(value: t.Mapping[str, t.Any], absent: bool) -> tuple[Edit, tuple[str, ...]]:
    """What `value` asks for one rule of a policy: the keys of a rule and `keys.RULE_OF_POLICY`. Returns notes with it.

    Raises `ShapeError`.
    """
    notes: list[str] = []
    rule_keys = [key for key in keys.RULE if key != "odd"]
    fields = Fields(value, "", (*keys.RULE_OF_POLICY, *rule_keys))
    policy = fields.text("policy")
    if policy is None:
        raise ShapeError("policy", "this is missing: the name of the policy that the rule belongs to")
    fields.at("policy", check_policy_name, policy)
    rule = _parse_wanted_rule(fields, notes)
    if not rule.name and rule.id is None:
        raise ShapeError("name", "a rule is known by its name, or by its id")
    if absent:
        return DeleteRule(policy, rule.name, rule.id), tuple(notes)
    main_mode = fields.get("main_mode")
    edit = EditPolicy(
        policy,
        _parse_poll_interval(fields),
        None if main_mode is None else _parse_main_mode(main_mode, "main_mode"),
        None,
        fields.flag("assigned"),
        rule,
    )
    return edit, tuple(notes)


def _parse_wanted_rule(fields: Fields, notes: list[str]) -> WantedRule:
    name = fields.text("name")
    path, fields.path = fields.path, f"{fields.path} ({name})" if fields.path and name else fields.path
    odd = fields.flag("odd") or False
    filters = fields.items("filters")
    action = fields.word("action", "") or None
    if action is not None and action not in NegotiationPolicy.ACTIONS:
        fields.at("action", NegotiationPolicy, action)
    rule = WantedRule(
        name or "",
        fields.guid("id"),
        None if filters is None else tuple(_parse_filter(item, place, notes) for place, item in filters),
        action,
        _parse_security_methods(fields, notes),
        fields.flag("inpass"),
        fields.flag("soft"),
        _parse_authentication(fields),
        _parse_tunnel(fields, notes, odd),
        fields.word("connection_type", "") or None,
        fields.flag("enabled"),
        fields.text("description"),
        fields.text("filter_list"),
        fields.text("filter_action"),
    )
    fields.path = path
    return rule


def _parse_tunnel(fields: Fields, notes: list[str], odd: bool) -> Host | DnsName | None:
    if fields.text("tunnel") is None:
        if fields.get("tunnel_address") is not None:
            raise ShapeError(fields.place("tunnel_address"), "this goes with a DNS name in tunnel, which is missing")
        return None
    address = _parse_address(fields, "tunnel", "tunnel_address", odd, notes)
    if not isinstance(address, Host | DnsName):
        raise ShapeError(fields.place("tunnel"), f"a tunnel ends at one address or DNS name, not at {address}")
    return address


def _parse_address(fields: Fields, key: str, known_key: str, odd: bool, notes: list[str]) -> Address:
    """An address; a DNS name with the one that facts gave with it, which decides where the name means several."""
    fields.required(key)
    text = fields.text(key) or ""
    known: Special | Host | Subnet | AddressRange | None = None
    if fields.get(known_key) is not None:
        found = fields.at(known_key, parse_address, fields.text(known_key) or "", [], True)
        if isinstance(found, DnsName | Interface):
            raise ShapeError(fields.place(known_key), f"'{found}' is no address")
        known = found
    if odd and known is not None:
        return DnsName(text, known, odd=True)
    address = noting(fields.place(key), notes, lambda text, found: parse_address(text, found, odd), text)
    if known is None:
        return address
    if not isinstance(address, DnsName):
        raise ShapeError(fields.place(known_key), f"this goes with a DNS name; {key} is {address}")
    return dataclasses.replace(address, address=known)


def _parse_filter(value: object, path: str, notes: list[str]) -> Filter:
    if isinstance(value, str):
        return noting(path, notes, parse_filter, value)
    fields = Fields(value, path, keys.FILTER)
    odd = fields.flag("odd") or False
    source, destination = _parse_ends(fields, odd, notes)
    return at(
        path,
        Filter,
        source,
        destination,
        _parse_protocol(fields, odd),
        _parse_ports(fields, "source_port", odd),
        _parse_ports(fields, "destination_port", odd),
        fields.flag("mirrored") or False,
        fields.text("description") or "",
        odd,
    )


def _parse_ends(fields: Fields, odd: bool, notes: list[str]) -> tuple[Address, Address]:
    ends: list[Address] = []
    for key in ("source", "destination"):
        if fields.text(key) is None:
            raise ShapeError(fields.place(key), "a filter needs it: me, any, an address, a subnet, a DNS name")
        ends.append(_parse_address(fields, key, f"{key}_address", odd, notes))
    # beside an IPv6 address, a plain 'me' or 'any' means IPv6 too
    if not odd and any(end.family is Family.IPV6 for end in ends):
        for i, key in enumerate(("source", "destination")):
            end = ends[i]
            if isinstance(end, Special) and end.family is Family.IPV4 and "/" not in (fields.text(key) or ""):
                ends[i] = Special(end.kind, Family.IPV6)
    return ends[0], ends[1]


def _parse_protocol(fields: Fields, odd: bool) -> int:
    text = fields.word("protocol", "any")
    if text in PROTOCOLS:
        return PROTOCOLS[text]
    if re.fullmatch("[0-9]{1,10}", text) and (odd or int(text) <= 255):
        return int(text)
    hint = did_you_mean(text, PROTOCOLS)
    raise ShapeError(
        fields.place("protocol"), f"'{text}' is no protocol: any, tcp, udp, icmp, raw or a number from 0 to 255{hint}"
    )


def _parse_ports(fields: Fields, key: str, odd: bool) -> Ports | None:
    text = fields.word(key, "any")
    if text in ("any", "*"):
        return None
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if not found:
        raise ShapeError(
            fields.place(key), f"'{text}' is no port: a number from 1 to 65535, a range as in 5000-5010, or any"
        )
    return fields.at(key, Ports, int(found[1]), int(found[2] or found[1]), odd)


def _parse_security_methods(fields: Fields, notes: list[str]) -> tuple[SecurityMethod, ...] | None:
    items = fields.items("security_methods")
    return None if items is None else tuple(_parse_security_method(item, place, notes) for place, item in items)


def _parse_security_method(value: object, path: str, notes: list[str]) -> SecurityMethod:
    if isinstance(value, str):
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
        names = map(esp.required, keys.ESP)
        algorithms.append(at(place, Esp, *names, odd=odd))
    return at(
        path,
        SecurityMethod,
        tuple(algorithms),
        fields.number("lifetime_seconds") or 0,
        fields.number("lifetime_kilobytes") or 0,
        fields.flag("pfs") or False,
        odd,
    )


def _parse_authentication(fields: Fields) -> tuple[AuthMethod, ...] | None:
    items = fields.items("authentication")
    return None if items is None else tuple(_parse_auth_method(item, place) for place, item in items)


def _parse_auth_method(value: object, path: str) -> AuthMethod:
    if isinstance(value, str):
        if value.strip().casefold() == "kerberos":
            return Kerberos()
        raise ShapeError(
            path, "this text is no authentication method: kerberos, {preshared_key: …} or {certificate: …}"
        )
    fields = Fields(value, path, keys.AUTHENTICATION)
    odd = fields.flag("odd") or False
    chosen = [key for key in ("kerberos", "preshared_key", "certificate", "type") if key in fields.value]
    if len(chosen) != 1:
        raise ShapeError(path, "an authentication method is exactly one of kerberos, preshared_key, certificate")
    if chosen == ["kerberos"]:
        if not fields.flag("kerberos"):
            raise ShapeError(fields.place("kerberos"), "leave the method out instead of saying false")
        return Kerberos()
    if chosen == ["preshared_key"]:
        key = fields.get("preshared_key")
        if key is not None and not isinstance(key, str):
            raise ShapeError(
                fields.place("preshared_key"), f"a key must be a text, not {kind_of(key)}; put it into quotes"
            )
        return fields.at("preshared_key", PresharedKey, None if key is None else str(key), odd)
    if chosen == ["certificate"]:
        return fields.at(
            "certificate",
            Certificate,
            fields.text("certificate") or "",
            fields.flag("account_mapping") or False,
            fields.flag("exclude_ca_name") or False,
            odd,
        )
    return OtherAuthentication(fields.number("type") or 0, None)
