# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Words that users try because other tools have them, and what to write instead."""

from __future__ import annotations

import re
import typing as t

from ..hints import nearest
from ..source.redact import key_spans
from . import keys

_KEYS: t.Final[t.Mapping[str, str]] = {
    **dict.fromkeys(("active", "activate", "assign", "enable", "enabled", "in_force"), "assigned"),
    **dict.fromkeys(("poll", "interval", "polling"), "poll_interval"),
    **dict.fromkeys(("ike", "key_exchange", "phase1", "mainmode"), "main_mode"),
    **dict.fromkeys(("append", "purge", "exclusive", "mode"), "rules_mode"),
    **dict.fromkeys(("port", "ports", "dport", "dst_port", "dstport", "local_port"), "destination_port"),
    **dict.fromkeys(("sport", "src_port", "srcport", "remote_port"), "source_port"),
    **dict.fromkeys(("src", "from", "srcaddr", "source_ip", "remote_address"), "source"),
    **dict.fromkeys(("dst", "dest", "to", "dstaddr", "destination_ip", "local_address"), "destination"),
    **dict.fromkeys(("proto", "ip_protocol"), "protocol"),
    "name": "description",
    **dict.fromkeys(("bidirectional", "mirror", "both_directions"), "mirrored"),
    **dict.fromkeys(("auth", "auth_methods", "authentication_methods"), "authentication"),
    **dict.fromkeys(("psk", "key", "secret", "pre_shared_key", "presharedkey", "shared_key"), "preshared_key"),
    **dict.fromkeys(("cert", "ca", "rootca", "root_ca", "certificate_authority"), "certificate"),
    **dict.fromkeys(("krb5", "kerb"), "kerberos"),
    **dict.fromkeys(("method", "quick_mode", "phase2", "proposals"), "security_methods"),
    **dict.fromkeys(("cipher", "encryption_algorithm"), "encryption"),
    **dict.fromkeys(("hash", "hash_algorithm", "integrity_algorithm"), "integrity"),
    **dict.fromkeys(("dh", "dh_group", "dhgroup", "diffie_hellman"), "group"),
    **dict.fromkeys(("tunnel_endpoint", "endpoint"), "tunnel"),
    **dict.fromkeys(("interface_type", "interfacetype", "interface", "profile"), "connection_type"),
}
"""Keys that users try, and the keys of this collection."""

_PARTS: t.Final[t.Mapping[str, t.Sequence[str]]] = {
    "authentication": ("kerberos", "preshared_key", "certificate"),
    "filters": keys.FILTER,
    "security_methods": keys.SECURITY_METHOD,
    "esp": keys.ESP,
    "methods": keys.MAIN_MODE_METHOD,
    "main_mode": keys.MAIN_MODE,
    "rules": keys.RULE,
}
"""The keys that have keys of their own, in the order in which a key is looked for."""
_DICTIONARIES: t.Final = ("esp", "main_mode")
"""Those that are not lists."""
_ALL: t.Final = frozenset((*keys.POLICY, *keys.DEFAULT_RESPONSE, *(key for part in _PARTS.values() for key in part)))


def no_such_option(name: str, known: t.Sequence[str]) -> str:
    """The message for an unknown option."""
    if key_spans(name):
        # without a blank after the colon, YAML reads {preshared_key:secret} as a key of a dictionary
        return (
            "an option here is not known, and not shown, as it may contain a pre-shared key; put a blank after the "
            "colon, as in {preshared_key: …}"
        )
    problem = f"there is no option '{name}' here"
    if not known:
        return f"{problem}; leave it out"
    word = name.strip().casefold().replace("-", "_")
    meant = word if word in known else _KEYS.get(word, word)
    if meant in known:
        other = ", the port that the traffic goes to, or 'source_port'" if word in ("port", "ports") else ""
        return f"{problem}; did you mean '{meant}'{other}?"
    right = _elsewhere(word, known)
    if right is None and (near := nearest(name, known)):
        return f"{problem}; did you mean '{near}'?"
    right = right or _elsewhere(meant, known)
    allowed = f"the options here are {', '.join(known)}"
    return f"{problem}; {right}; {allowed}" if right else f"{problem}; {allowed}"


def _elsewhere(key: str, known: t.Sequence[str]) -> str | None:
    """Where to write a key that is not among those `known` here; None for a key or a place outside of policies."""
    if _ALL.isdisjoint(known):
        return None
    if (example := _example(key, known)) is not None:
        return f"write {example}"
    if key in keys.POLICY or key in keys.MODES:
        return f"{key} is an option of ipsec_policy, for the whole policy"
    example = _example(key, keys.POLICY)
    return None if example is None else f"it belongs elsewhere in the policy: {example}"


def _example(key: str, known: t.Collection[str]) -> str | None:
    """How `key` is written below one of the keys in `known`, as in ``filters: [{protocol: …}]``."""
    above = [name for name in _PARTS if name in known]
    found = next((name for name in above if key in _PARTS[name]), None)
    if found is not None:
        return _below(found, f"{key}: …")
    deeper = ((name, _example(key, _PARTS[name])) for name in above)
    return next((_below(name, example) for name, example in deeper if example is not None), None)


def _below(key: str, text: str) -> str:
    return f"{key}: {{{text}}}" if key in _DICTIONARIES else f"{key}: [{{{text}}}]"


_METHODS: t.Final[t.Mapping[str, str]] = {
    **dict.fromkeys(("k", "kerb", "krb", "krb5", "kerberosv5", "kerberos5"), "kerberos"),
    **dict.fromkeys(("p", "psk", "key", "secret", "password", "preshared", "preshare"), "{preshared_key: …}"),
    **dict.fromkeys(("presharedkey", "preshared_key", "pre_shared_key", "shared_key"), "{preshared_key: …}"),
    **dict.fromkeys(("c", "cn", "ca", "cert", "certificate", "rootca", "x509"), "{certificate: CN=…}"),
}
"""The first words of authentication methods that users try."""


def authentication_hint(text: str) -> str:
    """The end of a message about a text that is not an authentication method. It never has the text, which may be a
    key.
    """
    word = re.match(r"[a-z0-9_-]*", text.strip().casefold())
    meant = _METHODS.get(word[0].replace("-", "_")) if word else None
    return f"; did you mean {meant}?" if meant else ""
