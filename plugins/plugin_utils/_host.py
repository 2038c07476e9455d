# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The host of a task: what it is asked, and its answers as values."""

from __future__ import annotations

import contextlib
import json
import re
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ..module_utils.answers import PROTOCOL, AnswerError, Applied, Reading, Service, parse_told
from ..module_utils.store import Operation, operations_text, pack

MODULE: t.Final = "ipsec.windows.ipsec_host"
OLD_OR_NEW: t.Final = (
    "What is in force is the old policy or the new one, never a mixture; run the task again, it finishes the job"
)
_OLDEST: t.Final = (6, 2)
_WITHOUT_ANSWER: t.Final = {
    "read": ("the policies of {} could not be read", "Nothing was written"),
    "apply": ("{} gave no answer while its policy store was written", OLD_OR_NEW),
    "tell": ("{} gave no answer while its service was told", "The policies are written"),
}
"""What is said of a host that gave no answer, and what is known of it then."""


class HostError(Exception):
    """What stands in the way on the host."""


class NoAnswer(HostError):
    """The host module ended, or answered what cannot be, and how far it came is not known; the text says what is."""


class Host:
    """Runs the host module through the action's connection."""

    def __init__(self, action: ActionBase, task_vars: dict[str, t.Any]) -> None:
        self._action = action
        self._task_vars = task_vars
        self.name = str(action._task.delegate_to or task_vars.get("inventory_hostname", "the host"))
        if not getattr(action._connection._shell, "_IS_WINDOWS", False):
            raise HostError(
                f"{self.name} is not reached as a Windows host (connection {action._connection.transport}): "
                "set ansible_connection to winrm or psrp, or ansible_shell_type to powershell for ssh"
            )

    @property
    def port(self) -> int:
        """The port of the host that this task's connection uses."""
        connection = self._action._connection
        found = connection.get_option("port")
        if found is None and connection.transport == "psrp":
            # it chooses when it connects, which it has not done before the first request
            found = 5985 if connection.get_option("protocol") == "http" else 5986
        return int(found or 22)

    def read(self, names: t.Sequence[str] = (), interfaces: t.Sequence[str] = ()) -> Reading:
        answer = self._ask("read", names=list(names), interfaces=list(interfaces), port=self.port)
        return Reading.parse(answer)

    def apply(
        self, expect: str, operations: t.Iterable[Operation], result: str, announce: bool, service: dict[str, t.Any]
    ) -> Applied:
        """Do `operations` if the store's digest still is `expect`. `result` is the digest it shall have then.

        `announce` says that the service has to learn of it, now by `service` or soon.
        """
        listed = list(operations)
        packed = pack(operations_text(listed))
        answer = self._ask("apply", expect=expect, operations=packed, result=result, announce=announce, service=service)
        with _believed("apply"):
            applied = Applied.parse(answer)
            applied.check(len(listed), result)
        return applied

    def tell(self, service: dict[str, t.Any]) -> Service:
        answer = self._ask("tell", service=service)
        with _believed("tell"):
            return parse_told(answer)

    def check(self, reading: Reading, needs_service: bool) -> None:
        """Raise `HostError` for what stands in the way of a change."""
        version = re.match("([0-9]{1,5})[.]([0-9]{1,5})", reading.version)
        if version and (int(version[1]), int(version[2])) < _OLDEST:
            runs = f"{self.name} runs {reading.product} ({reading.version})"
            raise HostError(f"{runs}; this needs Windows 8.1 or Windows Server 2012 at least")
        if not reading.writable:
            raise HostError(_explain("not_administrator", self.name, ""))
        if needs_service and reading.service.status == "missing":
            raise HostError(f"{self.name} has no service PolicyAgent (IPsec Policy Agent), which enforces policies")
        if needs_service and reading.service.start_type == "disabled":
            effect = "does nothing after the next start" if reading.service.status == "running" else "does nothing"
            raise HostError(
                f"the service PolicyAgent is disabled on {self.name}, so that an assigned policy {effect}: "
                "enable it (ansible.windows.win_service with start_mode), or set service to ignore"
            )

    def _ask(self, do: str, **request: t.Any) -> dict[str, t.Any]:
        """The answer to a request. Raises `HostError`, and `AnsibleConnectionFailure` where the host is not reached."""
        text = json.dumps({"protocol": PROTOCOL, "do": do, **request})
        try:
            with self._quiet():
                answer = self._action._execute_module(
                    module_name=MODULE, module_args={"request": text}, task_vars=self._task_vars
                )
        except (AnsibleConnectionFailure, OSError) as error:
            # the latter is what the libraries of some connections raise when a host goes silent
            raise AnsibleConnectionFailure(self._without_answer(do, error)) from None
        except Exception as error:
            raise NoAnswer(self._without_answer(do, error)) from error
        except BaseException as error:
            # the time that the task has (keyword timeout) is up; Ansible makes the result of this very error
            error.args = (self._without_answer(do, error),)
            raise
        message = str(answer.get("msg") or "it does not say why")
        if answer.get("unreachable"):
            raise AnsibleConnectionFailure(self._without_answer(do, message))
        if answer.get("reason"):
            raise HostError(_explain(answer["reason"], self.name, message))
        if answer.get("failed"):
            raise NoAnswer(self._without_answer(do, f"the host module failed: {message}"))
        if answer.get("protocol") != PROTOCOL:
            raise NoAnswer(self._without_answer(do, f"its answer is not of protocol {PROTOCOL}"))
        return t.cast("dict[str, t.Any]", answer)

    def _without_answer(self, do: str, why: object) -> str:
        what, known = _WITHOUT_ANSWER[do]
        return f"{what.format(self.name)}: {str(why).rstrip('.')}. {known}"

    @contextlib.contextmanager
    def _quiet(self) -> t.Iterator[None]:
        """Keep the answer, which has pre-shared keys in it, out of what connections show at high verbosity."""
        contexts = {id(c): c for c in (self._action._play_context, self._action._connection._play_context)}
        before = {key: context.no_log for key, context in contexts.items()}
        try:
            for context in contexts.values():
                context.no_log = True
            yield
        finally:
            for key, context in contexts.items():
                context.no_log = before[key]


@contextlib.contextmanager
def _believed(do: str) -> t.Iterator[None]:
    """What cannot be the answer to a request is none."""
    try:
        yield
    except AnswerError as error:
        raise NoAnswer(f"{error}. {_WITHOUT_ANSWER[do][1]}") from None


def _explain(reason: t.Any, name: str, message: str) -> str:
    if reason == "not_administrator":
        return f"the user of this connection is no administrator of {name}; IPsec policies need one: set ansible_user"
    if reason == "busy":
        return f"another run has held the policy store of {name} for 30 seconds; nothing was changed: run again"
    return f"the host module failed on {name}: {message}"
