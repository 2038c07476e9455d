# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.answers import AnswerError, Applied, Reading, parse_told
from ansible_collections.ipsec.windows.plugins.module_utils.store import pack
from unit import stores

SERVICE = {"status": "running", "start_type": "manual"}
READ = {
    "store": pack(stores.windows_2022().text()),
    "digest": stores.windows_2022().digest(),
    "now": 1750000000,
    "product": "Windows",
    "version": "10.0.20348",
    "writable": True,
    "service": SERVICE,
    "untold": False,
    "domain": None,
    "names": {"server.example": ["192.0.2.1"]},
    "interfaces": {},
    "connections": [{"local": "192.0.2.2", "remote": "192.0.2.9", "remote_port": 50123}],
}
APPLIED = {
    "applied": 1,
    "digest": "x",
    "store": None,
    "error": None,
    "conflict": False,
    "now": None,
    "service": SERVICE,
}


def test_a_proper_answer():
    reading = Reading.parse(READ)
    assert reading.graph.store.digest() == reading.digest
    assert reading.connections[0].remote_port == 50123


LIES = {
    "store": [None, 5, "not packed", [5]],
    "digest": [None, 5],
    "now": [None, "5", True, -1, 1 << 32],
    "product": [None, 5],
    "version": [None, 5],
    "writable": [None, "yes", 1],
    "untold": [None, 0, "no"],
    "service": [None, {}, {**SERVICE, "status": "flying"}, {**SERVICE, "start_type": "never"}],
    "domain": ["text", {"path": 5, "name": "", "store": ""}, {"path": "x", "name": "", "store": "not packed"}],
    "names": [None, ["server.example"]],
    "interfaces": [None, 5],
    "connections": [None, [5], [{"local": "192.0.2.2"}], {}, [{**READ["connections"][0], "remote": "384.0.2.9"}]],
}


@pytest.mark.parametrize("key", READ)
def test_a_lying_answer_is_one_error(key):
    for lie in LIES[key]:
        with pytest.raises(AnswerError):
            Reading.parse({**READ, key: lie})


@pytest.mark.parametrize("key", APPLIED)
def test_a_lying_answer_to_apply_is_one_error(key):
    for lie in ([], {"status": "flying", "start_type": "manual"}):
        with pytest.raises(AnswerError):
            Applied.parse(APPLIED | {key: lie})


def test_a_missing_key_is_named():
    answer = dict(READ)
    del answer["writable"]
    with pytest.raises(AnswerError, match="no proper 'writable'"):
        Reading.parse(answer)
    with pytest.raises(AnswerError, match="no proper 'service'"):
        parse_told({})


def test_what_the_service_was_told():
    told = parse_told({"service": {**SERVICE, "told": "failed", "error": "no"}})
    assert (told.told, told.error) == ("failed", "no")
