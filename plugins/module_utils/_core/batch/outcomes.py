# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which commands certainly succeed, for ``&&`` and ``||``, and which contain labels."""

from __future__ import annotations

from .lexer import CMD_BLANKS
from .parser import Block, Chain, For, If, Label, Node, Remark, Simple
from .programs import built_in


def succeeds(node: Node) -> bool:
    """Whether cmd.exe certainly sees success after `node`."""
    if isinstance(node, Remark):
        return True
    if isinstance(node, Block):
        last = node.chains[-1] if node.chains else None
        return (
            last is not None
            and not _uses_files(node)
            and all(succeeds(part) and operator in ("", "&", "&&") for operator, part in last.parts)
        )
    if not isinstance(node, Simple) or _uses_files(node):
        return False
    name, rest = built_in(node.text)
    if name == "call":
        # `call ` with nothing behind the blank is a usual way to succeed
        return bool(rest.value) and not rest.value.strip(CMD_BLANKS)
    if name == "ver":
        return not rest.value.strip(CMD_BLANKS)
    # a file with the name of the command may run instead, as in echo\..\x
    return name in ("rem", "echo") and rest.value[:1] not in ("\\", ".", ":") and "/?" not in rest.value


def _uses_files(node: Simple | Block) -> bool:
    """Whether it has a redirection that may fail."""
    return any(redirection.file.value for redirection in node.redirections)


def has_label(node: Node | Chain) -> bool:
    """Whether a jump may lead into `node`."""
    if isinstance(node, Chain):
        return any(has_label(part) for _operator, part in node.parts)
    if isinstance(node, Block):
        return any(map(has_label, node.chains))
    if isinstance(node, If):
        return any(map(has_label, node.branches))
    return isinstance(node, Label) or (isinstance(node, For) and has_label(node.body))
