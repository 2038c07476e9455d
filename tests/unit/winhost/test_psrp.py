# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""PowerShell remoting of a simulated host, with a client in the same process."""

from __future__ import annotations

import base64

import pytest
from psrpcore import (
    ClientPowerShell,
    ClientRunspacePool,
    PipelineHostCallEvent,
    PipelineOutputEvent,
    PipelineStateEvent,
    PSRPPayload,
    StreamType,
)
from psrpcore.types import HostMethodIdentifier, PSInvocationState, RunspacePoolState
from winhost.psrp import Pipeline, Pool
from winhost.shells import CHUNK
from winhost.soap import Fault


class Connection:
    """A client and a pool, connected without a network. `started` are the pipelines for the engine."""

    def __init__(self):
        self.pool = Pool()
        self.client = ClientRunspacePool()
        self.client.open()
        self.pool.feed(self.sent(), False)
        self.receive(self.pool)
        self.started = []

    def sent(self, size=None):
        """The next message of the client."""
        payload = self.client.data_to_send(size)
        return payload.data if payload else b""

    def pipeline(self, script, no_input=False):
        """A pipeline on both sides, before the client has sent its script."""
        client = ClientPowerShell(self.client, no_input=no_input)
        client.add_script(script)
        return client, Pipeline(self.pool, str(client.pipeline_id).upper(), 0, self.started.append)

    def receive(self, command):
        """The events of one Receive, which has whole messages or a part of one."""
        found, code = command.fetch(0)
        self.client.receive_data(PSRPPayload(found["stdout"], StreamType.default, None))
        return list(iter(self.client.next_event, None)), code


def test_a_pool_opens():
    connection = Connection()
    assert connection.client.state == RunspacePoolState.Opened
    assert connection.pool.fetch(0) is None


def test_a_script_becomes_a_command_line_and_its_input_lines():
    connection = Connection()
    client, pipeline = connection.pipeline("'ä' * 500")
    client.start()
    client.send("one")
    client.send("")
    client.send("zw\u00f6lf")
    client.send_eof()
    while data := connection.sent(300):
        assert not pipeline.input_ended.is_set()
        pipeline.feed(data, False)
    assert connection.started == [pipeline]
    *words, script = pipeline.line.split()
    assert words[0] == "powershell"
    assert words[-1] == "-EncodedCommand"
    assert base64.b64decode(script).decode("utf-16-le") == "'ä' * 500"
    assert bytes(pipeline.input) == "one\n\nzw\u00f6lf\n".encode()
    assert pipeline.input_ended.is_set()


def test_a_script_without_input():
    connection = Connection()
    client, pipeline = connection.pipeline("1", no_input=True)
    client.start()
    pipeline.feed(connection.sent(), False)
    assert pipeline.input_ended.is_set()
    assert pipeline.input == b""


def test_output_is_sent_in_whole_fragments_and_the_exit_code_by_a_host_call():
    connection = Connection()
    client, pipeline = connection.pipeline("1", no_input=True)
    client.start()
    pipeline.feed(connection.sent(), False)
    assert pipeline.fetch(0) is None
    long = "x" * (2 * CHUNK)
    pipeline.write("stdout", f"{long}\r\nsec".encode())
    assert pipeline.fetch(0) is None
    pipeline.write("stdout", b"ond\r\n")
    pipeline.write("stderr", b"bad\n")
    pipeline.finish(3)
    events, sizes, code = [], 0, None
    while code is None:
        assert not pipeline.delivered
        found, code = connection.receive(pipeline)
        events += found
        sizes += 1
    assert pipeline.delivered
    assert sizes > 2
    assert [event.data for event in events if isinstance(event, PipelineOutputEvent)] == [long, "second"]
    calls = [event for event in events if isinstance(event, PipelineHostCallEvent)]
    assert [(call.method_identifier, call.method_parameters) for call in calls] == [
        (HostMethodIdentifier.WriteErrorLine, ["bad"]),
        (HostMethodIdentifier.SetShouldExit, [3]),
    ]
    assert isinstance(events[-1], PipelineStateEvent)
    assert events[-1].state == PSInvocationState.Completed


def test_an_ended_pipeline_leaves_nothing_to_the_next_one():
    connection = Connection()
    client, pipeline = connection.pipeline("1", no_input=True)
    client.start()
    pipeline.feed(connection.sent(), False)
    pipeline.write("stdout", b"x" * (2 * CHUNK))
    pipeline.finish(0)
    connection.receive(pipeline)
    pipeline.kill()
    client, pipeline = connection.pipeline("2", no_input=True)
    assert list(connection.pool.remote.pipeline_table) == [client.pipeline_id]
    client.start()
    pipeline.feed(connection.sent(), False)
    pipeline.write("stdout", b"two\n")
    pipeline.finish(0)
    events, code = connection.receive(pipeline)
    assert [event.data for event in events if isinstance(event, PipelineOutputEvent)] == ["two"]
    assert code == 0


def test_unsupported_messages_are_faults():
    connection = Connection()
    with pytest.raises(Fault, match="is not a UUID"):
        Pipeline(connection.pool, "x", 0, connection.started.append)
    with pytest.raises(Fault, match="fragments cannot be read"):
        connection.pool.feed(b"nonsense", False)
    connection = Connection()
    client, pipeline = connection.pipeline("param($a) $a")
    client.add_argument("a")
    client.start()
    with pytest.raises(Fault, match="one script without arguments"):
        pipeline.feed(connection.sent(), False)
    client, pipeline = connection.pipeline("1")
    client.start()
    _other, other = connection.pipeline("2")
    data = connection.sent()
    with pytest.raises(Fault, match="does not belong to the pipeline"):
        other.feed(data, False)
    client, pipeline = connection.pipeline("1")
    client.start()
    with pytest.raises(Fault, match="has no pipeline id"):
        connection.pool.feed(connection.sent(), False)
    assert connection.started == []
