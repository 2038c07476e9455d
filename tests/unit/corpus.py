# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines and batch files, each with the policies that it creates, written by hand.

The files in `tests/data/corpus` contain only what differs from the defaults of the manual; `complete` adds the defaults
from the tables here. Nothing here uses the plugins, so a mistake in them is not repeated.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import ipaddress
import itertools
import pathlib
import typing as t

import yaml
from winhost import policy as windows

FOLDER: t.Final = pathlib.Path(__file__).parent.parent / "data" / "corpus"

METHODS: t.Final = [
    {"esp": {"encryption": "3des", "integrity": "sha"}},
    {"esp": {"encryption": "3des", "integrity": "md5"}},
    {"esp": {"encryption": "des", "integrity": "sha"}},
    {"esp": {"encryption": "des", "integrity": "md5"}},
]
METHOD: t.Final = {"ah": [], "esp": [], "lifetime_seconds": 0, "lifetime_kilobytes": 0, "pfs": False, "odd": False}
MAIN_MODE_METHOD: t.Final = {
    "lifetime_seconds": None,
    "lifetime_kilobytes": None,
    "quick_mode_limit": None,
    "odd": False,
}
MAIN_MODE: t.Final = {
    "methods": [
        {"encryption": "3des", "integrity": "sha", "group": 2},
        {"encryption": "3des", "integrity": "md5", "group": 2},
        {"encryption": "des", "integrity": "sha", "group": 1},
        {"encryption": "des", "integrity": "md5", "group": 1},
    ],
    "lifetime_seconds": 28800,
    "quick_mode_limit": 0,
    "pfs": False,
    "odd": False,
}
POLICY: t.Final = {
    "description": "",
    "poll_interval": 180,
    "default_response": {"enabled": False, "security_methods": [], "authentication": []},
    "rules": [],
    "odd": False,
}
RULE: t.Final = {
    "description": "",
    "enabled": True,
    "action": "negotiate",
    "inpass": False,
    "soft": False,
    "security_methods": [],
    "authentication": [{"kerberos": True}],
    "tunnel": None,
    "tunnel_address": None,
    "connection_type": "all",
    "odd": False,
}
NEGOTIATES: t.Final = {"security_methods": METHODS}
FILTER: t.Final = {
    "source_address": None,
    "destination_address": None,
    "protocol": "any",
    "source_port": "any",
    "destination_port": "any",
    "mirrored": False,
    "description": "",
    "odd": False,
}


DYNAMIC_RULE: t.Final = {
    "security_methods": METHODS,
    "pfs_group": None,
    "inpass": False,
    "soft": False,
    "soft_lifetime": 300,
    "authentication": [{"kerberos": True}],
    "tunnel": None,
    "tunnel_address": None,
    "connection_type": "all",
}


def lines() -> dict[str, dict[str, t.Any]]:
    """The command lines of static mode by the names of their entries."""
    return _entries("lines.yml")


def dynamic() -> dict[str, dict[str, t.Any]]:
    """The command lines of dynamic mode by the names of their entries."""
    return _entries("dynamic.yml")


@functools.cache
def _entries(file: str) -> dict[str, dict[str, t.Any]]:
    entries = yaml.safe_load((FOLDER / file).read_text("utf-8"))
    found = {entry["name"]: entry for entry in entries}
    assert len(found) == len(entries), "two entries have the same name"
    return found


@functools.cache
def scripts() -> dict[str, dict[str, t.Any]]:
    """The expected results of the batch files, by their names without extension."""
    paths = sorted((FOLDER / "scripts").glob("*.yml"))
    assert {path.stem for path in paths} == {path.stem for path in (FOLDER / "scripts").glob("*.cmd")}
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in paths}


def script(name: str) -> bytes:
    """A batch file with the line ends of Windows and the encoding of its entry."""
    text = (FOLDER / "scripts" / f"{name}.cmd").read_text("utf-8")
    return text.replace("\n", "\r\n").encode(scripts()[name].get("encoding", "utf-8"))


def complete(name: str, policy: dict[str, t.Any]) -> dict[str, t.Any]:
    """The whole policy as tasks accept it, with pre-shared keys and without ids."""
    found = {"name": name, **copy.deepcopy(POLICY), **copy.deepcopy(policy)}
    found["main_mode"] = _main_mode(found)
    response = found["default_response"]
    if response["enabled"]:
        defaults = {"security_methods": METHODS, "authentication": RULE["authentication"]}
        found["default_response"] = {**defaults, **response}
        found["default_response"]["security_methods"] = _methods(found["default_response"]["security_methods"])
    found["rules"] = [_rule(rule) for rule in found["rules"]]
    return found


def complete_dynamic(rule: dict[str, t.Any]) -> dict[str, t.Any]:
    """The whole dynamic rule, with pre-shared keys."""
    found = {**DYNAMIC_RULE, **copy.deepcopy(rule)}
    filters = [{"action": "negotiate", **whole} for filter_ in found["filters"] for whole in _filters(filter_)]
    return {
        **found,
        "filters": filters,
        "security_methods": _methods(found["security_methods"]),
        "main_mode": _main_mode(found),
    }


def _main_mode(holder: dict[str, t.Any]) -> dict[str, t.Any]:
    found = {**MAIN_MODE, **holder.get("main_mode", {})}
    return {**found, "methods": [{**MAIN_MODE_METHOD, **method} for method in found["methods"]]}


