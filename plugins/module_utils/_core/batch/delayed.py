# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Delayed expansion: `!NAME!` stands for the value that a variable has when its command runs."""

from __future__ import annotations

import re
import typing as t

from ..source.text import Text
from .variables import Builder, Environment, Origins, named_value

_SPECIAL: t.Final = re.compile("[!^]")
# without carets and unknown text, which may end the name
_REFERENCE: t.Final = re.compile(r"!(?P<name>[^!:^\0]+)(?P<edit>:[^!^\0]+)?!")
_UNCLEAR: t.Final = re.compile(r"!(?:[^!]*!|[^:]*:)")


def expand_delayed(text: Text, environment: Environment, origins: Origins) -> Text:
    """`text` with `!NAME!` replaced. If it has an exclamation mark, carets keep the next character as it is."""
    value = text.value
    if "!" not in value or environment.delayed is False:
        return text
    if environment.delayed is None:
        return mark(text, re.compile("(!)"), "it depends on delayed expansion of !NAME!", origins)
    origins.count(len(value))
    built = Builder(text.file)
    done = 0
    while special := _SPECIAL.search(value, done):
        at = special.start()
        built.copy(text, done, at)
        done = at + 1
        if value[at] == "^":
            built.copy(text, done, done + 1)
            done += 1
        elif match := _REFERENCE.match(value, at):
            built.add(named_value(match, text, environment, origins), text.offset(at))
            done = match.end()
        elif match := _UNCLEAR.match(value, at):
            done = match.end()
            reason = origins.why_unknown(text[at:done]) or "it is not certain which name this '!' begins"
            built.add(origins.unknown(text.offset(at), reason), text.offset(at))
        # cmd.exe removes an exclamation mark without a partner
    built.copy(text, done, len(value))
    return built.text(text.end)


def mark(text: Text, pattern: re.Pattern[str], reason: str, origins: Origins) -> Text:
    """`text` with the characters in the group of `pattern` marked as unknown."""
    built = Builder(text.file)
    done = 0
    for match in pattern.finditer(text.value):
        at = match.start(1)
        if at >= 0:
            built.copy(text, done, at)
            built.add(origins.unknown(text.offset(at), reason), text.offset(at))
            done = at + 1
    if not done:
        return text
    built.copy(text, done, len(text))
    return built.text(text.end)
