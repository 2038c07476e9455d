# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A real cmd.exe runs batch files, and `read_script` reads the same commands in them."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import decode
from cmdexe import scripts
from cmdexe.comparison import Comparison
from unit import corpus
from unit.core.batch.test_reading import FILES, LINES

pytestmark = pytest.mark.judge

HERE: t.Final = pathlib.Path(__file__).parent
# where what runs here differs from Windows
DIFFERENCES: t.Final = yaml.safe_load((HERE / "differences.yml").read_text("utf-8"))
SCRIPTS_HERE: t.Final = {item["script"]: item["runs"] for entry in DIFFERENCES for item in entry.get("scripts", ())}
FILES_HERE: t.Final = {item["script"]: item["runs"] for entry in DIFFERENCES for item in entry.get("files", ())}
STATEMENTS: t.Final = [name for entry in DIFFERENCES for name in entry.get("statements", ())]

# a loop in an example that would take too long
TOO_OFTEN: t.Final = "1000000000"
# the code page of a console in English
CONSOLE: t.Final = "cp437"

BATCHES: t.Final = 4
SCRIPTS: t.Final = 76
"""The number of random scripts in each batch."""

REFUSED: t.Final = 0.45
"""The largest share of commands in a batch that may be refused. It is 0.32 to 0.39 in the four batches, mostly because
of jumps, subroutines and results of programs.
"""


def seeds(batch: int) -> range:
    """The seeds of a batch. The variable SEEDS, such as 17 or 1000-1100, replaces those of the first one."""
    first, _dash, last = os.environ.get("SEEDS", "").partition("-")
    if first:
        return range(int(first), int(last or first) + 1) if batch == 0 else range(0)
    return range(batch * SCRIPTS, (batch + 1) * SCRIPTS)


Name = t.TypeVar("Name", int, str)


def compare(windows, texts: t.Mapping[Name, str], exit_code: int = 0) -> dict[Name, Comparison]:
    """Compare all files, given by name. Their programs end with `exit_code`."""
    found: dict[Name, Comparison] = {}
    # a machine under load may fail to start a program, so what is wrong is run again
    for _round in range(6):
        names = [name for name in texts if name not in found or found[name].problem]
        logs = windows.commands([f"{texts[name]}\r\n".encode(CONSOLE) for name in names], exit_code)
        found.update({name: Comparison.of(texts[name], log) for name, log in zip(names, logs, strict=True)})
    return found


def check(found: t.Mapping[Name, Comparison], here: t.Mapping[Name, list[str]]) -> None:
    """Everything that runs is read or refused, except where `here` has what runs instead."""
    wrong = [f"{name!r}: {one}" for name, one in found.items() if one.problem and here.get(name) != one.ran]
    assert not wrong, "\n\n".join([f"{len(wrong)} scripts", *wrong])


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_scripts(windows, batch):
    """With SEEDS=17, the first batch is one script."""
    leave_out = STATEMENTS if windows.is_wine else ()
    # the programs of every second batch fail
    found = compare(windows, {seed: scripts.make(seed, leave_out) for seed in seeds(batch)}, exit_code=batch % 2)
    check(found, {})
    ran = sum(len(one.ran) for one in found.values())
    refused = sum(len(one.refused) for one in found.values())
    print(f"{refused} of {ran} commands are refused")
    assert len(found) < SCRIPTS or refused < REFUSED * ran


def written() -> dict[str, str]:
    """All batch files that people wrote for tests, by name."""
    paths = [*(HERE / "scripts").glob("*.cmd"), *(HERE.parent / "data" / "scripts").rglob("*.cmd")]
    found = {path.name: path.read_text("utf-8").replace("\n", "\r\n") for path in sorted(paths)}
    for name, entry in corpus.scripts().items():
        found[name] = decode(corpus.script(name), entry.get("encoding"))
    return found


def as_console(text: str) -> str:
    """The text with question marks for what the code page of the console does not have."""
    return text.encode(CONSOLE, "replace").decode(CONSOLE)


def test_written_scripts(windows):
    check(compare(windows, {name: as_console(text) for name, text in written().items()}), FILES_HERE)


def test_examples_of_unit_tests(windows):
    lines = [line for line in LINES if TOO_OFTEN not in line]
    files = ["\r\n".join(lines) for lines, _commands in FILES]
    check(compare(windows, {text: text for text in (*lines, *files)}), SCRIPTS_HERE)


def test_known_differences(windows):
    """Wine runs the scripts in the list as it says. A later Wine may run them as Windows does."""
    check(compare(windows, {script: script for script in SCRIPTS_HERE}), SCRIPTS_HERE)
