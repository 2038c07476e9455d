# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands as the text of a batch file."""

from __future__ import annotations

import typing as t


def batch_file(commands: t.Iterable[str]) -> str:
    """The commands as the text of a batch file, in which a percent sign is written twice."""
    lines = [command.replace("%", "%%") for command in commands]
    if not all(line.isascii() for line in lines):
        lines.insert(0, "@chcp 65001 >nul")
    return "".join(f"{line}\r\n" for line in lines)
