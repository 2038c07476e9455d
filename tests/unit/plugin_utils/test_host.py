# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The channel to the host, with a fake action: answers, impossible answers, and no answer."""

from __future__ import annotations

import contextlib
import types

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display
from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import AnswerError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.errors import HostError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import PROTOCOL, Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import (
    Notification,
    Notify,
    ServiceRequest,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy
from ansible_collections.ipsec.windows.plugins.plugin_utils import _host
from ansible_collections.ipsec.windows.plugins.plugin_utils._host import HostChannel, NoAnswer
from unit import stores

STORE = stores.windows_2022()
SERVICE = {"status": "running", "start_type": "automatic"}
READ = {
    "protocol": PROTOCOL,
    "store": pack(STORE.text()),
    "digest": STORE.digest(),
    "service": SERVICE,
    "pending": False,
    "names": {},
    "interfaces": {},
}
PARTS = (Part.STORE, Part.SERVICE)
ATTEMPT = decide(
    OnePolicy(*parse_task({"name": "GSecurity IP Policy", "poll_interval": 7})),
    stores.host_with(STORE),
    stores.SETTINGS,
)
APPLIED = {
    "protocol": PROTOCOL,
    "applied": len(ATTEMPT.plan.operations),
    "digest": ATTEMPT.digest,
    "store": None,
    "error": None,
    "conflict": False,
    "now": None,
    "service": SERVICE,
}
NOTIFIED = {"protocol": PROTOCOL, "service": {**SERVICE, "notification": "asked"}}
OLD_OR_NEW = "Either the old policy or the new one is in force, never a mixture"


class FakeAction:
    """An action whose host module answers with `answer`, or fails with it if it is an error."""

    def __init__(self, answer, *, windows=True, transport="winrm", known=("port", "protocol"), **options) -> None:
        self.answer = answer
        self._task = types.SimpleNamespace(delegate_to=None, timeout=5)
        self._play_context = types.SimpleNamespace(no_log=False)
        self._connection = types.SimpleNamespace(
            _shell=types.SimpleNamespace(_IS_WINDOWS=windows),
            _play_context=types.SimpleNamespace(no_log=False),
            transport=transport,
            get_option={**dict.fromkeys(known), **options}.__getitem__,
        )
        self.no_log: list[bool] = []
        self.verbosity = 0

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == "ipsec.windows.__private.ipsec_host"
        self.no_log += [self._play_context.no_log, self._connection._play_context.no_log]
        self.verbosity = Display().verbosity
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def _channel(answer, **connection) -> HostChannel:
    return HostChannel(FakeAction(answer, **connection), {"inventory_hostname": "win1"})


REQUESTS = {
    "read": (lambda channel: channel.read(PARTS), "the policies of win1 could not be read: ", "Nothing was written"),
    "apply": (
        lambda channel: channel.apply(ATTEMPT),
        "win1 gave no answer while its policy store was written: ",
        OLD_OR_NEW,
    ),
    "notify": (
        lambda channel: channel.notify(ServiceRequest(notify=Notify.RELOAD)),
        "win1 gave no answer while its service was notified: ",
        "The policies are written",
    ),
}


def test_answers():
    assert _channel(READ).read(PARTS).digest == STORE.digest()
    assert _channel(APPLIED).apply(ATTEMPT).applied == len(ATTEMPT.plan.operations)
    service, dynamic = _channel(NOTIFIED).notify(ServiceRequest(notify=Notify.RELOAD))
    assert service.notification is Notification.ASKED
    assert dynamic is None


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (RuntimeError("it broke."), "it broke. "),
        ({"failed": True, "msg": "no memory"}, "the host module failed: no memory. "),
        ({"failed": True}, "the host module failed: it gives no reason. "),
        (
            {"failed": True, "module_stdout": "odd", "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error"},
            "the host module failed: it ended without a result in JSON. ",
        ),
        ({"protocol": 1}, f"its answer does not have protocol {PROTOCOL}. "),
        ({}, f"its answer does not have protocol {PROTOCOL}. "),
    ],
    ids=["error", "failed", "failed without a message", "not JSON", "old protocol", "empty answer"],
)
def test_a_host_without_a_usable_answer(request_, answer, words):
    ask, what, known = REQUESTS[request_]
    with pytest.raises(NoAnswer) as caught:
        ask(_channel(answer))
    assert str(caught.value).startswith(f"{what}{words}{known}")


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize(
    "answer",
    [
        AnsibleConnectionFailure("timed out."),
        TimeoutError("timed out"),
        {"unreachable": True, "msg": "timed out"},
    ],
    ids=["connection failure", "error of the system", "unreachable"],
)
def test_a_host_that_cannot_be_reached(request_, answer):
    ask, what, known = REQUESTS[request_]
    with pytest.raises(AnsibleConnectionFailure) as caught:
        ask(_channel(answer))
    assert str(caught.value).startswith(f"{what}timed out. {known}")


