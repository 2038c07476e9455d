# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The channel to the host of a task: one request, one answer."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._core.attempt import Attempt, Expected
from ..module_utils._core.host.answers import Applied, HostState, Waited, parse_notified
from ..module_utils._core.host.checking import AnswerError
from ..module_utils._core.host.dynamic import DynamicApplied
from ..module_utils._core.host.errors import HostError, Reason
from ..module_utils._core.host.requests import PROTOCOL, Part, RequestKind, notify_request, read_request, wait_request
from ..module_utils._core.host.requirements import not_administrator
from ..module_utils._core.host.service import Service, ServiceRequest
from ._old_core import PRINTS_ANSWERS
from ._rounds import OLD_OR_NEW, is_task_timeout

MODULE: t.Final = "ipsec.windows.__private.ipsec_host"
_WITHOUT_ANSWER: t.Final = {
    RequestKind.READ: ("the policies of {} could not be read", "Nothing was written"),
    RequestKind.APPLY: ("{} gave no answer while its policy store was written", OLD_OR_NEW),
    RequestKind.NOTIFY: ("{} gave no answer while its service was notified", "The policies are written"),
    RequestKind.WAIT: ("{} gave no answer while the task waited for its filters", "The policies are written"),
}
"""For each request, the message for a host that gives no answer, and what is known then."""


class NoAnswer(HostError):
    """The host module ended or gave an impossible answer. How far it came is not known; the message says what is."""


def host_name(action: ActionBase, task_vars: t.Mapping[str, t.Any]) -> str:
    """The name of the host that an action works on."""
    return str(action._task.delegate_to or task_vars.get("inventory_hostname", "the host"))


