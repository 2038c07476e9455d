# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What all actions of this collection share: checks before the work, and errors as results."""

from __future__ import annotations

import gc
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._core.directory.errors import DirectoryError
from ..module_utils._core.hints import message
from ..module_utils._core.host.checking import AnswerError
from ..module_utils._core.host.errors import HostError
from ..module_utils._core.model import ModelError
from ..module_utils._core.store.values import StoreError
from ._options import OptionError

REFUSALS: t.Final = (ModelError, OptionError, HostError, AnswerError, StoreError, DirectoryError)
"""Errors of the core and of options, which become the message of a failed task."""


class TaskFailure(Exception):
    """A failure whose result has more than a message."""

    def __init__(self, message: str, **result: t.Any) -> None:
        super().__init__(message)
        self.result = result


class IpsecAction(ActionBase):
    """An action that works on the IPsec policies of a Windows host or of a domain."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        if self._task.async_val:
            return {
                "failed": True,
                "changed": False,
                "msg": "this module does not support async, because the work is done on the controller. Remove async "
                "and poll; to work on several hosts at once, use forks or 'strategy: free'",
            }
        # a worker runs one task: searching everything that it was forked with for garbage is wasted time
        gc.freeze()
        result = super().run(tmp, task_vars)
        result["changed"] = False
        try:
            result.update(self.work(task_vars or {}))
        except TaskFailure as error:
            result.update(error.result, failed=True, msg=message(error))
        except REFUSALS as error:
            result.update(failed=True, msg=message(error))
        return result

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:
        # also with ANSIBLE_KEEP_REMOTE_FILES: a request may hold pre-shared keys, which a file on the host would expose
        return module_style == "new"

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do the task and return its result."""
        raise NotImplementedError
