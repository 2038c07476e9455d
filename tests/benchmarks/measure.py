# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Ratios of two actions that are measured in turn, and a table of them."""

from __future__ import annotations

import dataclasses
import gc
import json
import pathlib
import statistics
import time
import typing as t


@dataclasses.dataclass(frozen=True)
class Row:
    """`ratios` has one ratio for each pair of measurements. The median counts."""

    name: str
    aim: float
    ratios: t.Sequence[float]
    what: str

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> list[float]:
        """The quartiles, between which half of all pairs lie. For a single pair, its ratio twice."""
        if len(self.ratios) == 1:
            return [*self.ratios] * 2
        low, _median, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return [low, high]


def in_turn(ours: t.Callable[[], object], peer: t.Callable[[], object], times: int) -> list[float]:
    """Ratios of processor time, after one run of each to warm up."""
    ours()
    peer()
    return [_seconds(ours) / _seconds(peer) for _time in range(times)]


def _seconds(action: t.Callable[[], object]) -> float:
    # otherwise the action may pay for the garbage of earlier ones
    gc.collect()
    start = time.process_time()
    action()
    return time.process_time() - start


def show(row: Row) -> None:
    spread = " … ".join(map(_figure, row.spread))
    verdict = "" if row.ratio <= row.aim else "  missed"
    print(f"{row.name:<17} {_figure(row.ratio):>8}  ≤ {row.aim:<6} {spread:>17}{verdict:<8}  {row.what}", flush=True)


def head() -> None:
    print(f"{'row':<17} {'ratio':>8}  {'aim':<8} {'half of all pairs':>17}{'':<8}  what is measured")


def _figure(value: float) -> str:
    return f"{value:.3g}"


def write(rows: t.Iterable[Row], path: pathlib.Path) -> None:
    """{row: {"ratio": …, "aim": …, "spread": [low, high], "what": …}}"""
    found = {row.name: {"ratio": row.ratio, "aim": row.aim, "spread": row.spread, "what": row.what} for row in rows}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
