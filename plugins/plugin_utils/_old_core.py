# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What older versions of ansible-core do differently."""

from __future__ import annotations

import re
import typing as t

from ansible.release import __version__

_CORE: t.Final = tuple(map(int, __version__.split(".")[:2]))

PRINTS_ANSWERS: t.Final = _CORE < (2, 18)
"""Whether connections print answers from -vvvvv on, although `no_log` forbids it."""


def decrypted(value: t.Any) -> t.Any:
    """An argument of a task or a filter, with its `!vault` values as text. Before 2.19 they arrive encrypted."""
    if _CORE >= (2, 19):
        return value
    if getattr(value, "__ENCRYPTED__", False):
        return str(value)
    if isinstance(value, t.Mapping):
        return {name: decrypted(item) for name, item in value.items()}
    return list(map(decrypted, value)) if isinstance(value, list) else value


def plain_types(text: str) -> str:
    """A message of Ansible with plain names of types. Before 2.19 it has ``<class 'str'>``."""
    return re.sub(r"<class '(\w+)'>", r"\1", text)
