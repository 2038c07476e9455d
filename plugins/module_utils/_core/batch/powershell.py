# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Recognises PowerShell, in which ``$p`` is a variable. To cmd.exe, it is part of a name."""

from __future__ import annotations

import re
import typing as t

from ..source.text import SourceError

_PROGRAM: t.Final = r"(?: netsh | ipsec(?:cmd|pol)? ) (?: \.exe )? [ \t] [^\n&|]*?"
# what makes no sense to cmd.exe, by the characters without which it cannot occur
_SIGNS: t.Final = (
    # a line that begins with $name =, param($ or foreach ($
    (
        "$",
        r"""(?: \[ [\w.\[\]]+ \] [ \t]* )? \$ (?: \w+ : )? \w+ [ \t]* [-+]?= (?!=)
            | (?: param | foreach ) [ \t]*+ \( \s* [\[$]""",
    ),
    # a line that begins with & and a program or a variable
    ("&", r"""& [ \t]*+ (?: [^\n&|]*? \b (?: netsh | ipsec(?:cmd|pol) ) \b | \$ )"""),
    # a line that begins a comment or a function, or with a command of PowerShell
    ("<", r"<\# (?! [ \t]* : )"),
    ("{", r"function [ \t]++ [\w:-]++ \s*+ [({]"),
    (
        "-",
        r"""(?: get-content | import-csv | invoke-(?: command | expression ) | new-object | start-process
              | set-(?: executionpolicy | strictmode | variable ) | write-(?: host | output ) ) (?! \S )""",
    ),
    # output that a pipe hands to a block
    (
        "|",
        r"""[^\n|^"]*+ \| [ \t]*+
            (?: foreach (?: -object )? | where (?: -object )? | % | \? ) [ \t]*+ \{""",
    ),
    # a program with a variable of the environment, or with a backtick and a line that continues its arguments
    ("$", rf"{_PROGRAM} \$ env: (?= [a-z] )"),
    ("`", rf"{_PROGRAM} [ \t] ` (?= [ \t]* \r?\n [ \t]* (?: [-/] | \w+ [ \t]* = ))"),
)
_PATTERNS: t.Final = [
    # a line that continues another one may be anything, such as arguments of powershell.exe
    (
        sign,
        re.compile(rf"^(?<! \^\n ) (?<! \^\r\n ) [ \t]*+ (?: {pattern} )", re.IGNORECASE | re.MULTILINE | re.VERBOSE),
    )
    for sign, pattern in _SIGNS
]


def refuse_powershell(text: str) -> None:
    """Raise `SourceError` if `text` is PowerShell."""
    for sign, pattern in _PATTERNS:
        if sign in text and (match := pattern.search(text)):
            # without the rest of the line, which may have a key
            raise SourceError(
                text[: match.end()],
                match.end() - len(match[0].lstrip()),
                "this is PowerShell, not a batch file: the values of its variables are not known here; write the "
                "values into the commands and save them as a batch file, or use a task of ipsec_policy",
            )
