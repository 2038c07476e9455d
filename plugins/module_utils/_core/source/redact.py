# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Finds the parts of a typed line that may be a pre-shared key, so that no message shows them."""

from __future__ import annotations

import re
import typing as t

BLANKS: t.Final = " \t\r\n"
"""What separates words. To Windows, no other white space does."""

# the patterns begin with sets of letters, and look at what is before these afterwards: Python searches faster then
# also misspelt
_KEY = r"""(?<! [a-zA-Z0-9][pP] )
           (?i: (?: | r | re | sk | res[a-z]* | r?e?[-_]?sh[a-z]*(?:[-_]?key)? ) "? :
              | (?: sk | re[-_]?share[a-z]*(?:[-_]?key)? ) "? [ \t]* = )
           (?: [ \t]+ (?![ \t/-]) )?"""
_KEY_WORD = re.compile(f"[pP] {_KEY}", re.VERBOSE)
# also run together with the first method, as in -ap:key
_METHODS = r"""(?<! [^\s"][/-] ) [aA] "? (?= \s | [a-zA-Z]*"?[:=] )"""
_SIGNS = re.compile(rf"[pP/-] (?: (?<=[pP]) {_KEY} | (?P<methods> (?<=[/-]) {_METHODS} ) )", re.VERBOSE)
_QUOTE = re.compile(r'\\.|(")', re.DOTALL)
_SHOWN = re.compile(r'"?(?:k|kerberos|c(?:e(?:rt?)?)?:.*|\^)"?', re.IGNORECASE | re.DOTALL)


def key_spans(line: str) -> list[tuple[int, int]]:
    """The parts of `line` that may be keys, as pairs of indexes in order, without overlap: the text after ``p:``,
    ``preshare:`` or ``psk=``, and each word after -a that is not another method. When in doubt, a part counts as a key.
    """
    found: list[tuple[int, int]] = []
    position = 0
    quotes: _Quotes | None = None
    while match := _SIGNS.search(line, position):
        if match["methods"]:
            spans, position = _methods(line, match.end())
            found += spans
        else:
            quotes = quotes or _Quotes(line)
            position = quotes.end_of_key(match.start(), match.end())
            found.append((match.end(), position))
    found += _netsh_spans(line)
    return _merged(found) if found else found


class _Quotes:
    """Where keys end, by the quotation marks of a line. Call `end_of_key` from left to right."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._counted = 0
        self._open = False
        self._paired = not self._odd(0, len(line))

    def _odd(self, start: int, end: int) -> bool:
        return sum(match[1] is not None for match in _QUOTE.finditer(self._line, start, end)) % 2 == 1

    def end_of_key(self, sign: int, position: int) -> int:
        """Where the word ends that has the mark of a key at `sign` and the key itself at `position`."""
        if not self._paired:
            # a quotation mark is missing, so any part of the line may be the key
            return len(self._line)
        self._open ^= self._odd(self._counted, position)
        self._counted = position
        opened = self._open or self._line[sign - 1 : sign] == '"'
        return max(_end_of_word(self._line, position), _end_of_word(self._line, position, quoted=opened))


def _methods(line: str, position: int) -> tuple[list[tuple[int, int]], int]:
    """The keys among the words from `position` to the next option, and where the option begins."""
    spans: list[tuple[int, int]] = []
    for start, end in _words(line, position):
        if line[start] in "-/":
            return spans, start
        key = _KEY_WORD.match(line, start + (line[start] == '"'), end)
        if key:
            spans.append((key.end(), end))
        elif not _SHOWN.fullmatch(line, start, end):
            spans.append((start, end))
    return spans, len(line)


def _words(line: str, position: int) -> t.Iterator[tuple[int, int]]:
    while True:
        while position < len(line) and line[position] in BLANKS:
            position += 1
        if position == len(line):
            return
        end = _end_of_word(line, position)
        yield position, end
        position = end


def _end_of_word(line: str, position: int, quoted: bool = False) -> int:
    """Where the word around `position` ends: at a blank outside quotes."""
    while position < len(line) and (quoted or line[position] not in BLANKS):
        if line[position] == "\\":
            position += 1
        elif line[position] == '"':
            quoted = not quoted
        position += 1
    return min(position, len(line))


# a rule in the language of netsh, in which words may be abbreviated
_NETSH_RULE = re.compile(
    r"""[sSdD] (?<!\w.) (?: (?<=[sS]) [tT] | (?<=[dD]) [yY] ) \w*"? \s+ "?\w+"? \s+ "? (?i:r|def) \w*"? (?=\s)""",
    re.VERBOSE,
)
# in a file for netsh -f, it begins with the verb
_NETSH_BARE_RULE = re.compile(r"""\s*"?(?:add|set)"?\s+"?(?:r|def)\w*"?(?=\s)""", re.IGNORECASE)
_NETSH_ARGUMENTS: t.Final = (
    "name",
    "policy",
    "newname",
    "id",
    "filterlist",
    "filteraction",
    "tunnel",
    "conntype",
    "activate",
    "description",
    "kerberos",
    "rootca",
    "qmpfs",
    "qmsecmethods",
    "gponame",
    "srcaddr",
    "dstaddr",
    "srcmask",
    "dstmask",
    "srcport",
    "dstport",
    "protocol",
    "mirrored",
    "mmpolicy",
    "qmpolicy",
    "actioninbound",
    "actionoutbound",
    "tunneldstaddress",
)
# the first arguments may come without their names; the key is the sixth at the earliest
_NETSH_NAMELESS: t.Final = 4
_NETSH_BEFORE_KEY: t.Final = 5


def _netsh_spans(line: str) -> list[tuple[int, int]]:
    """Everything that does not belong to a known argument of a netsh rule: after psk= or an unknown name, the value and
    the words up to the next name. There may be blanks around the ``=``.
    """
    rule = _NETSH_RULE.search(line) or _NETSH_BARE_RULE.match(line)
    if rule is None:
        return []
    spans: list[tuple[int, int]] = []
    words = list(_words(line, rule.end()))
    shown = True
    limit = _NETSH_NAMELESS
    count = at = 0
    while at < len(words):
        start, end = words[at]
        at += 1
        tag, equals, _value = line[start:end].lstrip('"').partition("=")
        sign = start
        if not equals and at < len(words) and line[words[at][0]] == "=":
            equals, (sign, end) = "=", words[at]
            at += 1
        tag = tag.rstrip('"').casefold()
        known = bool(equals and tag) and any(name.startswith(tag) for name in _NETSH_ARGUMENTS)
        if equals and (known or shown):
            shown = known and not "psk".startswith(tag)
            limit = _NETSH_BEFORE_KEY
            # what stands behind the sign is the value, unless it may be the next argument
            if line[end - 1] == "=" and at < len(words) and not (shown and "=" in line[slice(*words[at])]):
                end = words[at][1]
                at += 1
            if not shown:
                spans.append((line.index("=", sign) + 1, end))
        elif not shown or count >= limit:
            spans.append((start, end))
        count += 1
    return spans


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order; those that touch become one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return found
