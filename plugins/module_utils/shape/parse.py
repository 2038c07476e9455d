# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dictionaries to what a user wants. Every mistake is one `ShapeError` that names its place; nothing is guessed."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import re
import typing as t

from ..addresses import parse_address
from ..ipseccmd.filters import parse_filter
from ..ipseccmd.methods import parse_main_mode_method, parse_security_method
from ..model import (
    DEFAULT_AUTHENTICATION,
    DEFAULT_SECURITY_METHODS,
    GUID_PATTERN,
    PROTOCOLS,
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
    MainModeMethod,
    ModelError,
    NegotiationPolicy,
    OtherAuthentication,
    Ports,
    PresharedKey,
    Rule,
    SecurityMethod,
    Special,
    Subnet,
    check_policy_name,
)
from . import keys

_T = t.TypeVar("_T")

_TRUE = ("true", "yes", "on", "1", "y", "t")
_FALSE = ("false", "no", "off", "0", "n", "f")


class ShapeError(ModelError):
    """A mistake in a dictionary; the text begins with its place, as in `rules[0].filters[2]`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)


@dataclasses.dataclass(frozen=True, slots=True)
class WantedMainMode:
    """The parts of main mode that were given; None is left as it is."""

    methods: tuple[MainModeMethod, ...] | None = None
    lifetime_seconds: int | None = None
    quick_mode_limit: int | None = None
    pfs: bool | None = None
    odd: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class WantedDefaultResponse:
    """The parts of the default response rule that were given; None is left as it is."""

    enabled: bool
    methods: tuple[SecurityMethod, ...] | None = None
    authentication: tuple[AuthMethod, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What was given of a policy; None is left as it is, or the manual's default where there is nothing.

    Rules are complete. `notes` say what was understood otherwise than written.
    """

    name: str | None
    id: str | None = None
    description: str | None = None
    assigned: bool | None = None
    poll_interval: int | None = None
    main_mode: WantedMainMode | None = None
    default_response: WantedDefaultResponse | None = None
    rules: tuple[Rule, ...] | None = None
    odd: bool = False
    notes: tuple[str, ...] = ()


def parse_policy(value: t.Mapping[str, t.Any]) -> Wanted:
    """What `value` asks for. Raises `ShapeError`."""
    notes: list[str] = []
    fields = _Fields(value, "", (*keys.POLICY, *keys.READ_ONLY), notes)
    name, id_ = fields.text("name"), fields.guid("id")
    if name is None and id_ is None:
        raise ShapeError("name", "a policy is known by its name, or by its id")
    odd = fields.flag("odd") or False
    if name is not None and not odd:
        fields.at("name", check_policy_name, name)
    main_mode = fields.get("main_mode")
    default_response = fields.get("default_response")
    rules = fields.items("rules")
    return Wanted(
        name,
        id_,
        fields.text("description"),
        fields.flag("assigned"),
        _parse_poll_interval(fields),
        None if main_mode is None else _parse_main_mode(main_mode, "main_mode", notes),
        None if default_response is None else _parse_default_response(default_response, "default_response", notes),
        None if rules is None else tuple(_parse_rule(rule, path, notes) for path, rule in rules),
        odd,
        tuple(notes),
    )


