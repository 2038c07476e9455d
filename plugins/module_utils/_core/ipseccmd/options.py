# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A command line of ipseccmd, split into its options and the words after each."""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import nearest, one_of
from ..source.text import Text
from ..source.words import Word
from .syntax import FLAGS, LISTS, NEEDS, OPTIONS

_DASHES: t.Final = tuple("\u2013\u2014\u2212")
_QUOTES: t.Final = tuple("\u201c\u201d\u201e")
_COMPUTER_FIRST: t.Final = "the name of a computer must come before all options"


def is_option(word: Word) -> bool:
    """Whether a word begins an option."""
    return not word.quoted and word.value[:1] in ("-", "/")


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """An option and the words after it. `start` is the index of its first occurrence in the line."""

    start: int
    values: list[Word]


def split_options(text: Text, words: list[Word]) -> dict[str, Given]:
    """The options and their values, in the order of the line. Raises `SourceError`."""
    found: dict[str, Given] = {}
    position = 0
    while position < len(words):
        word = words[position]
        name = _option_name(text, word)
        end = position + 1
        while end < len(words) and not is_option(words[end]):
            end += 1
        values = words[position + 1 : end]
        if name in found and name not in ("f", "1f", "r"):
            raise text.error(word.start, f"-{name} is given twice")
        limit = 0 if name in FLAGS else len(values) if name in LISTS else 1
        refuse_dashes(text, values if name in LISTS else values[limit:])
        if len(values) > limit:
            raise text.error(values[limit].start, _superfluous(name, values, limit))
        computer = next((value for value in values if value.value.startswith("\\\\")), None)
        if computer and name in LISTS:
            raise text.error(computer.start, _COMPUTER_FIRST)
        if not values and name not in FLAGS:
            raise text.error(word.start, f"-{name} needs {NEEDS[name]}")
        found.setdefault(name, Given(word.start, [])).values.extend(values)
        position = end
    return found


def refuse_dashes(text: Text, words: t.Iterable[Word]) -> None:
    """Raise `SourceError` for the first word that begins with a dash."""
    for word in words:
        if not word.quoted and word.value[:1] in _DASHES:
            raise text.error(
                word.start, "an option begins with a hyphen (-); this is a dash, which word processors insert"
            )


def _superfluous(option: str, values: list[Word], limit: int) -> str:
    if values[limit].value.startswith("\\\\"):
        return _COMPUTER_FIRST
    if limit and values[0].value[:1] in _QUOTES:
        return 'a name with spaces needs straight quotation marks ("), not those that word processors insert'
    if option in ("p", "r"):
        return f"-{option} takes one name; a name with spaces needs quotation marks"
    takes = "no value" if option in FLAGS else "one value"
    return f"-{option} takes {takes}; expected an option or the end"


def _option_name(text: Text, word: Word) -> str:
    """The full name of an option, which may be abbreviated if that is unambiguous."""
    name = word.value[1:].casefold()
    if name in OPTIONS:
        return name
    found = [option for option in OPTIONS if name and option.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise text.error(word.start, f"this is ambiguous: {one_of(f'-{option}' for option in found)}")
    near = nearest(name, [option for option in OPTIONS if len(option) > 2])
    hint = f"did you mean -{near}?" if near else f"the options are {', '.join(f'-{option}' for option in OPTIONS)}"
    raise text.error(word.start, f"this option does not exist; {hint}")
