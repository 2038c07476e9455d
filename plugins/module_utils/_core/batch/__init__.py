# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Batch files: the ipseccmd and ``netsh ipsec`` commands that cmd.exe would run, with variables and loops expanded.

`decode` turns bytes into text, `read_script` turns text into commands. Nothing is run, so a command that depends on
the host, on the result of a program, or on arguments, variables and files that `Outside` does not have is unknown.

cmd.exe processes a line in four steps. It replaces `%NAME%` (`variables`), parses the line or the block in parentheses
(`lexer`, `parser`), executes it and replaces the variables of loops (`runner`), and looks up the program (`programs`).
"""

from __future__ import annotations

from .decoding import decode
from .files import file_key
from .outside import Outside
from .reader import read_script
from .script import BatchCommand, LeftOut, Program, Script
from .writing import batch_file, netsh_file

__all__ = [
    "BatchCommand",
    "LeftOut",
    "Outside",
    "Program",
    "Script",
    "batch_file",
    "decode",
    "file_key",
    "netsh_file",
    "read_script",
]