class _Fields:
    """A dictionary at a place, with typed access to its keys. Keys it should not have are refused at once."""

    def __init__(self, value: object, path: str, allowed: t.Sequence[str], notes: list[str]) -> None:
        if not isinstance(value, t.Mapping):
            raise ShapeError(
                path, f"this must be a dictionary with keys like {', '.join(allowed[:4])}, not {_kind(value)}"
            )
        self.path = path
        self.notes = notes
        self.value = {_text(key, path) or "": item for key, item in value.items()}
        for key in self.value:
            if key not in allowed:
                raise ShapeError(path, no_such_option(key, allowed))

    def at(self, key: str, build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
        """What `build` makes of the arguments; its errors get the place of `key`."""
        return _at(self.place(key), build, *args, **kwargs)

    def place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str) -> t.Any:
        return self.value.get(key)

    def text(self, key: str) -> str | None:
        return _text(self.get(key), self.place(key))

    def guid(self, key: str) -> str | None:
        text = self.text(key)
        if text is not None and not GUID_PATTERN.fullmatch(text):
            raise ShapeError(self.place(key), f"'{text}' is no id; an id is a GUID in braces, as facts show it")
        return None if text is None else text.lower()

    def flag(self, key: str) -> bool | None:
        value = self.get(key)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            value = _text(value, self.place(key))
        if isinstance(value, str) and (word := value.strip().casefold()) in (*_TRUE, *_FALSE):
            return word in _TRUE
        raise ShapeError(self.place(key), f"this must be true or false, not {_kind(value)}")

    def number(self, key: str) -> int | None:
        value = self.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and re.fullmatch("[0-9]{1,10}", value.strip()):
            return int(value)
        raise ShapeError(self.place(key), f"this must be a whole number, not {_kind(value)}")

    def word(self, key: str, default: str) -> str:
        """A text whose case does not matter. An empty one, as a variable may be by mistake, is refused."""
        text = self.text(key)
        if text is not None and not text.strip():
            raise ShapeError(self.place(key), "this is empty; give a value, or leave it out")
        return default if text is None else text.strip().casefold()

    def required(self, key: str) -> str:
        """As `word`, and it must be there."""
        if self.get(key) is None:
            raise ShapeError(self.place(key), "this is missing")
        return self.word(key, "")

    def items(self, key: str) -> list[tuple[str, t.Any]] | None:
        """The items of a list with their places. A single text or dictionary stands for a list of one."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, str | t.Mapping):
            return [(self.place(key), value)]
        if not isinstance(value, list | tuple):
            raise ShapeError(self.place(key), f"this must be a list, not {_kind(value)}")
        return [(f"{self.place(key)}[{i}]", item) for i, item in enumerate(value)]


def no_such_option(name: str, known: t.Sequence[str]) -> str:
    """The error for an option that does not exist."""
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(known) or 'none'}"
    return f"there is no option '{name}' here; {hint}"


def _at(path: str, build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
    try:
        return build(*args, **kwargs)
    except ShapeError:
        raise
    except ModelError as error:
        raise ShapeError(path, str(error)) from None


def _noting(path: str, notes: list[str], build: t.Callable[..., _T], value: str) -> _T:
    """What `build` makes of a text; what it notes gets the place."""
    found: list[str] = []
    result = _at(path, build, value, found)
    notes.extend(f"{path}: {note}" for note in found)
    return result


def _kind(value: object) -> str:
    """What a value is, without showing it: it may be a secret in the wrong place."""
    if isinstance(value, bool):
        return "true or false"
    names = (
        (str, "a text"),
        (int, "a number"),
        (float, "a number with a fraction"),
        (datetime.date, "a date"),
        (t.Mapping, "a dictionary"),
        (list, "a list"),
    )
    return next(
        (name for type_, name in names if isinstance(value, type_)), "nothing" if value is None else "something else"
    )


def _text(value: object, path: str) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        # Python refuses to write numbers of thousands of digits
        if value.bit_length() > 64:
            raise ShapeError(path, "this number is too large")
        return str(value)
    quoting = isinstance(value, bool | float | datetime.date)
    hint = "; YAML takes some words for that unless they are quoted" if quoting else ""
    raise ShapeError(path, f"this must be a text, not {_kind(value)}{hint}")


def _parse_poll_interval(fields: _Fields) -> int | None:
    value = fields.get("poll_interval")
    if isinstance(value, str) and (found := re.fullmatch(r"\s*([0-9]{1,10})s\s*", value)):
        return int(found[1])
    if not isinstance(value, int | None) and not (isinstance(value, str) and re.fullmatch(r"\s*[0-9]+\s*", value)):
        raise ShapeError("poll_interval", "this must be a whole number of minutes, or of seconds as in 90s")
    minutes = fields.number("poll_interval")
    if minutes is not None and not 1 <= minutes * 60 < 1 << 32:
        raise ShapeError(
            "poll_interval",
            f"the interval is a number of minutes, 1 to {((1 << 32) - 1) // 60}, or of seconds as in 90s",
        )
    return None if minutes is None else minutes * 60


def _parse_main_mode(value: object, path: str, notes: list[str]) -> WantedMainMode:
    fields = _Fields(value, path, keys.MAIN_MODE, notes)
    methods = fields.items("methods")
    return WantedMainMode(
        None if methods is None else tuple(_parse_main_mode_method(item, place, notes) for place, item in methods),
        fields.number("lifetime_seconds"),
        fields.number("quick_mode_limit"),
        fields.flag("pfs"),
        fields.flag("odd") or False,
    )


def _parse_main_mode_method(value: object, path: str, notes: list[str]) -> MainModeMethod:
    if isinstance(value, str):
        return _at(path, parse_main_mode_method, value)
    fields = _Fields(value, path, keys.MAIN_MODE_METHOD, notes)
    group = fields.number("group")
    if group is None:
        raise ShapeError(fields.place("group"), "a main-mode method needs its Diffie-Hellman group: 1, 2 or 14")
    return _at(
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
    fields = _Fields(value if isinstance(value, t.Mapping) else {"enabled": value}, path, keys.DEFAULT_RESPONSE, notes)
    enabled = fields.flag("enabled")
    return WantedDefaultResponse(
        True if enabled is None else enabled,
        _parse_security_methods(fields, notes),
        _parse_authentication(fields, notes),
    )


def _parse_rule(value: object, path: str, notes: list[str]) -> Rule:
    fields = _Fields(value, path, keys.RULE, notes)
    name, id_ = fields.text("name"), fields.guid("id")
    if not name and id_ is None:
        raise ShapeError(path, "a rule is known by its name; give one")
    fields.path = f"{path} ({name})" if name else path
    odd = fields.flag("odd") or False
    filters = fields.items("filters") or []
    return _at(
        fields.path,
        Rule,
        name or "",
        tuple(_parse_filter(item, place, notes) for place, item in filters),
        _parse_action(fields, notes, odd),
        DEFAULT_AUTHENTICATION if (methods := _parse_authentication(fields, notes)) is None else methods,
        _parse_tunnel(fields, notes, odd),
        fields.word("connection_type", "all"),
        fields.flag("enabled") is not False,
        fields.text("description") or "",
        fields.text("filter_list"),
        fields.text("filter_action"),
        id_,
        odd=odd,
    )


def _parse_action(fields: _Fields, notes: list[str], odd: bool) -> NegotiationPolicy:
    action = fields.word("action", "negotiate")
    methods = _parse_security_methods(fields, notes)
    if methods is None and action == "negotiate":
        methods = DEFAULT_SECURITY_METHODS
    return fields.at(
        "action",
        NegotiationPolicy,
        action,
        methods or (),
        fields.flag("inpass") or False,
        fields.flag("soft") or False,
        odd,
    )


def _parse_tunnel(fields: _Fields, notes: list[str], odd: bool) -> Host | DnsName | None:
    if fields.text("tunnel") is None:
        return None
    address = _parse_address(fields, "tunnel", "tunnel_address", odd, notes)
    if not isinstance(address, Host | DnsName):
        raise ShapeError(fields.place("tunnel"), f"a tunnel ends at one address or DNS name, not at {address}")
    return address


def _parse_address(fields: _Fields, key: str, known_key: str, odd: bool, notes: list[str]) -> Address:
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
    address = _noting(fields.place(key), notes, lambda text, found: parse_address(text, found, odd), text)
    if known is None:
        return address
    if not isinstance(address, DnsName):
        raise ShapeError(fields.place(known_key), f"this goes with a DNS name; {key} is {address}")
    return dataclasses.replace(address, address=known)


def _parse_filter(value: object, path: str, notes: list[str]) -> Filter:
    if isinstance(value, str):
        return _noting(path, notes, parse_filter, value)
    fields = _Fields(value, path, keys.FILTER, notes)
    odd = fields.flag("odd") or False
    source, destination = _parse_ends(fields, odd, notes)
    return _at(
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


def _parse_ends(fields: _Fields, odd: bool, notes: list[str]) -> tuple[Address, Address]:
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


def _parse_protocol(fields: _Fields, odd: bool) -> int:
    text = fields.word("protocol", "any")
    if text in PROTOCOLS:
        return PROTOCOLS[text]
    if re.fullmatch("[0-9]{1,10}", text) and (odd or int(text) <= 255):
        return int(text)
    near = difflib.get_close_matches(text, PROTOCOLS, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ShapeError(
        fields.place("protocol"), f"'{text}' is no protocol: any, tcp, udp, icmp, raw or a number from 0 to 255{hint}"
    )


def _parse_ports(fields: _Fields, key: str, odd: bool) -> Ports | None:
    text = fields.word(key, "any")
    if text in ("any", "*"):
        return None
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if not found:
        raise ShapeError(
            fields.place(key), f"'{text}' is no port: a number from 1 to 65535, a range as in 5000-5010, or any"
        )
    return fields.at(key, Ports, int(found[1]), int(found[2] or found[1]), odd)


def _parse_security_methods(fields: _Fields, notes: list[str]) -> tuple[SecurityMethod, ...] | None:
    items = fields.items("security_methods")
    return None if items is None else tuple(_parse_security_method(item, place, notes) for place, item in items)


def _parse_security_method(value: object, path: str, notes: list[str]) -> SecurityMethod:
    if isinstance(value, str):
        return _noting(path, notes, parse_security_method, value)
    fields = _Fields(value, path, keys.SECURITY_METHOD, notes)
    odd = fields.flag("odd") or False
    algorithms: list[Ah | Esp] = [
        fields.at("ah", Ah, text.casefold(), odd=odd)
        for place, item in fields.items("ah") or []
        if (text := _text(item, place)) is not None
    ]
    for place, item in fields.items("esp") or []:
        esp = _Fields(item, place, keys.ESP, notes)
        names = map(esp.required, keys.ESP)
        algorithms.append(_at(place, Esp, *names, odd=odd))
    return _at(
        path,
        SecurityMethod,
        tuple(algorithms),
        fields.number("lifetime_seconds") or 0,
        fields.number("lifetime_kilobytes") or 0,
        fields.flag("pfs") or False,
        odd,
    )


def _parse_authentication(fields: _Fields, notes: list[str]) -> tuple[AuthMethod, ...] | None:
    items = fields.items("authentication")
    return None if items is None else tuple(_parse_auth_method(item, place, notes) for place, item in items)


def _parse_auth_method(value: object, path: str, notes: list[str]) -> AuthMethod:
    if isinstance(value, str):
        if value.strip().casefold() == "kerberos":
            return Kerberos()
        raise ShapeError(
            path, "this text is no authentication method: kerberos, {preshared_key: …} or {certificate: …}"
        )
    fields = _Fields(value, path, keys.AUTHENTICATION, notes)
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
                fields.place("preshared_key"), f"a key must be a text, not {_kind(key)}; put it into quotes"
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
