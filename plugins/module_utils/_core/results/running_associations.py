# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Security associations as facts."""

from __future__ import annotations

import typing as t

from ..host.associations import (
    MAIN_MODE_CLASS,
    QUICK_MODE_CLASS,
    Associations,
    MainModeAssociation,
    QuickModeAssociation,
)
from ..model import protocol_name
from ..shape.render import Tree

_SOURCE: t.Final = "CIM"
_CIPHERS: t.Final = {
    0: "none",
    2: "des",
    6: "3des",
    65001: "aes128",
    65002: "aes192",
    65003: "aes256",
    65004: "aes-gcm128",
    65005: "aes-gcm192",
    65006: "aes-gcm256",
}
_HASHES: t.Final = {
    0: "none",
    2: "md5",
    3: "sha",
    65001: "sha256",
    65002: "sha384",
    65003: "aes-gmac128",
    65004: "aes-gmac192",
    65005: "aes-gmac256",
}
_GROUPS: t.Final = (1, 2, 14, 19, 20, 24)
_MODULES: t.Final = {1: "ikev1", 2: "authip", 3: "ikev2"}
_MODES: t.Final = {2: "tunnel", 3: "transport"}


def render_associations(found: Associations) -> Tree:
    """The associations of the classes that could be read."""
    tree: Tree = {"source": _SOURCE, "truncated": found.truncated}
    if MAIN_MODE_CLASS not in found.missing:
        tree["main_mode"] = [_main_mode(one) for one in found.main_mode]
    if QUICK_MODE_CLASS not in found.missing:
        tree["quick_mode"] = [_quick_mode(one) for one in found.quick_mode]
    return tree


def _named(names: t.Mapping[int, str], number: int | None) -> str | None:
    return None if number is None else names.get(number, f"unknown ({number})")


def _group(number: int | None) -> int | str | None:
    return number if number is None or number in _GROUPS else f"unknown ({number})"


def _main_mode(found: MainModeAssociation) -> Tree:
    """Connection security rules of Windows Defender Firewall use the other two modules, policies only IKEv1."""
    module = _named(_MODULES, found.module)
    return {
        "local": found.local,
        "remote": found.remote,
        "encryption": _named(_CIPHERS, found.cipher),
        "integrity": _named(_HASHES, found.hash),
        "group": _group(found.group),
        "module": module,
        "firewall": None if found.module not in _MODULES else module != "ikev1",
        "policy": found.policy,
        "local_id": found.local_id,
        "remote_id": found.remote_id,
    }


def _quick_mode(found: QuickModeAssociation) -> Tree:
    return {
        "local": found.local,
        "remote": found.remote,
        "local_port": found.local_port or "any",
        "remote_port": found.remote_port or "any",
        "protocol": protocol_name(found.protocol or 0),
        "mode": _named(_MODES, found.encapsulation),
        "inbound": found.inbound,
        "transforms": [
            {
                "encryption": _named(_CIPHERS, one.cipher),
                "integrity": _named(_HASHES, one.integrity),
                "spi": one.spi,
            }
            for one in found.transforms
        ],
        "pfs_group": _group(found.pfs_group or None),
        "lifetime_seconds": found.lifetime_seconds,
        "lifetime_kilobytes": found.lifetime_kilobytes,
        "filter": found.filter,
        "main_mode": found.main_mode,
    }
