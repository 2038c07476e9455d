# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Batch files of the controller, and what the filters that read them have in common."""

from __future__ import annotations

import functools
import pathlib
import typing as t

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.batch import decode
from ..module_utils.model import ModelError
from ..module_utils.scripts import ProgramScript
from ._options import OptionError

_display = Display()


def read_file(action: ActionBase, name: str, encoding: str | None) -> str:
    """The text of a batch file, looked for as Ansible looks for files; one in a vault is decrypted.

    Raises `OptionError`, `ModelError`.
    """
    try:
        path = action._loader.get_real_file(action._find_needle("files", name))
        try:
            data = pathlib.Path(path).read_bytes()
        finally:
            action._loader.cleanup_tmp_file(path)
    except (AnsibleError, OSError) as error:
        raise OptionError(f"script: '{name}' cannot be read: {error}") from None
    try:
        return decode(data, encoding)
    except ModelError as error:
        raise OptionError(f"script: '{name}': {error}") from None
