# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The languages of `netsh ipsec static` and `netsh ipsec dynamic`: scripts to task arguments, and back."""

from __future__ import annotations

from .lines import read_lines
from .render import write_netsh
from .tasks import read_dynamic, read_netsh

__all__ = ["read_dynamic", "read_lines", "read_netsh", "write_netsh"]
