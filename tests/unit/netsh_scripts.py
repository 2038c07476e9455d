# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Short ways to write and read scripts of netsh."""

from __future__ import annotations

import re

from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.mistakes import Mistakes
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import Text

BASE = """\
add policy P
add filterlist L
add filter L me 192.0.2.1
add filteraction A action=negotiate
"""
"""What a rule needs."""
RULE = "add rule R P L A"


def commands(*lines):
    """The lines as commands; `netsh ipsec static` is added where it is missing."""
    return lines_of(
        "\n".join(
            line if line.lower().startswith(("netsh", "ipsec")) else f"netsh ipsec static {line}"
            for text in lines
            for line in text.splitlines()
        )
    )


def lines_of(file):
    """Each line as a command."""
    whole = Text.of(file)
    return [whole[m.start() : m.end()] for m in re.finditer(".+", file)]


def read(*lines):
    """The tasks for the commands in `lines`."""
    mistakes = Mistakes()
    found = [mistakes.collect(text, parse_command, text) for text in commands(*lines)]
    return read_netsh([command for command in found if command is not None], [], mistakes)


def wanted(item):
    """What a task with these arguments asks for."""
    return parse_task(item)[0]
