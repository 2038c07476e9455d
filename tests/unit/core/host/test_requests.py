# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Requests to the host module: their form, and the limit that Windows PowerShell 5.1 sets."""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.dynamic import DynamicRequest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.errors import HostError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import (
    JSON_LIMIT,
    PROTOCOL,
    REQUEST_LIMIT,
    Part,
    TooLargeError,
    apply_request,
    notify_request,
    read_request,
    wait_request,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import Notify, ServiceRequest, StartType
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import unpack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value

RELOAD = ServiceRequest(StartType.AUTOMATIC, Notify.RELOAD)


def _apply(operations, service=RELOAD, mark_pending=True):
    return apply_request(operations, expect="before", result="after", mark_pending=mark_pending, service=service)


def _of_size(size):
    """A request whose operations take about `size` characters, as they cannot be compressed."""
    # base64 of gzip of base64
    data = random.Random(1).randbytes(size * 3 // 4)
    return _apply([Set("A", "x", Value.binary(data))])


def test_read_request_names_the_parts():
    request = read_request((Part.STORE, Part.ADDRESSES), names=["a.example"], interfaces=["{1}"], port=5986)
    assert json.loads(request) == {
        "protocol": PROTOCOL,
        "do": "read",
        "parts": ["store", "addresses"],
        "names": ["a.example"],
        "interfaces": ["{1}"],
        "port": 5986,
    }


def test_apply_request():
    operation = Set("A", "x", Value.string("text"))
    found = json.loads(_apply([operation]))
    assert unpack(found.pop("operations")) == operation.line() + "\n"
    assert found == {
        "protocol": PROTOCOL,
        "do": "apply",
        "expect": "before",
        "result": "after",
        "mark_pending": True,
        "service": {"start_type": "automatic", "notify": "reload"},
        "dynamic": None,
    }


def test_notify_request():
    found = json.loads(notify_request(ServiceRequest(notify=Notify.START)))
    service = {"start_type": None, "notify": "start"}
    assert found == {"protocol": PROTOCOL, "do": "notify", "service": service, "dynamic": False}


@pytest.mark.parametrize("expect", ["digest", None])
def test_wait_request(expect):
    found = json.loads(wait_request(since=1_750_000_000, seconds=30, events=[5460, 5461], expect=expect))
    until = {"events": [5460, 5461], "expect": expect}
    assert found == {"protocol": PROTOCOL, "do": "wait", "since": 1_750_000_000, "seconds": 30, **until}


def test_dynamic_rules_in_a_request():
    create = Create("Rules\\ipsec.windows-0123456789ab")
    dynamic = DynamicRequest(expect="old", operations=(create,), result="new", task_xml="<Task/>", settings={"a": "1"})
    request = apply_request([], expect="", result="", mark_pending=False, service=RELOAD, dynamic=dynamic)
    found = json.loads(request)["dynamic"]
    assert unpack(found.pop("operations")) == create.line() + "\n"
    assert found == {
        "expect": "old",
        "result": "new",
        "task": {"xml": "<Task/>"},
        "unregister": False,
        "flush": False,
        "settings": {"a": "1"},
        "run": True,
    }


def test_a_request_below_the_limit_is_accepted():
    request = _of_size(REQUEST_LIMIT - 30_000)
    assert len(json.dumps(request)) <= REQUEST_LIMIT < JSON_LIMIT == 2_097_152


@pytest.mark.parametrize("size", [REQUEST_LIMIT + 1_000, JSON_LIMIT, 2 * JSON_LIMIT])
def test_a_request_above_the_limit_is_an_error_that_says_what_to_do(size):
    with pytest.raises(TooLargeError) as caught:
        _of_size(size)
    error = caught.value
    assert isinstance(error, HostError)
    assert error.limit == REQUEST_LIMIT < error.size
    assert f"{error.size:,} characters" in str(error)
    assert f"{error.limit:,}" in str(error)
    assert "split the change into several tasks, or a long filter list into several rules" in str(error)


def test_too_many_names_are_an_error_that_says_what_to_do():
    with pytest.raises(TooLargeError, match="DNS names and interfaces of the task need"):
        read_request([], names=[f"server{n}.corp.example" for n in range(100_000)])


def test_the_exact_limit():
    def request(expect):
        return apply_request([], expect=expect, result="", mark_pending=False, service=RELOAD)

    most = REQUEST_LIMIT - len(json.dumps(request("")))
    assert len(json.dumps(request("x" * most))) == REQUEST_LIMIT
    with pytest.raises(TooLargeError) as caught:
        request("x" * (most + 1))
    assert caught.value.size == REQUEST_LIMIT + 1
