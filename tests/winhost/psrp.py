# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""PowerShell remoting (MS-PSRP) in WS-Management: runspace pools are shells, pipelines are their commands.

psrpcore reads and writes the messages.
"""

from __future__ import annotations

import base64
import collections
import struct
import threading
import time
import typing as t
import uuid

from psrpcore import (
    CreatePipelineEvent,
    EndOfPipelineInputEvent,
    PipelineInputEvent,
    PSRPCoreError,
    PSRPEvent,
    PSRPPayload,
    ServerPipeline,
    ServerRunspacePool,
    StreamType,
)
from psrpcore.types import HostMethodIdentifier

from .shells import CHUNK, Command
from .soap import Fault

RESOURCE: t.Final = "http://schemas.microsoft.com/powershell/"
"""The prefix of the resource of a runspace pool; the name of a configuration follows."""

_LINE: t.Final = "powershell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand "


class Pool(Command):
    """A runspace pool. Messages of the pool itself travel as those of a command without an id."""

    def __init__(self) -> None:
        # a pool never delivers the answer of a command
        super().__init__("", 0, "", delivered=True)
        self.remote = ServerRunspacePool()
        self.lock = threading.Lock()
        self._ready: dict[uuid.UUID | None, collections.deque[bytes]] = collections.defaultdict(collections.deque)

    def feed(self, data: bytes, end: bool) -> None:
        for event in self.events(data):
            if event.pipeline_id is not None:
                raise Fault("the message of a pipeline has no pipeline id")

    def events(self, data: bytes) -> list[PSRPEvent]:
        """The events in fragments of a client. Raises `Fault`."""
        with self.lock:
            try:
                self.remote.receive_data(PSRPPayload(data, StreamType.default, None))
                return list(iter(self.remote.next_event, None))
            except (PSRPCoreError, struct.error, ValueError, AttributeError, SyntaxError) as error:
                raise Fault(f"the fragments cannot be read: {error}") from None

    def waiting(self, pipeline: uuid.UUID | None) -> collections.deque[bytes]:
        """The output for a pipeline, in whole fragments, as a Receive must not divide them."""
        with self.lock:
            while (payload := self.remote.data_to_send(CHUNK)) is not None:
                self._ready[payload.pipeline_id].append(payload.data)
            return self._ready[pipeline]

    def forget(self, pipeline: uuid.UUID) -> None:
        with self.lock:
            self.remote.pipeline_table.pop(pipeline, None)
            self._ready.pop(pipeline, None)

    def fetch(self, timeout: float) -> tuple[dict[str, bytes], int | None] | None:
        # a pool only answers, and its answers are ready
        waiting = self.waiting(None)
        return ({"stdout": waiting.popleft()}, None) if waiting else None


class Pipeline(Command):
    """A script in a runspace pool, run as a command line: each input object is a line.

    The output is sent when the script ends, one object for each line.
    """

    def __init__(self, pool: Pool, pipeline_id: str, epoch: int, start: t.Callable[[Command], None]) -> None:
        super().__init__("", epoch, pipeline_id)
        self._pool = pool
        self._start = start
        self._text = {"stdout": bytearray(), "stderr": bytearray()}
        self._ended = False
        try:
            # its fragments name it, so it must exist before they arrive
            self._remote = ServerPipeline(pool.remote, uuid.UUID(pipeline_id))
        except ValueError:
            raise Fault(f"the pipeline id '{pipeline_id}' is not a UUID") from None
        self.on_kill(lambda: pool.forget(self._remote.pipeline_id))

    def feed(self, data: bytes, end: bool) -> None:
        for event in self._pool.events(data):
            if event.pipeline_id != self._remote.pipeline_id:
                raise Fault(f"the message does not belong to the pipeline {self.id}")
            if isinstance(event, CreatePipelineEvent):
                self._create(event)
            elif isinstance(event, PipelineInputEvent):
                super().feed(f"{event.data}\n".encode("utf-8", "surrogatepass"), False)
            elif isinstance(event, EndOfPipelineInputEvent):
                super().feed(b"", True)

    def _create(self, event: CreatePipelineEvent) -> None:
        asked = event.pipeline
        if len(asked.commands) != 1 or not asked.commands[0].is_script or asked.commands[0].parameters:
            raise Fault("the simulated host runs only pipelines of one script without arguments")
        script = asked.commands[0].command_text
        self.line = _LINE + base64.b64encode(script.encode("utf-16-le", "surrogatepass")).decode()
        self._start(self)
        if asked.no_input:
            super().feed(b"", True)

    def fetch(self, timeout: float) -> tuple[dict[str, bytes], int | None] | None:
        end = time.monotonic() + timeout
        while not self._ended:
            found = super().fetch(max(0.0, end - time.monotonic()))
            self.delivered = False
            if found is None:
                return None
            for name, data in found[0].items():
                self._text[name] += data
            if found[1] is not None:
                self._end(found[1])
        waiting = self._pool.waiting(self._remote.pipeline_id)
        data = waiting.popleft() if waiting else b""
        self.delivered = not waiting
        return {"stdout": data}, None if waiting else 0

    def _end(self, exit_code: int) -> None:
        self._ended = True
        with self._pool.lock:
            self._remote.start()
            for line in self._text["stdout"].decode("utf-8", "replace").splitlines():
                self._remote.write_output(line)
            for line in self._text["stderr"].decode("utf-8", "replace").splitlines():
                self._remote.host_call(HostMethodIdentifier.WriteErrorLine, [line])
            self._remote.host_call(HostMethodIdentifier.SetShouldExit, [exit_code])
            self._remote.complete()
