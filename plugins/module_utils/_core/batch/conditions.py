# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether the condition of an ``if`` holds."""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing as t

from ..source.text import Text
from .lexer import UNKNOWN
from .variables import Environment

COMPARISONS: t.Final = frozenset({"==", "equ", "neq", "lss", "leq", "gtr", "geq"})
QUESTIONS: t.Final = frozenset({"exist", "defined", "errorlevel", "cmdextversion"})

_NUMBER: t.Final = re.compile(
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>[0-9A-Fa-f]+)|(?P<octal>0[0-7]*)|(?P<decimal>[1-9][0-9]*))"
)
_LARGEST: t.Final = 2**31 - 1
# no number with more digits fits into 32 bits
_MOST_DIGITS: t.Final = 11
# texts whose order is certain: Windows sorts signs before digits before letters
_SORTED: t.Final = re.compile(r'[A-Za-z0-9 "._]*')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A comparison of `left` with `right`, or the question whether the variable `right` is ``defined``."""

    operator: str
    left: Text
    right: Text
    negated: bool
    ignores_case: bool


def holds(condition: Condition, environment: Environment) -> bool | None:
    """Whether it holds; None if that is unknown."""
    defined = condition.operator == "defined"
    answer = _is_defined(condition.right.value, environment) if defined else _compare(condition)
    return None if answer is None else answer is not condition.negated


def _is_defined(name: str, environment: Environment) -> bool | None:
    value = None if UNKNOWN in name else environment.get(name)
    if value is None or isinstance(value, str) or UNKNOWN in value.text.value:
        return None
    return bool(value.text.value)


def _compare(condition: Condition) -> bool | None:
    left, right = condition.left.value, condition.right.value
    if UNKNOWN in left or UNKNOWN in right:
        return None
    operator = condition.operator
    numbers = None if operator == "==" else _numbers(left, right)
    if numbers is None and operator in ("==", "equ", "neq"):
        equal = _equal(left, right, condition)
        return None if equal is None else equal is not (operator == "neq")
    order = _order(left, right, condition.ignores_case) if numbers is None else numbers[0] - numbers[1]
    if order is None:
        return None
    return {
        "equ": order == 0,
        "neq": order != 0,
        "lss": order < 0,
        "leq": order <= 0,
        "gtr": order > 0,
        "geq": order >= 0,
    }[operator]


def _numbers(left: str, right: str) -> tuple[int, int] | None:
    """Both sides as numbers, which cmd.exe limits to 32 bits; None if one of them is not a number."""
    found = [_NUMBER.fullmatch(side) for side in (left, right)]
    numbers: list[int] = []
    for match in found:
        if match is None:
            return None
        base = 16 if match["hex"] else 8 if match["octal"] else 10
        digits = (match["hex"] or match["octal"] or match["decimal"]).lstrip("0") or "0"
        number = int(digits, base) if len(digits) <= _MOST_DIGITS else _LARGEST + 1
        numbers.append(max(-_LARGEST - 1, -number) if match["sign"] == "-" else min(_LARGEST, number))
    return numbers[0], numbers[1]


def _equal(left: str, right: str, condition: Condition) -> bool | None:
    if left == right:
        return True
    if condition.operator == "==" and not condition.ignores_case:
        return False
    if not (left.isascii() and right.isascii()):
        # the language of the host decides
        return None
    return condition.ignores_case and left.lower() == right.lower()


def _order(left: str, right: str, ignores_case: bool) -> int | None:
    """Negative if Windows sorts `left` before `right`, 0 if both are the same; None if the order is not certain."""
    if left == right:
        return 0
    if not (_SORTED.fullmatch(left) and _SORTED.fullmatch(right)):
        return None
    for one, other in itertools.zip_longest(left.lower(), right.lower(), fillvalue=""):
        if one != other:
            places = [(len(char), char.isalnum(), char.isalpha()) for char in (one, other)]
            if places[0] == places[1]:
                return (one > other) - (one < other) if one.isalnum() else None
            return 1 if places[0] > places[1] else -1
    if ignores_case:
        return 0
    # a small letter comes before its capital letter
    return next(1 if one.isupper() else -1 for one, other in zip(left, right, strict=True) if one != other)
