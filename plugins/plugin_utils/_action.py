# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the actions of this collection share: one way to refuse, one way to fail."""

from __future__ import annotations

import gc
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils.answers import AnswerError
from ..module_utils.hints import message
from ..module_utils.model import ModelError
from ..module_utils.store import StoreError
from ._host import HostError
from ._options import OptionError

REFUSALS: t.Final = (ModelError, OptionError, HostError, AnswerError, StoreError)
"""What ends a task before it has changed anything."""


class TaskFailure(Exception):
    """A failure that has more to tell than its text."""

    def __init__(self, message: str, **result: t.Any) -> None:
        super().__init__(message)
        self.result = result


class IpsecAction(ActionBase):
    """An action that works on the IPsec policies of a Windows host."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        if self._task.async_val:
            return {
                "failed": True,
                "changed": False,
                "msg": "this action cannot run with async: it plans on the controller between two short executions on "
                "the host; take async and poll off the task (forks and strategy: free run hosts side by side)",
            }
        # a worker has one task: what it was forked with is nothing to search for garbage, page by page
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
        # also with ANSIBLE_KEEP_REMOTE_FILES: a request holds pre-shared keys, and a file on the host would show them
        return module_style == "new"

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do the task; returns its result."""
        raise NotImplementedError
