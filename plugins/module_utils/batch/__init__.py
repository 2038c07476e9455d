# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Batch files: which commands of ipseccmd and of ``netsh ipsec`` cmd.exe would run, with variables and loops resolved.

`decode` makes bytes text, `read_script` makes text commands. Nothing is run: what depends on the host, on arguments or
on the outcome of a program cannot be known, and is said so. cmd.exe reads a line in four steps, a file for each here:
`%NAME%` is replaced (`variables`), the line or parenthesised block is parsed (`parser`, `lexer`), then it is executed,
where the variables of loops are replaced (`reader`), and the program's word is looked up (`programs`).
"""

from __future__ import annotations

from .decoding import decode
from .reader import read_script
from .script import Command, LeftOut, Program, Script
from .writing import batch_file

__all__ = ["Command", "LeftOut", "Program", "Script", "batch_file", "decode", "read_script"]
