# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The words of a line for netsh, and the arguments that they give."""

from __future__ import annotations

import typing as t

from .texts import NetshError


class Word(str):
    """A word without its quotation marks. `ends_quoted` says that its last character was one."""

    ends_quoted: bool = False


def split(line: str) -> list[Word]:
    """The words of a line. Quotation marks keep blanks together. Raises `NetshError`."""
    words: list[Word] = []
    text, begun, quoted, last = "", False, False, ""
    for character in line:
        if character == '"':
            quoted, begun = not quoted, True
        elif character in " \t" and not quoted:
            if begun:
                words.append(_word(text, last))
            text, begun = "", False
        else:
            text, begun = text + character, True
        last = character if begun else ""
    if quoted:
        raise NetshError("usage", '"')
    if begun:
        words.append(_word(text, last))
    return words


def _word(text: str, last: str) -> Word:
    word = Word(text)
    word.ends_quoted = last == '"'
    return word


def match(word: str, choices: t.Iterable[str]) -> str | None:
    """The choice that a word names in full or abbreviated; None if it names none or several."""
    wanted = word.lower()
    found = [choice for choice in choices if wanted and choice.lower().startswith(wanted)]
    exact = [choice for choice in found if choice.lower() == wanted]
    return exact[0] if exact else found[0] if len(found) == 1 else None


def read_arguments(
    words: t.Sequence[str], known: t.Sequence[str], needed: t.Sequence[str] = (), repeated: t.Sequence[str] = ()
) -> dict[str, list[str]]:
    """The values of each argument. A word without a name is the first argument of `known` that is not given elsewhere.

    Raises `NetshError`.
    """
    named: list[tuple[str | None, str]] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("=") and "=" not in word and rest and rest[0].startswith("="):
            word = _joined(word, rest.pop(0))
        if "=" not in word:
            named.append((None, word))
            continue
        if _lacks_value(word):
            if not rest:
                raise NetshError("usage", word)
            word = _joined(word, rest.pop(0))
        tag, _equals, value = word.partition("=")
        name = match(tag, known)
        if name is None:
            raise NetshError("no argument", tag)
        named.append((name, value))
    given = {name for name, _value in named}
    free = [name for name in known if name not in given]
    found: dict[str, list[str]] = {}
    for name, value in named:
        if name is None:
            if not free:
                raise NetshError("usage", "?")
            name = free.pop(0)
        if name in found and name not in repeated:
            raise NetshError("twice", name)
        if not value:
            raise NetshError("value", name)
        found.setdefault(name, []).append(value)
    for name in needed:
        if name not in found:
            raise NetshError("missing", name)
    return found


def _joined(first: str, second: str) -> Word:
    word = Word(first + second)
    word.ends_quoted = isinstance(second, Word) and second.ends_quoted
    return word


def _lacks_value(word: str) -> bool:
    return word.index("=") == len(word) - 1 and not (isinstance(word, Word) and word.ends_quoted)
