# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Fuzzes each target for some time and prints the results (docs/robustness.md).

The inputs that a run finds interesting stay in build/fuzz/TARGET/corpus, where the next run starts.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import typing as t

TESTS: t.Final = pathlib.Path(__file__).parent.parent
# instead of this folder, whose modules have the names of others
sys.path[:1] = [str(TESTS), str(TESTS.parent / os.environ.get("VENV", sys.prefix) / "collections")]

from fuzz.targets import TARGETS  # noqa: E402

HERE: t.Final = pathlib.Path(__file__).parent
BUILD: t.Final = TESTS.parent / "build" / "fuzz"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60, help="how long to fuzz each target")
    parser.add_argument("targets", nargs="*", metavar="target", help=f"{', '.join(TARGETS)}; default: all")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.targets if name not in TARGETS]:
        parser.error(f"'{unknown[0]}' is not a target; the targets are {', '.join(TARGETS)}")
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed; it has wheels for Linux on x86-64 only (tests/fuzz/requirements.txt)")
        return 1
    print("target    seconds  executions  per second  edges  inputs  coverage of its code", flush=True)
    found = [_fuzz(name, arguments.seconds) for name in arguments.targets or TARGETS]
    return int(any(found))


def _fuzz(name: str, seconds: int) -> bool:
    """Fuzz one target and print a row. Returns whether there is a finding."""
    folder = BUILD / name
    shutil.rmtree(folder / "findings", ignore_errors=True)
    command = [sys.executable, HERE / "run.py", name, folder]
    options = [f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=120"]
    start = time.monotonic()
    done = _run([*command, *options])
    took = time.monotonic() - start
    executions = int(_last(r"number_of_executed_units: (\d+)", done))
    edges = _last(r" cov: (\d+)", done)
    inputs = len(list((folder / "corpus").iterdir()))
    reached = _run([sys.executable, HERE / "replay.py", "--coverage", name, folder / "corpus", folder / "seeds"])
    reached = _last(r"(lines .*)", reached)
    rate = executions / took
    print(f"{name:10}{took:7.0f}{executions:12}{rate:12.0f}{edges:>7}{inputs:8}  {reached}", flush=True)
    # libFuzzer also puts slow inputs there
    found = [path for path in (folder / "findings").iterdir() if not path.name.startswith("slow-unit")]
    for path in found:
        print(f"  finding: {_last(r'((?:[A-Za-z]+Error|ERROR).*)', done)}\n  repeat it: {_replay_command(name, path)}")
    return bool(found)


def _replay_command(name: str, path: pathlib.Path) -> str:
    return f"{sys.executable} tests/fuzz/replay.py {name} {path.relative_to(BUILD.parent.parent)}"


def _run(command: list[t.Any]) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("utf-8", "replace")


def _last(pattern: str, text: str) -> str:
    found = re.findall(pattern, text)
    return str(found[-1]) if found else "0"


if __name__ == "__main__":
    sys.exit(main())
