# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hides keys in a batch file, also where they come from a variable or the list of a loop."""

from __future__ import annotations

import typing as t

from ..source.redact import key_spans
from ..source.text import Text
from .variables import Origins


def hide_keys(file: str, commands: t.Iterable[Text], more: t.Iterable[Text], origins: Origins) -> str:
    """`file` with an asterisk for each character that belongs to a key of one of the `commands`, or to `more`. If a key
    contains a variable, all values of this variable are hidden.
    """
    hidden: set[int] = set()
    variables: set[str | int] = set()
    waiting: list[t.Iterable[int]] = [text.offsets for text in more]
    for command in commands:
        waiting += [command.offsets[start:end] for start, end in key_spans(command.value)]
    while waiting:
        for offset in waiting.pop():
            used = origins.references.get(offset)
            if used is None:
                hidden.add(offset)
                continue
            for variable in used - variables:
                variables.add(variable)
                waiting += [source.offsets for source in origins.sources.get(variable, ())]
    if not hidden:
        return file
    characters = list(file)
    for offset in hidden:
        if offset < len(characters) and characters[offset] not in "\r\n":
            characters[offset] = "*"
    return "".join(characters)
