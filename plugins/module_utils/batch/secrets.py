# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Keys that a batch file holds where nothing beside them says that they are keys."""

from __future__ import annotations

import typing as t

from ..redact import key_spans
from ..source import Text


def hide_keys(file: str, commands: t.Iterable[Text], values: t.Mapping[int, t.Sequence[Text]]) -> str:
    """`file` with an asterisk for each character that is in a key of one of the `commands`. `values` has for the places
    of references what was put there; where one is in a key, all of it is hidden.
    """
    hidden: set[int] = set()
    references: set[int] = set()

    def hide(offsets: t.Iterable[int]) -> list[int]:
        """Hide characters, and return the references among them that were not seen yet."""
        found = {offset for offset in offsets if offset in values} - references
        references.update(found)
        hidden.update(offset for offset in offsets if offset not in values)
        return list(found)

    for command in commands:
        for start, end in key_spans(command.value):
            waiting = hide(command.offsets[start:end])
            while waiting:
                for value in values[waiting.pop()]:
                    waiting += hide(value.offsets)
    if not hidden:
        return file
    characters = list(file)
    for offset in hidden:
        if offset < len(characters) and characters[offset] not in "\r\n":
            characters[offset] = "*"
    return "".join(characters)
