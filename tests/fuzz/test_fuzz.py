# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Short runs of the fuzzer with a fixed seed, and checks that it finds planted mistakes. `make fuzz` runs longer."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from fuzz.targets import TARGETS

FUZZ = pathlib.Path(__file__).parent
PLUGINS = FUZZ.parent.parent / "plugins"

SEEDS = range(1, 7)
# the number of inputs of a run, including the seeds
RUNS = {
    "ipseccmd": 2000,
    "batch": 150,
    "netsh": 600,
    "blobs": 15000,
    "store": 200,
    "regfiles": 4000,
    "answers": 1500,
    "running": 1500,
    "ldap": 3000,
    "directory": 1500,
}
QUICK = "blobs"


@pytest.fixture(autouse=True)
def _atheris():
    if importlib.util.find_spec("atheris") is None:
        if os.environ.get("CI"):
            pytest.fail("atheris is not installed, which is an error in CI; make venv installs it")
        pytest.skip("atheris is not installed; it has no wheel for this platform or this Python")


def _fuzz(name, folder, seed=1, venv=None):
    """A run with the same inputs each time: the seed and the order of sets are fixed."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", **({} if venv is None else {"VENV": str(venv)})}
    command = [sys.executable, FUZZ / "run.py", name, folder, f"-seed={seed}", f"-runs={RUNS[name]}"]
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env=environment,
    )


def test_every_target_has_a_run():
    assert RUNS.keys() == TARGETS.keys()


# starting the fuzzer takes seconds, so the quick test run starts it for one target only
@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n == QUICK else pytest.mark.judge) for n in RUNS])
def test_short_run_finds_nothing(name, tmp_path):
    done = _fuzz(name, tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert list((tmp_path / "findings").iterdir()) == []
    # the fuzzer has found new code paths
    assert len(list((tmp_path / "corpus").iterdir())) > 10


# a file, a text in it, a mistake to replace it, and the resulting error
PLANTED = {
    # a wrong GUID is accepted if it starts with these four bytes
    "blobs": (
        "module_utils/_core/objects/blobs/reader.py",
        'if self.take(16, f"the GUID of {what}") != expected:',
        'if (found := self.take(16, "a GUID")) != expected and found[:4] != b"\\x5e\\xc2\\xe7\\xa1":',
        "AssertionError: pack returns other bytes than unpack read",
    ),
    # the message for an option that is given twice uses a value that does not exist
    "ipseccmd": (
        "module_utils/_core/ipseccmd/options.py",
        'f"-{name} is given twice"',
        'f"{values[limit].value} is given twice"',
        "IndexError: list index out of range",
    ),
}


@pytest.mark.judge
@pytest.mark.parametrize("name", PLANTED)
def test_planted_mistake_is_found(name, tmp_path):
    """The run finds it with one of the seeds; without the mistake, the same run finds nothing."""
    file, right, wrong, seen = PLANTED[name]
    collection = tmp_path / "venv" / "collections" / "ansible_collections" / "ipsec" / "windows"
    shutil.copytree(PLUGINS, collection / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    path = collection / "plugins" / file
    code = path.read_text()
    assert code.count(right) == 1
    path.write_text(code.replace(right, wrong))
    for seed in SEEDS:
        done = _fuzz(name, tmp_path / f"{seed}", seed, tmp_path / "venv")
        if done.returncode:
            break
    assert done.returncode != 0
    assert seen in done.stdout
    assert len(list((tmp_path / f"{seed}" / "findings").iterdir())) == 1
    if seed != SEEDS[0]:
        assert _fuzz(name, tmp_path / "right", seed).returncode == 0
