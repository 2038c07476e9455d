# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hostile input: the cases in `tests/data/hostile`, one a line.

Each case has a name, its input, and in `says` a part of the expected message. `of: play` is for cases that need a play.
`judge: true` marks a case that is similar to another one: `make test` does not play it, `make judge` does.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import pathlib
import typing as t
import zlib

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import PROTOCOL

FOLDER: t.Final = pathlib.Path(__file__).parent.parent / "data" / "hostile"
FILES: t.Final = ("answers", "arguments", "blobs", "commands", "dynamic", "names", "options", "regfiles", "scripts")
LONGEST_MESSAGE: t.Final = 1300
"""The most characters that a message may have, whatever it quotes."""

_SHORTEST_KEY: t.Final = 4
"""A message may have shorter keys by chance."""

RULE: t.Final = {"name": "R", "filters": ["0+192.0.2.1"]}
FILTER: t.Final = {"source": "me", "destination": "any"}
Case: t.TypeAlias = dict[str, t.Any]


class _Loader(yaml.SafeLoader):
    """YAML with long texts: `!times [text, count]` and `!join [text, ...]`."""


def _times(loader: _Loader, node: yaml.SequenceNode) -> str:
    text, count = loader.construct_sequence(node)
    return text * count


def _join(loader: _Loader, node: yaml.SequenceNode) -> str:
    return "".join(loader.construct_sequence(node))


_Loader.add_constructor("!times", _times)
_Loader.add_constructor("!join", _join)


@functools.cache
def cases(file: str) -> dict[str, Case]:
    """The cases of a file by their names."""
    entries = yaml.load((FOLDER / f"{file}.yml").read_text("utf-8"), _Loader)
    found = {entry["name"]: entry for entry in entries}
    assert len(found) == len(entries), f"{file}.yml: two cases have one name"
    return found


def parameters(file: str) -> list[t.Any]:
    """The names of the cases that need no play, as parameters of a test."""
    return [case["name"] for case in cases(file).values() if case.get("of") != "play"]


SELECTIONS: t.Final = (pytest.param(False, id="each kind"), pytest.param(True, marks=pytest.mark.judge, id="all"))
"""Parameters for the argument `everything` of `selected`."""


def selected(file: str, everything: bool) -> list[Case]:
    """All cases, or one of each kind."""
    return [case for case in cases(file).values() if everything or "judge" not in case]


def task_of(case: Case) -> tuple[str, dict[str, t.Any]]:
    """The module and its arguments for a case of arguments."""
    if "ipsec_rule" in case:
        return "ipsec_rule", case["ipsec_rule"]
    if "ipsec_policy" in case:
        return "ipsec_policy", case["ipsec_policy"]
    rule = dict(case.get("rule", {}))
    if "filter" in case:
        given = case["filter"]
        rule["filters"] = [{**FILTER, **given} if isinstance(given, dict) else given]
    return "ipsec_policy", {"name": "P", "rules": [{**RULE, **rule}]}


def dynamic_task_of(case: Case, destination: str = "192.0.2.10") -> dict[str, t.Any]:
    """The arguments of ipsec_dynamic for a case of dynamic rules. A rule for one text has the address `destination`."""
    if "ipsec_dynamic" in case:
        return case["ipsec_dynamic"]
    ends: dict[str, t.Any] = {"source": "me", "destination": destination}
    if "tunnel" in case:
        return {"filters": [ends], "tunnel": case["tunnel"]}
    if "filter" in case:
        return {"filters": [case["filter"]]}
    name = {"key": "preshared_key", "certificate": "certificate"}
    return {"filters": [ends], "authentication": [{name[key]: case[key] for key in name if key in case}]}


def filter_of(case: Case) -> str:
    """The filter plugin of a case of scripts."""
    return next(key for key in case if key.startswith(("from_", "to_", "ipsec_addresses")))


EMPTY: t.Final = hashlib.sha256(b"").hexdigest()
_SERVICE: t.Final = {"status": "running", "start_type": "manual"}
READ: t.Final[dict[str, t.Any]] = {
    "protocol": PROTOCOL,
    "changed": False,
    "store": "",
    "digest": EMPTY,
    "service": _SERVICE,
    "pending": False,
    "domain": None,
    "now": 1750000000,
    "product": "Windows Server 2022 Standard",
    "version": "10.0.20348",
    "powershell": "5.1.20348.1",
    "writable": True,
    "addresses": {"me": [], "dns": [], "wins": [], "dhcp": [], "gateway": []},
    "connections": [],
    "record": "",
    "record_digest": EMPTY,
    "dynamic": {"rules": {}, "policies": [], "empty": True, "clean": False, "config": None, "task": None},
    "filters": {"rows": "", "count": 0, "total": 0, "truncated": False, "error": None},
    "events": {"rows": [], "audit": None, "error": None},
    "associations": {"main_mode": [], "quick_mode": [], "truncated": False, "errors": {}},
    "counters": {"classes": {}, "errors": {}},
    "rsop": {"objects": [], "gpos": {}, "error": None},
    "names": {},
    "interfaces": {},
}
"""A correct answer to `read` from a host without policies (docs/host-module.md)."""
APPLIED: t.Final[dict[str, t.Any]] = {
    "protocol": PROTOCOL,
    "changed": False,
    "applied": 7,
    "digest": "0" * 64,
    "store": None,
    "error": None,
    "conflict": False,
    "now": None,
    "service": {**_SERVICE, "notification": "none", "error": None},
    "dynamic": None,
}
"""A correct answer to seven operations that lead to a store with that digest."""


def forged(case: Case) -> dict[str, t.Any]:
    """The keys of the answer to `read` that a case of answers replaces."""
    found = dict(case.get("read", {}))
    if "store_text" in case:
        data = case["store_text"].encode()
        found["store"] = base64.b64encode(gzip.compress(data)).decode()
        found["digest"] = hashlib.sha256(data).hexdigest()
    if "bomb" in case:
        found["store"] = bomb(case["bomb"])
        found["digest"] = hashlib.sha256(_MEBIBYTE * min(case["bomb"], 16)).hexdigest()
    if "many_addresses" in case:
        numbers = range(case["many_addresses"])
        found["names"] = {"liar.example": [f"192.0.{2 + i // 250}.{1 + i % 250}" for i in numbers]}
    return found


def unpacked(packed: str) -> str:
    return gzip.decompress(base64.b64decode(packed)).decode() if packed else ""


_MEBIBYTE: t.Final = b"k;\n\n" * (1 << 18)


@functools.cache
def bomb(mebibytes: int) -> str:
    """A packed text of that many MiB."""
    # a single gzip member, as a reader may stop at the end of the first one
    engine = zlib.compressobj(wbits=31)
    parts = [engine.compress(_MEBIBYTE) for _i in range(mebibytes)]
    return base64.b64encode(b"".join([*parts, engine.flush()])).decode()


def check_message(case: Case, message: str) -> None:
    """A message has the expected text, is short, shows no key, and is safe to print."""
    assert case["says"] in message
    key = case.get("key")
    assert not isinstance(key, str) or len(key) < _SHORTEST_KEY or key not in message
    assert "without" not in case or case["without"] not in message
    assert len(message) <= LONGEST_MESSAGE
    assert all(c.isprintable() or c == "\n" for c in message), "a terminal would interpret it"
    for word in ("Traceback", "Error:", "<class", "object at 0x"):
        assert word not in message