class HostChannel:
    """Runs the host module through the connection of an action."""

    def __init__(self, action: ActionBase, task_vars: dict[str, t.Any]) -> None:
        """Raises `HostError` for a connection that does not lead to a Windows host."""
        self._action = action
        self._task_vars = task_vars
        self.name = host_name(action, task_vars)
        if not getattr(action._connection._shell, "_IS_WINDOWS", False):
            raise HostError(
                f"{self.name} is not connected as a Windows host (connection {action._connection.transport}): set "
                "ansible_connection to winrm or psrp, or ansible_shell_type to powershell for ssh"
            )

    @property
    def port(self) -> int:
        """The port of the host that the connection uses."""
        connection = self._action._connection
        found = None
        # some connections have no ports
        with contextlib.suppress(KeyError):
            found = connection.get_option("port")
        if found is None and connection.transport == "psrp":
            # psrp chooses when it connects, which is at the first request
            found = 5985 if connection.get_option("protocol") == "http" else 5986
        return int(found or 22)

    def read(
        self, parts: t.Collection[Part], names: t.Sequence[str] = (), interfaces: t.Sequence[str] = ()
    ) -> HostState:
        """Read parts of the host, and look up names and interfaces. Raises as `_ask`, and `AnswerError`."""
        request = read_request(parts, names=names, interfaces=interfaces, port=self.port)
        return HostState.parse(self._ask(RequestKind.READ, request), parts)

    def apply(self, attempt: Attempt) -> Applied:
        """Apply the plan of an attempt. Raises as `_ask`."""
        answer = self._ask(RequestKind.APPLY, attempt.request)
        with _impossible_is_none(RequestKind.APPLY):
            applied = Applied.parse(answer)
            dynamic = attempt.dynamic.request if attempt.dynamic else None
            applied.check(len(attempt.plan.operations), attempt.digest, dynamic)
        return applied

    def notify(self, service: ServiceRequest, dynamic: bool = False) -> tuple[Service, DynamicApplied | None]:
        """Notify the service of what was applied, and with `dynamic` add and delete dynamic rules. Raises as `_ask`."""
        answer = self._ask(RequestKind.NOTIFY, notify_request(service, dynamic))
        with _impossible_is_none(RequestKind.NOTIFY):
            return parse_notified(answer)

    def wait(self, expected: Expected, since: int, seconds: int) -> Waited:
        """Wait until the host says what became of a change, at most so many seconds. Raises as `_ask`."""
        request = wait_request(since=since, seconds=seconds, events=expected.events, expect=expected.digest)
        answer = self._ask(RequestKind.WAIT, request)
        with _impossible_is_none(RequestKind.WAIT):
            return Waited.parse(answer)

    def _ask(self, do: RequestKind, request: str) -> dict[str, t.Any]:
        """The answer to a request. Raises `HostError`, and `AnsibleConnectionFailure` if the host cannot be reached."""
        try:
            with self._quiet():
                answer = self._action._execute_module(
                    module_name=MODULE, module_args={"request": request}, task_vars=self._task_vars
                )
        except (AnsibleConnectionFailure, OSError) as error:
            # the libraries of some connections raise OSError for a host that stops answering
            raise AnsibleConnectionFailure(self._without_answer(do, error)) from None
        except Exception as error:
            raise NoAnswer(self._without_answer(do, error)) from error
        except BaseException as error:
            if not is_task_timeout(error):
                raise
            # the result that Ansible makes of it says that nothing was changed
            seconds = f"the task took longer than its timeout of {self._action._task.timeout} seconds"
            raise NoAnswer(self._without_answer(do, seconds)) from error
        message = str(answer.get("msg") or "it gives no reason")
        if "module_stdout" in answer:
            # the message of Ansible points to this output, which the task does not return
            message = "it ended without a result in JSON"
        if answer.get("unreachable"):
            raise AnsibleConnectionFailure(self._without_answer(do, message))
        if answer.get("reason"):
            raise HostError(_explain(answer["reason"], self.name, message))
        if answer.get("failed"):
            raise NoAnswer(self._without_answer(do, f"the host module failed: {message}"))
        if answer.get("protocol") != PROTOCOL:
            raise NoAnswer(self._without_answer(do, f"its answer does not have protocol {PROTOCOL}"))
        return t.cast("dict[str, t.Any]", answer)

    def _without_answer(self, do: RequestKind, why: object) -> str:
        what, known = _WITHOUT_ANSWER[do]
        return f"{what.format(self.name)}: {str(why).rstrip('.')}. {known}"

    @contextlib.contextmanager
    def _quiet(self) -> t.Iterator[None]:
        """Keep the answer, which may hold pre-shared keys, out of what connections print at high verbosity."""
        contexts = {id(c): c for c in (self._action._play_context, self._action._connection._play_context)}
        before = {key: context.no_log for key, context in contexts.items()}
        display = Display()
        verbosity = display.verbosity
        try:
            if PRINTS_ANSWERS:
                display.verbosity = min(verbosity, 4)
            for context in contexts.values():
                context.no_log = True
            yield
        finally:
            display.verbosity = verbosity
            for key, context in contexts.items():
                context.no_log = before[key]


@contextlib.contextmanager
def _impossible_is_none(do: RequestKind) -> t.Iterator[None]:
    """Treat an impossible answer as none."""
    try:
        yield
    except AnswerError as error:
        raise NoAnswer(f"{error}. {_WITHOUT_ANSWER[do][1]}") from None


def _explain(reason: t.Any, name: str, message: str) -> str:
    match reason:
        case Reason.NOT_ADMINISTRATOR:
            return not_administrator(name)
        case Reason.BUSY:
            return f"another task has been using the policy store of {name} for 30 seconds; run this task again"
        case Reason.MUTEX_DENIED:
            return (
                f"another program holds the lock of the policy store of {name} and denies others access to it: "
                f"{message}; run this task again when that program has finished"
            )
        case Reason.TASK_FAILED:
            return (
                f"the scheduled task that keeps dynamic rules cannot be registered on {name}: {message.rstrip('.')}; "
                "ipsec_dynamic with persistent: false does without it"
            )
        case Reason.MALFORMED:
            return f"{name} describes what it has in force in a form that cannot be read: {message}"
    return f"the host module failed on {name}: {message}"
