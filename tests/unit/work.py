# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measures work without a clock."""

from __future__ import annotations

import sys
import tracemalloc
import typing as t


def calls(do: t.Callable[[], object]) -> int:
    """The number of calls of functions, of Python and of C, while `do` runs."""
    found = 0

    def count(_frame, event, _argument):
        nonlocal found
        found += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(before)
    return found


def peak(do: t.Callable[[], object]) -> int:
    """The peak memory while `do` runs, in bytes."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
