# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""``replay.py TARGET FILE ...`` runs inputs again without atheris. A folder means all files in it.

``--coverage`` prints how much of the target's code the inputs reach.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
import tempfile
import typing as t

TESTS: t.Final = pathlib.Path(__file__).parent.parent
# instead of this folder, whose modules have the names of others
sys.path[:1] = [str(TESTS), str(TESTS.parent / os.environ.get("VENV", sys.prefix) / "collections")]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("paths", nargs="+", type=pathlib.Path)
    parser.add_argument("--coverage", action="store_true")
    arguments = parser.parse_args()
    files = [file for path in arguments.paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    if arguments.coverage:
        print(_coverage(arguments.target, files))
    else:
        _replay(arguments.target, files)


def _replay(name: str, files: t.Iterable[pathlib.Path]) -> None:
    from fuzz.targets import TARGETS

    for file in files:
        TARGETS[name].check(file.read_bytes())


def _coverage(name: str, files: t.Iterable[pathlib.Path]) -> str:
    """The percentages of lines and branches that run."""
    import coverage

    measured = coverage.Coverage(data_file=None, branch=True, source=[str(TESTS.parent)])
    measured.start()
    try:
        _replay(name, files)
    finally:
        measured.stop()
    from fuzz.targets import TARGETS

    subject = [str(path) for pattern in TARGETS[name].SUBJECT for path in TESTS.parent.glob(pattern)]
    with tempfile.NamedTemporaryFile() as report:
        measured.json_report(subject, report.name)
        totals = json.load(report)["totals"]
    lines = 100 * totals["covered_lines"] / totals["num_statements"]
    branches = 100 * totals["covered_branches"] / totals["num_branches"]
    return f"lines {lines:.0f} %, branches {branches:.0f} %"


if __name__ == "__main__":
    main()
