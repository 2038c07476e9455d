# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Answers of a host: any JSON as an answer, any text as a store, any text as a packed one.

The first byte selects one of these. The stores in an answer are not packed, so that the fuzzer can change them.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import ipaddress
import json
import typing as t
from unittest import mock

from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import (
    AnswerError,
    Applied,
    HostState,
    parse_notified,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.errors import HostError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import (
    Notification,
    ServiceStatus,
    StartType,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError, SpecialKind
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.outcome import render_outcome
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.store import packed
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import StoreError
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy
from unit import stores
from unit.core.host.test_answers import APPLIED, READ, SERVICE

from .inputs import CORE, text_of

_LIMIT: t.Final = 1 << 16
SUBJECT: t.Final = (f"{CORE}/host/answers.py", f"{CORE}/store/packed.py", f"{CORE}/store/store.py")
WORDS: t.Final = (
    *(f'"{key}": ' for key in (*READ, *APPLIED, *SpecialKind)),
    *(f'"{key}": ' for key in ("status", "start_type", "notification", "local", "remote", "remote_port")),
    *(f'"{member}"' for kind in (ServiceStatus, StartType, Notification) for member in kind),
    *("null", "true", "false", "[]", "{}", "-1", "1e400", "4294967296", "99999999999999999999", "NaN", "\\ud800"),
    *("\\nk;", "\\nv;", "\nk;", "\nv;", ";1;", ";4;", ";7;", ";11;", ";3;", ";-1;", ";0;", "AA==", "YQA=", ",", "-"),
)
_POLICY: t.Final = {"name": "P", "assigned": True, "rules": [{"name": "R", "filters": ["0+*"], "action": "block"}]}


def check(data: bytes) -> None:
    """An answer is refused with an `AnswerError`, a store with a `StoreError`, or it is usable and not larger than the
    limit.
    """
    kind, data = data[:1], data[1:]
    if kind == b"j":
        _check_answer(data)
    elif kind == b"s":
        _check_store(text_of(data))
    else:
        _check_packed(text_of(data))


def _check_packed(text: str) -> None:
    with contextlib.suppress(StoreError), mock.patch.object(packed, "SIZE_LIMIT", _LIMIT):
        found = packed.unpack(text)
        assert len(found) <= _LIMIT, "the unpacked text is larger than the limit"
        assert packed.unpack(packed.pack(found)) == found


def _check_store(text: str) -> None:
    try:
        store = Store.parse(text)
    except StoreError as error:
        assert "\n" not in str(error)
        return
    _use(store)


def _use(store: Store) -> None:
    """Write the store as a text and as a backup."""
    assert Store.parse(store.text()).text() == store.text(), "the text of a store is read as another store"
    stores.reg_file(store)


def _check_answer(data: bytes) -> None:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(answer, dict):
        return
    answer = _packed(answer)
    with contextlib.suppress(AnswerError):
        _check_state(HostState.parse(answer, tuple(Part)))
    with contextlib.suppress(AnswerError):
        applied = Applied.parse(answer)
        if applied.store is not None:
            _use(applied.store)
        applied.check(APPLIED["applied"], APPLIED["digest"])
    with contextlib.suppress(AnswerError):
        parse_notified(answer)


def _check_state(state: HostState) -> None:
    """Use a host as tasks do: render its facts, and plan a policy that blocks all traffic."""
    json.dumps(render_facts(state))
    _use(state.graph.store)
    for connection in state.connections:
        assert isinstance(connection.local, ipaddress.IPv4Address | ipaddress.IPv6Address)
        assert isinstance(connection.remote, ipaddress.IPv4Address | ipaddress.IPv6Address)
    try:
        attempt = decide(OnePolicy(*parse_task(_POLICY)), state, stores.SETTINGS)
    except (ModelError, HostError):
        return
    _use(attempt.plan.store)
    json.dumps(render_outcome(attempt, host="host", title="P", service=None, diff=True, return_policy=True))


def _packed(answer: t.Any) -> t.Any:
    """The answer with each store packed, and with the right digest."""
    found = copy.deepcopy(answer)
    if isinstance(found.get("store"), str) and isinstance(found.get("digest"), str):
        found["digest"] = _digest(found["store"])
    for holder in (found, found.get("domain")):
        if isinstance(holder, dict) and isinstance(holder.get("store"), str):
            with contextlib.suppress(UnicodeEncodeError):
                holder["store"] = packed.pack(holder["store"])
    return found


def _digest(text: str) -> str:
    try:
        return Store.parse(text).digest()
    except StoreError:
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def seeds() -> t.Iterator[bytes]:
    real = stores.windows_2022()
    small = stores.change(Store(), {"name": "P", "rules": [{"name": "R", "filters": ["0+*"]}]}, True).store
    kinds = "k;\nv;YQA=;1;YgA=\nv;YgA=;7;YQA=,YgA=\nv;YwA=;7;-\nv;ZAA=;4;5\nv;ZQA=;11;6\nv;ZgA=;3;AQI=\nv;ZwA=;0;\n"
    read = {**READ, "store": small.text(), "domain": {"path": "LDAP://CN=x", "name": "D", "store": "k;\n"}}
    for answer in (read, {**READ, "store": "k;\n"}, APPLIED, {**APPLIED, "store": "k;\n", "service": SERVICE}):
        yield b"j" + json.dumps(answer).encode()
    for text in (kinds, small.text(), real.text()[:3000].rpartition("\n")[0]):
        yield b"s" + text.encode()
        yield b"p" + packed.pack(text).encode()
    yield b"p" + packed.pack("k;\n" * _LIMIT).encode()