def _rule(rule: dict[str, t.Any]) -> dict[str, t.Any]:
    negotiates = NEGOTIATES if rule.get("action", RULE["action"]) == "negotiate" else {}
    found = {"filter_list": rule["name"], "filter_action": rule["name"], **RULE, **negotiates, **rule}
    found["filters"] = [whole for filter_ in found["filters"] for whole in _filters(filter_)]
    found["security_methods"] = _methods(found["security_methods"])
    return found


def _methods(methods: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [
        {**METHOD, **method, **{kind: [method[kind]] for kind in ("ah", "esp") if kind in method}} for method in methods
    ]


def _filters(filter_: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """One filter, or one for each item of its lists."""
    keys = [key for key, value in filter_.items() if isinstance(value, list)]
    for values in itertools.product(*(filter_[key] for key in keys)):
        yield {**FILTER, **filter_, **dict(zip(keys, values, strict=True))}


def shown(policy: dict[str, t.Any]) -> dict[str, t.Any]:
    """As facts show it: without pre-shared keys. Rules and filters are sorted, as their order has no meaning."""
    found = copy.deepcopy(policy)
    for holder in (found["default_response"], *found["rules"]):
        for method in holder.get("authentication", ()):
            if "preshared_key" in method:
                method["preshared_key"] = None
    found.pop("id", None)
    for rule in found["rules"]:
        rule.pop("id", None)
        rule["filters"].sort(key=_order)
    found["rules"].sort(key=lambda rule: rule["name"])
    return found


def _order(filter_: dict[str, t.Any]) -> str:
    return repr(sorted(filter_.items()))


def seen(policy: dict[str, t.Any]) -> windows.Policy:
    """As the simulated host's own reader sees it: with pre-shared keys, and sorted."""
    main_mode = policy["main_mode"]
    seconds, limit = main_mode["lifetime_seconds"], main_mode["quick_mode_limit"]
    rules = [_seen_rule(rule) for rule in policy["rules"]]
    if policy["default_response"]["enabled"]:
        # the default response rule has no name and no filters
        rule = {**RULE, **NEGOTIATES, "name": "", "filters": [], **policy["default_response"]}
        rules.append(_seen_rule(rule, default_response=True))
    return in_order(
        windows.Policy(
            key="",
            name=policy["name"],
            description=policy["description"],
            poll_interval=policy["poll_interval"] * 60,
            main_mode=windows.MainMode(
                methods=tuple(
                    ({"des": 1, "3des": 3}[m["encryption"]], _HASHES[m["integrity"]], m["group"], seconds, 0, limit)
                    for m in main_mode["methods"]
                ),
                lifetime=seconds,
                quick_modes=limit,
                pfs=main_mode["pfs"],
            ),
            rules=tuple(rules),
        )
    )


_HASHES: t.Final = {"none": 0, "md5": 1, "sha": 2}
_CIPHERS: t.Final = {"none": 0, "des": 1, "3des": 3}
_PROTOCOLS: t.Final = {"any": 0, "icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "raw": 255}


def _seen_rule(rule: dict[str, t.Any], default_response: bool = False) -> windows.Rule:
    return windows.Rule(
        key="",
        name=rule["name"],
        description=rule["description"],
        enabled=rule["enabled"],
        filters=tuple(map(_seen_filter, rule["filters"])),
        action=rule["action"],
        inpass=rule["inpass"],
        soft=rule["soft"],
        methods=tuple(map(_seen_method, rule["security_methods"])),
        authentication=tuple(map(_seen_authentication, rule["authentication"])),
        tunnel=rule.get("tunnel_address") or rule["tunnel"] or "",
        connection_type=rule["connection_type"],
        default_response=default_response,
    )


def _seen_method(method: dict[str, t.Any]) -> tuple[t.Any, ...]:
    algorithms: list[tuple[t.Any, ...]] = [("ah", _HASHES[integrity]) for integrity in method["ah"]]
    algorithms += [("esp", _CIPHERS[esp["encryption"]], _HASHES[esp["integrity"]]) for esp in method["esp"]]
    return (tuple(algorithms), method["lifetime_seconds"], method["lifetime_kilobytes"], method["pfs"])


def _seen_authentication(method: dict[str, t.Any]) -> tuple[str, str]:
    ((kind, value),) = method.items()
    return (kind.replace("preshared_key", "preshared key"), "" if kind == "kerberos" else value)


def _seen_filter(filter_: dict[str, t.Any]) -> windows.Filter:
    source, destination = (_seen_address(filter_[end], filter_[f"{end}_address"]) for end in ("source", "destination"))
    source_ports, destination_ports = (
        (0, 65535) if (port := filter_[f"{end}_port"]) == "any" else (port, port) for end in ("source", "destination")
    )
    return windows.Filter(
        source=source,
        destination=destination,
        protocol=_PROTOCOLS[filter_["protocol"]],
        source_ports=source_ports,
        destination_ports=destination_ports,
        mirrored=filter_["mirrored"],
        description="",
    )


def _seen_address(text: str, known: str | None) -> windows.Address:
    """`known` is the address of a DNS name."""
    if text in ("me", "any"):
        return windows.Address(kind=text, versions=(4,))
    network = ipaddress.IPv4Network(known or text)
    return windows.Address(
        kind="net",
        versions=(4,),
        value=int(network.network_address),
        mask=int(network.netmask),
        name=text if known else "",
    )


def in_order(policy: windows.Policy) -> windows.Policy:
    """The policy without keys of objects, with sorted rules and filters."""
    rules = [dataclasses.replace(rule, key="", filters=tuple(sorted(rule.filters, key=repr))) for rule in policy.rules]
    return dataclasses.replace(policy, key="", rules=tuple(sorted(rules, key=lambda rule: rule.name)))
