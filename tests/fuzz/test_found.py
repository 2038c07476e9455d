# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the targets with the inputs that the fuzzer has found, and with their seeds, without the fuzzer."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from fuzz import answers
from fuzz.targets import TARGETS

ROOT = pathlib.Path(__file__).parent.parent.parent
FOUND = yaml.safe_load((pathlib.Path(__file__).parent / "found.yml").read_text("utf-8"))


def _input(entry):
    return bytes.fromhex(entry["hex"]) if "hex" in entry else entry["text"].encode()


@pytest.mark.parametrize("entry", FOUND, ids=lambda entry: f"{entry['target']}: {entry['fault']}")
def test_found_input(entry):
    TARGETS[entry["target"]].check(_input(entry))


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name):
    for seed in TARGETS[name].seeds():
        TARGETS[name].check(seed)


def test_answers_of_the_seeds_are_accepted(monkeypatch):
    """Otherwise the target would not test more than the digest."""
    accepted = []
    monkeypatch.setattr(answers, "_check_state", accepted.append)
    for seed in answers.seeds():
        answers.check(seed)
    assert len(accepted) == 2


@pytest.mark.parametrize("name", TARGETS)
def test_subject_exists(name):
    for pattern in TARGETS[name].SUBJECT:
        assert list(ROOT.glob(pattern)), pattern


def test_found_inputs_are_unique():
    assert len({(entry["target"], _input(entry)) for entry in FOUND}) == len(FOUND)