@pytest.mark.parametrize("request_", REQUESTS)
def test_the_timeout_of_a_task_says_what_is_known(request_):
    class TaskTimeoutError(BaseException):
        pass

    ask, what, known = REQUESTS[request_]
    with pytest.raises(NoAnswer) as caught:
        ask(_channel(TaskTimeoutError()))
    assert str(caught.value).startswith(f"{what}the task took longer than its timeout of 5 seconds. {known}")


def test_an_interrupted_task_ends():
    with pytest.raises(KeyboardInterrupt):
        _channel(KeyboardInterrupt()).read(PARTS)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("not_administrator", "the user of this connection is not an administrator of win1"),
        ("busy", "another task has been using the policy store of win1 for 30 seconds; run this task again"),
        ("mutex_denied", "denies others access to it: why; run this task again when that program has finished"),
        ("malformed", "win1 describes what it has in force in a form that cannot be read: why"),
        ("unknown_request", "the host module failed on win1: why"),
    ],
)
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_refusal_is_explained(request_, reason, words):
    ask, _what, _known = REQUESTS[request_]
    with pytest.raises(HostError) as caught:
        ask(_channel({"failed": True, "msg": "why", "reason": reason}))
    assert words in str(caught.value)
    assert not isinstance(caught.value, NoAnswer)


@pytest.mark.parametrize(
    "changes",
    [{"applied": 1}, {"digest": "0" * 64}, {"store": pack(Store().text())}, {"service": None}, {"conflict": True}],
    ids=str,
)
def test_an_impossible_answer_to_apply_counts_as_none(changes):
    with pytest.raises(NoAnswer) as caught:
        _channel(APPLIED | changes).apply(ATTEMPT)
    assert OLD_OR_NEW in str(caught.value)


def test_a_store_that_does_not_have_its_digest_is_an_error():
    with pytest.raises(AnswerError, match="does not match its digest"):
        _channel(READ | {"digest": "0" * 64}).read(PARTS)
    lost = STORE.copy()
    lost.change(Set(STORE.paths()[1], "ipsecName", Value.string("other")))
    with pytest.raises(NoAnswer, match="does not match its digest"):
        _channel(APPLIED | {"store": pack(lost.text()), "digest": STORE.digest()}).apply(ATTEMPT)


@pytest.mark.parametrize(("ignores_no_log", "verbosity"), [(True, 4), (False, 6)])
@pytest.mark.parametrize("answer", [READ, RuntimeError("it broke")], ids=["answer", "error"])
def test_connections_do_not_print_the_answer(monkeypatch, answer, ignores_no_log, verbosity):
    monkeypatch.setattr(_host, "PRINTS_ANSWERS", ignores_no_log)
    monkeypatch.setattr(Display(), "verbosity", 6)
    action = FakeAction(answer)
    with contextlib.suppress(NoAnswer):
        HostChannel(action, {"inventory_hostname": "win1"}).read(PARTS)
    assert action.no_log == [True, True]
    assert (action.verbosity, Display().verbosity) == (verbosity, 6)
    assert not action._play_context.no_log
    assert not action._connection._play_context.no_log


@pytest.mark.parametrize(
    ("connection", "port"),
    [
        ({"port": 5985}, 5985),
        ({"port": "5986"}, 5986),
        ({"transport": "psrp", "protocol": "http"}, 5985),
        ({"transport": "psrp", "protocol": "https"}, 5986),
        ({"transport": "psrp"}, 5986),
        ({"transport": "ssh"}, 22),
        ({"transport": "aws_ssm", "known": ()}, 22),
    ],
    ids=str,
)
def test_the_port_of_the_connection(connection, port):
    assert _channel(READ, **connection).port == port


def test_a_host_that_is_not_connected_as_windows():
    with pytest.raises(HostError, match=r"win1 is not connected as a Windows host \(connection ssh\)"):
        _channel(READ, windows=False, transport="ssh")


def test_a_delegated_task_names_its_host():
    action = FakeAction(READ)
    action._task.delegate_to = "win2"
    assert HostChannel(action, {"inventory_hostname": "win1"}).name == "win2"
