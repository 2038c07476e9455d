# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measures pairs in turn, prints their ratios, and writes them to build/bench.json."""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import typing as t

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / os.environ.get("VENV", sys.prefix) / "collections"))

from benchmarks import core, domain, fleet, measure, tasks
from directory.samba import missing
from winhost.engine_powershell import find_pwsh

_REPORT: t.Final = pathlib.Path(__file__).parent.parent / "build" / "bench.json"
_PARTS: t.Final = {"core": core.all_rows, "tasks": tasks.all_rows, "domain": domain.all_rows, "fleet": fleet.all_rows}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*_PARTS, []], help=f"what to measure: {', '.join(_PARTS)}; default: all"
    )
    parts = parser.parse_args().parts or list(_PARTS)
    measure.head()
    rows = []
    for part in parts:
        if part in ("tasks", "domain") and find_pwsh() is None:
            print(f"{part}: not measured, as it needs PowerShell 7 (pwsh) on PATH")
            continue
        if part == "domain" and (problem := missing()):
            print(f"{part}: not measured, as {problem}")
            continue
        for row in _PARTS[part]():
            measure.show(row)
            rows.append(row)
    measure.write(rows, _REPORT)


if __name__ == "__main__":
    main()
