# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether it matters how often the body of a loop runs. If not, one pass finds its lines with other commands."""

from __future__ import annotations

import re
import typing as t

from .file_commands import FILE_COMMANDS
from .parser import Block, Chain, For, If, Label, Node, Simple
from .programs import built_in, find_mention, find_program, is_harmless, program_word

CONTROL: t.Final = frozenset({"set", "call", "setlocal", "endlocal", "goto", "exit", "shift"})
"""Commands that change what the commands after them do."""

_VARIABLE: t.Final = re.compile("[%!]")


def matters(node: Node | Chain, files: bool, numbers: bool = False) -> bool:
    """Whether it matters how often `node` runs, in a loop over names or over `numbers`; `files` says whether the batch
    file may read files that it writes.
    """
    if isinstance(node, Simple):
        text = node.text
        if files and (node.redirections or built_in(text)[0] in FILE_COMMANDS or "netsh" in text.value.lower()):
            return True
        if built_in(text)[0] in CONTROL or find_program(text) is not None:
            return True
        # the name may be that of ipseccmd or netsh
        if not numbers and _VARIABLE.search(program_word(text)[0].value):
            return True
        return not is_harmless(text) and (
            (not numbers and _VARIABLE.search(text.value) is not None) or find_mention(text.value) is not None
        )
    if isinstance(node, Chain):
        return any(matters(part, files, numbers) for _operator, part in node.parts)
    if isinstance(node, Block):
        redirected = files and bool(node.redirections)
        return redirected or any(matters(chain, files, numbers) for chain in node.chains)
    if isinstance(node, If):
        return any(matters(branch, files, numbers) for branch in node.branches)
    if isinstance(node, For):
        return matters(node.body, files, numbers and node.kind == "l")
    return isinstance(node, Label)
