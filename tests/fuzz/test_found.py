# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the fuzzer has found once stays repaired, and each target holds for what it begins with."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from fuzz import answers
from fuzz.targets import TARGETS

FOUND = yaml.safe_load((pathlib.Path(__file__).parent / "found.yml").read_text("utf-8"))


def _input(entry):
    return bytes.fromhex(entry["hex"]) if "hex" in entry else entry["text"].encode()


@pytest.mark.parametrize("entry", FOUND, ids=lambda entry: f"{entry['target']}: {entry['wrong']}")
def test_what_was_found_stays_repaired(entry):
    TARGETS[entry["target"]].check(_input(entry))


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_what_it_begins_with(name):
    for seed in TARGETS[name].seeds():
        TARGETS[name].check(seed)


def test_a_proper_answer_is_taken(monkeypatch):
    """Else nothing behind its digest would be reached."""
    taken = []
    monkeypatch.setattr(answers, "_check_reading", taken.append)
    for seed in answers.seeds():
        answers.check(seed)
    assert len(taken) == 2


def test_every_input_is_another():
    assert len({(entry["target"], _input(entry)) for entry in FOUND}) == len(FOUND)
