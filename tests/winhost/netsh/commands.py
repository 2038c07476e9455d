# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of `netsh ipsec dynamic`."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..dynamic import Database, DynamicRule, Entry, MainModePolicy, QuickModePolicy, Selector
from ..tree import DWORD, STRING
from . import show, values
from .texts import NetshError
from .words import match, read_arguments

if t.TYPE_CHECKING:
    from ..host import Host

VERBS: t.Final = ("add", "set", "delete", "show")
_SELECTOR: t.Final = ("srcaddr", "dstaddr", "protocol", "srcport", "dstport", "mirrored", "conntype")
_OPTIONAL: t.Final = ("srcmask", "dstmask", "tunneldstaddress")
_SETTINGS: t.Final = ("mmpolicy", "qmpolicy", "actioninbound", "actionoutbound", "kerberos", "psk", "rootca")
_MAIN_MODE: t.Final = ("name", "qmpermm", "mmlifetime", "softsaexpirationtime", "mmsecmethods")
_QUICK_MODE: t.Final = ("name", "soft", "pfsgroup", "qmsecmethods")
_ADD_RULE: t.Final = (
    *("srcaddr", "dstaddr", "mmpolicy", "qmpolicy", "protocol", "srcport", "dstport", "mirrored", "conntype"),
    *("actioninbound", "actionoutbound", "srcmask", "dstmask", "tunneldstaddress", "kerberos", "psk", "rootca"),
)
_POLICIES: t.Final = {"mmpolicy": "main_mode", "qmpolicy": "quick_mode"}
_ACTIONS: t.Final = ("permit", "block", "negotiate")
_AGENT: t.Final = r"HKLM\SYSTEM\CurrentControlSet\Services\PolicyAgent"
_DRIVER: t.Final = r"HKLM\SYSTEM\CurrentControlSet\Services\IPSEC"
_EXEMPTION: t.Final = re.compile(r"(tcp|udp|icmp|raw|any|\d{1,3}):\d{1,5}:\d{1,5}:(inbound|outbound)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class _Property:
    """A property of `set config`: the registry value that holds it, its default, its highest number or its words."""

    key: str
    name: str
    default: str
    lowest: int = 0
    highest: int = 0
    words: tuple[str, ...] = ()


_CONFIG: t.Final = {
    "ipsecdiagnostics": _Property(_DRIVER, "EnableDiagnostics", "0", highest=7),
    "ikelogging": _Property(_AGENT + r"\Oakley", "EnableLogging", "0", highest=2),
    "strongcrlcheck": _Property(_AGENT + r"\Oakley", "StrongCrlCheck", "1", highest=2),
    "ipsecloginterval": _Property(_DRIVER, "LogInterval", "3600", lowest=60, highest=86400),
    "ipsecexempt": _Property(_AGENT, "NoDefaultExempt", "0", highest=3),
    "bootmode": _Property(_DRIVER, "OperationMode", "permit", words=("stateful", "block", "permit")),
    "bootexemptions": _Property(_DRIVER, "BootExemptions", "none"),
}


class Commands:
    """Runs commands, which are words behind `ipsec dynamic`. `page` takes what they show."""

    def __init__(self, host: Host, database: Database, page: show.Page) -> None:
        self._host = host
        self._database = database
        self._page = page
        self._known: dict[str, dict[str, t.Callable[[list[str]], None]]] = {
            "add": {"mmpolicy": self._add_main_mode, "qmpolicy": self._add_quick_mode, "rule": self._add_rule},
            "set": {
                "mmpolicy": self._set_main_mode,
                "qmpolicy": self._set_quick_mode,
                "rule": self._set_rule,
                "config": self._set_config,
            },
            "delete": {
                "all": self._delete_all,
                "mmpolicy": lambda words: self._delete_policy("mmpolicy", words),
                "qmpolicy": lambda words: self._delete_policy("qmpolicy", words),
                "rule": self._delete_rule,
            },
            "show": {
                "all": self._show_all,
                "config": self._show_config,
                "mmfilter": lambda words: self._show_filters("Mainmode Filters", words),
                "mmpolicy": lambda words: self._show_policies("mmpolicy", words),
                "mmsas": self._show_associations,
                "qmfilter": lambda words: self._show_filters("Quickmode Filters", words),
                "qmpolicy": lambda words: self._show_policies("qmpolicy", words),
                "qmsas": self._show_associations,
                "rule": self._show_rules,
                "stats": self._show_statistics,
            },
        }

    def find(self, words: t.Sequence[str]) -> tuple[str, t.Callable[[], None]]:
        """The name of a command, as in "add rule", and what runs it. Raises `NetshError`."""
        verb = match(words[0], VERBS) if words else None
        thing = match(words[1], self._known[verb]) if verb and len(words) > 1 else None
        if verb is None or thing is None:
            raise NetshError("unknown", " ".join(words[:2]))
        do = self._known[verb][thing]
        return f"{verb} {thing}", lambda: do(list(words[2:]))

    # policies

    def _policy(self, kind: str, name: str) -> MainModePolicy | QuickModePolicy | None:
        return t.cast(dict[str, t.Any], getattr(self._database, f"{kind}s")).get(name.lower())

    def _find_policy(self, kind: str, name: str) -> t.Any:
        found = self._policy(kind, name)
        if found is None:
            raise NetshError(f"no {kind}", name)
        return found

    def _add_main_mode(self, words: list[str]) -> None:
        given = _single(read_arguments(words, _MAIN_MODE, ["name"]))
        if self._policy("main_mode", given["name"]):
            raise NetshError("main_mode exists", given["name"])
        self._database.put("main_mode", _main_mode(MainModePolicy(given["name"]), given))

    def _set_main_mode(self, words: list[str]) -> None:
        given = _single(read_arguments(words, _MAIN_MODE, ["name"]))
        self._database.put("main_mode", _main_mode(self._find_policy("main_mode", given["name"]), given))

    def _add_quick_mode(self, words: list[str]) -> None:
        given = _single(read_arguments(words, _QUICK_MODE, ["name"]))
        if self._policy("quick_mode", given["name"]):
            raise NetshError("quick_mode exists", given["name"])
        self._database.put("quick_mode", _quick_mode(QuickModePolicy(given["name"]), given))

    def _set_quick_mode(self, words: list[str]) -> None:
        given = _single(read_arguments(words, _QUICK_MODE, ["name"]))
        self._database.put("quick_mode", _quick_mode(self._find_policy("quick_mode", given["name"]), given))

    def _delete_policy(self, thing: str, words: list[str]) -> None:
        kind = _POLICIES[thing]
        name = _single(read_arguments(words, ["name"], ["name"]))["name"]
        if name.lower() == "all":
            names = [policy.name for policy in getattr(self._database, f"{kind}s").values()]
        else:
            names = [self._find_policy(kind, name).name]
        for found in names:
            if self._database.uses(kind, found):
                raise NetshError(f"{kind} used", found)
        for found in names:
            self._database.remove(kind, found)

    # rules

    def _selectors(self, given: t.Mapping[str, str]) -> list[Selector]:
        return values.selectors(given, self._host.resolve)

    def _add_rule(self, words: list[str]) -> None:
        found = read_arguments(words, _ADD_RULE, ["srcaddr", "dstaddr", "mmpolicy"], ["rootca"])
        given = _single(found)
        selectors = self._selectors(given)
        entry = self._settle(Entry(selectors[0], "", "", "negotiate", "negotiate", ()), given, found)
        if any(selector in self._database.entries for selector in selectors):
            raise NetshError("rule exists")
        for selector in selectors:
            self._database.put("rule", dataclasses.replace(entry, selector=selector))

    def _set_rule(self, words: list[str]) -> None:
        found = read_arguments(words, (*_SELECTOR, *_OPTIONAL, *_SETTINGS), _SELECTOR, ["rootca"])
        given = _single(found)
        selectors = self._selectors(given)
        if not all(selector in self._database.entries for selector in selectors):
            raise NetshError("no rule")
        for entry in [self._settle(self._database.entries[s], given, found) for s in selectors]:
            self._database.put("rule", entry)

    def _settle(self, entry: Entry, given: t.Mapping[str, str], found: dict[str, list[str]]) -> Entry:
        """The entry with the settings that are given."""
        main_mode, quick_mode = (given.get(thing, getattr(entry, kind)) for thing, kind in _POLICIES.items())
        for kind, name in (("main_mode", main_mode), ("quick_mode", quick_mode)):
            if name:
                self._find_policy(kind, name)
        inbound, outbound = (
            values.choice(name, given.get(name, before), _ACTIONS)
            for name, before in (("actioninbound", entry.inbound), ("actionoutbound", entry.outbound))
        )
        if "negotiate" in (inbound, outbound) and not quick_mode:
            raise NetshError("needs quick_mode")
        if entry.selector.tunnel and {inbound, outbound} != {"negotiate"}:
            raise NetshError("tunnel action")
        authentication = entry.authentication
        if not authentication or found.keys() & {"kerberos", "psk", "rootca"}:
            authentication = values.authentication(found)
        return Entry(entry.selector, main_mode, quick_mode, inbound, outbound, authentication)

    def _delete_rule(self, words: list[str]) -> None:
        given = _single(read_arguments(words, (*_SELECTOR, *_OPTIONAL), _SELECTOR))
        selectors = self._selectors(given)
        if not all(selector in self._database.entries for selector in selectors):
            raise NetshError("no rule")
        for selector in selectors:
            self._database.remove("rule", selector)

    def _delete_all(self, words: list[str]) -> None:
        read_arguments(words, [])
        self._database.clear()

    # settings

    def _set_config(self, words: list[str]) -> None:
        given = _single(read_arguments(words, ["property", "value"], ["property", "value"]))
        name = values.choice("property", given["property"], _CONFIG)
        found = _CONFIG[name]
        value = given["value"]
        if found.words:
            value = values.choice(name, value, found.words)
        elif found.highest:
            value = str(values.number(name, value, found.lowest, found.highest))
        elif value.lower() != "none" and not all(map(_EXEMPTION.fullmatch, value.split())):
            raise NetshError("value", name)
        kind, data = (DWORD, int(value)) if found.highest else (STRING, value)
        self._host.registry.change([("set", found.key, found.name, kind, data)])

    def _show_config(self, words: list[str]) -> None:
        read_arguments(words, [])
        self._page.title("Configuration")
        stored = {name: self._host.get(found.key, found.name) for name, found in _CONFIG.items()}
        self._page.fields(
            *((name, found.default if (value := stored[name]) is None else value) for name, found in _CONFIG.items())
        )

    # what is shown

    def _show_all(self, words: list[str]) -> None:
        read_arguments(words, ["resolvedns"])
        self._show_config([])
        database = self._database
        show.main_mode_policies(self._page, database.main_modes.values())
        show.quick_mode_policies(self._page, database.quick_modes.values())
        show.rules(self._page, database.rules())
        self._show_statistics([])

    def _show_policies(self, thing: str, words: list[str]) -> None:
        name = _single(read_arguments(words, ["name"], ["name"]))["name"]
        kind = _POLICIES[thing]
        found = list(getattr(self._database, f"{kind}s").values())
        if name.lower() != "all":
            found = [self._find_policy(kind, name)]
        if not found:
            raise NetshError("no policies")
        (show.main_mode_policies if kind == "main_mode" else show.quick_mode_policies)(self._page, found)

    def _selected(self, words: list[str]) -> list[DynamicRule]:
        """The rules that the arguments select. Raises `NetshError` for none."""
        given = _single(read_arguments(words, ("type", *_SELECTOR, *_OPTIONAL, "resolvedns")))
        found = [rule for rule in self._database.rules() if _is_selected(rule, given)]
        if not found:
            raise NetshError("no rules")
        return found

    def _show_rules(self, words: list[str]) -> None:
        show.rules(self._page, self._selected(words))

    def _show_filters(self, title: str, words: list[str]) -> None:
        given = _single(read_arguments(words, ["name", "type", *_SELECTOR, *_OPTIONAL, "resolvedns"]))
        if "name" not in given:
            raise NetshError("missing", "name")
        found = [rule for rule in self._database.rules() if _is_selected(rule, given)]
        if not found:
            raise NetshError("no rules")
        show.filters(self._page, title, found)

    def _show_associations(self, words: list[str]) -> None:
        raise NetshError("no associations")

    def _show_statistics(self, words: list[str]) -> None:
        read_arguments(words, ["type"])
        self._page.title("Statistics")
        self._page.fields(("Active Associations", 0), ("Bytes Sent", 0), ("Bytes Received", 0))


def _single(found: t.Mapping[str, list[str]]) -> dict[str, str]:
    """The last value of each argument."""
    return {name: given[-1] for name, given in found.items()}


def _main_mode(policy: MainModePolicy, given: t.Mapping[str, str]) -> MainModePolicy:
    changes: dict[str, t.Any] = {}
    for name, field, lowest, highest in (
        ("qmpermm", "quick_modes", 0, 2147483647),
        ("mmlifetime", "lifetime", 1, 2879),
        ("softsaexpirationtime", "soft_lifetime", 1, 4294967295),
    ):
        if name in given:
            changes[field] = values.number(name, given[name], lowest, highest)
    if "mmsecmethods" in given:
        changes["methods"] = values.main_mode_methods(given["mmsecmethods"])
    return dataclasses.replace(policy, **changes)


def _quick_mode(policy: QuickModePolicy, given: t.Mapping[str, str]) -> QuickModePolicy:
    changes: dict[str, t.Any] = {}
    if "soft" in given:
        changes["soft"] = values.flag("soft", given["soft"])
    if "pfsgroup" in given:
        changes["pfs"] = values.choice("pfsgroup", given["pfsgroup"], ("GRP1", "GRP2", "GRP3", "GRPMM", "NOPFS"))
    if "qmsecmethods" in given:
        changes["offers"] = values.offers(given["qmsecmethods"])
    return dataclasses.replace(policy, **changes)


def _is_selected(rule: DynamicRule, given: t.Mapping[str, str]) -> bool:
    """Whether a rule has the type, the protocol and the ports that are given. Other arguments select nothing here."""
    selector = rule.selector
    kind = values.choice("type", given.get("type", "all"), ("tunnel", "transport", "all"))
    return (
        kind in ("all", "tunnel" if selector.tunnel else "transport")
        and ("protocol" not in given or values.protocol(given["protocol"]) == selector.protocol)
        and given.get("srcport", str(selector.source_port)) == str(selector.source_port)
        and given.get("dstport", str(selector.destination_port)) == str(selector.destination_port)
    )
