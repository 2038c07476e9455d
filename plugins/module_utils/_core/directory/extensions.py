# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""gPCMachineExtensionNames: which extensions of a host a Group Policy object has settings for (MS-GPOL 2.2.4).

Its text is ``[{extension}{tool}{tool}][{extension}{tool}]``, sorted by extension. Hosts apply an IPsec policy only if
the text has the pair of IPsec (MS-GPIPSEC 1.9).
"""

from __future__ import annotations

import re
import typing as t

from ..hints import brief, printable
from ..model.text import GUID_PATTERN
from .errors import DirectoryError

EXTENSION: t.Final = "{E437BC1C-AA7D-11D2-A382-00C04F991E27}"
"""The part of a host that applies IPsec policies."""
TOOL: t.Final = "{DEA8AFA0-CC85-11D0-9CE2-0080C7221EBD}"
"""The part of the editor of Group Policy that writes them."""

_BLOCK: t.Final = re.compile(rf"\[({GUID_PATTERN.pattern})((?:{GUID_PATTERN.pattern})*)\]", re.IGNORECASE | re.ASCII)

Blocks: t.TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Extensions, each with its tools."""


class ExtensionsError(DirectoryError):
    """A text that is not a list of extensions."""


def parse_extensions(text: str) -> Blocks:
    """The extensions in the order of the text; none for blanks. Raises `ExtensionsError`."""
    text = text.strip(" ")
    blocks = []
    position = 0
    while position < len(text):
        found = _BLOCK.match(text, position)
        if found is None:
            raise ExtensionsError(
                f"gPCMachineExtensionNames is '{brief(printable(text), 200)}', which is not a list of extensions such "
                f"as [{EXTENSION}{TOOL}]"
            )
        blocks.append((found[1], tuple(GUID_PATTERN.findall(found[2]))))
        position = found.end()
    return tuple(blocks)


def has_pair(text: str) -> bool:
    """Whether the text has the pair of IPsec. Raises `ExtensionsError`."""
    return any(_same(extension, EXTENSION) and _has_tool(tools) for extension, tools in parse_extensions(text))


def with_pair(text: str) -> str:
    """The text with the pair of IPsec; unchanged if it has the pair. Raises `ExtensionsError`."""
    if has_pair(text):
        return text
    blocks = list(parse_extensions(text))
    index = next((i for i, (extension, _tools) in enumerate(blocks) if _same(extension, EXTENSION)), None)
    if index is None:
        blocks.append((EXTENSION, (TOOL,)))
    else:
        extension, tools = blocks[index]
        blocks[index] = (extension, tuple(sorted((*tools, TOOL), key=str.upper)))
    return _text(blocks)


def without_pair(text: str) -> str:
    """The text without the pair of IPsec, "" if nothing else is left; unchanged without the pair. Other tools of the
    extension stay. Raises `ExtensionsError`.
    """
    if not has_pair(text):
        return text
    kept = []
    for extension, tools in parse_extensions(text):
        ours = _same(extension, EXTENSION) and _has_tool(tools)
        others = tuple(tool for tool in tools if not (ours and _same(tool, TOOL)))
        if others or not ours:
            kept.append((extension, others))
    return _text(kept)


def _text(blocks: t.Iterable[tuple[str, tuple[str, ...]]]) -> str:
    return "".join(
        f"[{extension}{''.join(tools)}]" for extension, tools in sorted(blocks, key=lambda block: block[0].upper())
    )


def _has_tool(tools: t.Iterable[str]) -> bool:
    return any(_same(tool, TOOL) for tool in tools)


def _same(a: str, b: str) -> bool:
    return a.upper() == b.upper()
