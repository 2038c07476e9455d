# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A short run of each target, always the same, and that it would find a mistake. `make fuzz` runs for longer."""

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
# inputs that are tried, those to begin with among them
RUNS = {
    "ipseccmd": 2000,
    "batch": 150,
    "netsh": 600,
    "blobs": 15000,
    "store": 200,
    "regfiles": 4000,
    "answers": 1500,
}


@pytest.fixture(autouse=True)
def _atheris():
    if importlib.util.find_spec("atheris") is None:
        if os.environ.get("CI"):
            pytest.fail("there is no atheris in this environment, and CI does not go without: see make venv")
        pytest.skip("there is no atheris for this platform or this Python: nothing is fuzzed")


def _fuzz(name, folder, seed=1, venv=None):
    """The seed and the order of sets are always the same: so are the inputs."""
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


@pytest.mark.parametrize("name", RUNS)
def test_a_short_run_finds_nothing(name, tmp_path):
    done = _fuzz(name, tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert list((tmp_path / "findings").iterdir()) == []
    # and it went beyond what it began with
    assert len(list((tmp_path / "corpus").iterdir())) > 10


# file, what stands there, a mistake in its place, and how that is seen
PLANTED = {
    # any other GUID is refused, but not the one that begins with these four bytes
    "blobs": (
        "module_utils/blobs/reader.py",
        'if self.take(16, f"the GUID of {what}") != expected:',
        'if (found := self.take(16, "a GUID")) != expected and found[:4] != b"\\x5e\\xc2\\xe7\\xa1":',
        "AssertionError: pack gives other bytes than unpack took",
    ),
    # the message for an option that stands twice looks for a value too many
    "ipseccmd": (
        "module_utils/ipseccmd/options.py",
        'f"-{name} stands twice"',
        'f"{values[limit].value} stands twice"',
        "IndexError: list index out of range",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_found(name, tmp_path):
    """By the run above or, as any change moves where that comes, by one with the next seeds; the same run of the code
    without the mistake finds nothing.
    """
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
