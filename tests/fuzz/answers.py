# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host answers: any JSON as an answer, any text as a store, any text as one that is packed.

The first byte says which. In an answer, the text of a store stands unpacked, where a fuzzer can change it.
"""

from __future__ import annotations

import contextlib
import copy
import ipaddress
import json
import typing as t
from unittest import mock

from ansible_collections.ipsec.windows.plugins.module_utils import store as stored
from ansible_collections.ipsec.windows.plugins.module_utils.answers import (
    SERVICE_STATES,
    START_TYPES,
    AnswerError,
    Applied,
    Reading,
    parse_told,
)
from ansible_collections.ipsec.windows.plugins.module_utils.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils.plan import plan_finish
from ansible_collections.ipsec.windows.plugins.module_utils.regfile import export
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store, StoreError, pack, unpack
from unit import stores
from unit.module_utils.test_answers import APPLIED, READ, SERVICE

from .inputs import text_of

_LIMIT: t.Final = 1 << 16
SUBJECT: t.Final = ("plugins/module_utils/answers.py", "plugins/module_utils/store.py")
WORDS: t.Final = (
    *(f'"{key}": ' for key in (*READ, *APPLIED, "status", "start_type", "told", "local", "remote", "remote_port")),
    *(f'"{state}"' for state in (*SERVICE_STATES, *START_TYPES)),
    *("null", "true", "false", "[]", "{}", "-1", "1e400", "4294967296", "99999999999999999999", "NaN", "\\ud800"),
    *("\\nk;", "\\nv;", "\nk;", "\nv;", ";1;", ";4;", ";7;", ";11;", ";3;", ";-1;", ";0;", "AA==", "YQA=", ",", "-"),
)


def check(data: bytes) -> None:
    """An answer is refused with an `AnswerError`, a store with a `StoreError`; what is taken can be worked with, and is
    no larger than the limit.
    """
    kind, data = data[:1], data[1:]
    if kind == b"j":
        _check_answer(data)
    elif kind == b"s":
        _check_store(text_of(data))
    else:
        _check_packed(text_of(data))


def _check_packed(text: str) -> None:
    with contextlib.suppress(StoreError), mock.patch.object(stored, "SIZE_LIMIT", _LIMIT):
        found = unpack(text)
        assert len(found) <= _LIMIT, "more is unpacked than the limit allows"
        assert unpack(pack(found)) == found


def _check_store(text: str) -> None:
    try:
        store = Store.parse(text)
    except StoreError as error:
        assert "\n" not in str(error)
        return
    _use(store)


def _use(store: Store) -> None:
    assert Store.parse(store.text()).text() == store.text(), "a store changes on its way"
    export(store)


def _check_answer(data: bytes) -> None:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(answer, dict):
        return
    for parse in (Reading.parse, Applied.parse, parse_told):
        with contextlib.suppress(AnswerError):
            found = parse(_packed(answer))
            if isinstance(found, Reading):
                _check_reading(found)
            elif isinstance(found, Applied) and found.store is not None:
                _use(found.store)


def _check_reading(reading: Reading) -> None:
    """What tasks do with one."""
    json.dumps(render_facts(reading))
    _use(reading.graph.store)
    _use(plan_finish(reading.graph.store, True, reading.now, stores.counting_guids()).store)
    for connection in reading.connections:
        for address in (connection.local, connection.remote):
            ipaddress.ip_address(address.partition("%")[0])


def _packed(answer: t.Any) -> t.Any:
    """The answer with each text of a store packed."""
    found = copy.deepcopy(answer)
    for holder in (found, found.get("domain")):
        if isinstance(holder, dict) and isinstance(holder.get("store"), str):
            with contextlib.suppress(UnicodeEncodeError):
                holder["store"] = pack(holder["store"])
    return found


def seeds() -> t.Iterator[bytes]:
    real = stores.windows_2022()
    small = stores.change(Store(), {"name": "P", "rules": [{"name": "R", "filters": ["0+*"]}]}, True).store
    kinds = "k;\nv;YQA=;1;YgA=\nv;YgA=;7;YQA=,YgA=\nv;YwA=;7;-\nv;ZAA=;4;5\nv;ZQA=;11;6\nv;ZgA=;3;AQI=\nv;ZwA=;0;\n"
    read = {**READ, "store": small.text(), "domain": {"path": "LDAP://CN=x", "name": "D", "store": "k;\n"}}
    for answer in (read, {**READ, "store": "k;\n"}, APPLIED, {**APPLIED, "store": "k;\n", "service": SERVICE}):
        yield b"j" + json.dumps(answer).encode()
    for text in (kinds, small.text(), real.text()[:3000].rpartition("\n")[0]):
        yield b"s" + text.encode()
        yield b"p" + pack(text).encode()
    yield b"p" + pack("k;\n" * _LIMIT).encode()
