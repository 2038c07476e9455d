# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The WS-Management endpoint of a simulated host: HTTP and HTTPS, authentication, messages, and the policy in force."""

from __future__ import annotations

import contextlib
import http.server
import pathlib
import re
import socket
import socketserver
import ssl
import struct
import threading
import typing as t

from . import psrp, soap, tls
from .auth import Credentials, Denied, SealError, Session
from .host import Host
from .payload import Payload
from .shells import Command, Cut, Engine, Shells

HTTP_PORT: t.Final = 5985
HTTPS_PORT: t.Final = 5986
_BODY_LIMIT: t.Final = 64 * 1024 * 1024


class Endpoint:
    """Listens on the address of a host until it is closed."""

    def __init__(self, host: Host, engine: Engine, credentials: Credentials, certificate: pathlib.Path) -> None:
        self.host = host
        self.credentials = credentials
        self.shells = Shells(engine)
        self._servers = [
            _Server(self, HTTP_PORT, None),
            _Server(self, HTTPS_PORT, tls.server_context(certificate)),
        ]
        self._threads = [threading.Thread(target=server.serve, daemon=True) for server in self._servers]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        for server in self._servers:
            server.stop()
        for thread in self._threads:
            thread.join()
        self.shells.close()
        self.host.faults.clear()
        for server in self._servers:
            server.server_close()
            server.end_connections()

    def handle(self, request: soap.Request) -> bytes:
        """Answer a message. Raises `soap.Fault` and `Cut`."""
        shells, shell_id = self.shells, request.shell_id
        match request.name:
            case "Create":
                return soap.created(request, self._create(request))
            case "Command":
                return soap.command_started(request, self._run(request).id)
            case "Send":
                for stream in request.element("rsp:Send").iterfind(f"{{{soap.SHELL}}}Stream"):
                    command = shells.command(shell_id, stream.get("CommandId"))
                    end = (stream.get("End") or "").lower() == "true"
                    command.feed(soap.decoded(stream.text or ""), end)
                return soap.done(request, "Send")
            case "Receive":
                command_id = request.element("rsp:Receive/rsp:DesiredStream").get("CommandId")
                command = shells.command(shell_id, command_id)
                found = command.fetch(request.timeout)
                if found is None:
                    raise soap.Fault("there is no output yet", soap.OPERATION_TIMEOUT, "w:TimedOut")
                return soap.received(request, command.id, *found)
            case "Signal":
                shells.end_command(shell_id, request.element("rsp:Signal").get("CommandId"))
                return soap.done(request, "Signal")
            case "Delete":
                shells.delete(shell_id)
                return soap.done(request, "Delete")
        raise soap.Fault(f"the simulated host does not know the action {request.action}")

    def _create(self, request: soap.Request) -> str:
        """Open a shell or a runspace pool; returns its id."""
        if not request.resource.startswith(psrp.RESOURCE):
            return self.shells.create()
        shell = request.element("rsp:Shell")
        shell_id = self.shells.create(shell.get("ShellId"))
        pool = psrp.Pool()
        self.shells.add(shell_id, pool)
        pool.feed(soap.decoded(shell.findtext("{*}creationXml") or ""), False)
        return shell_id

    def _run(self, request: soap.Request) -> Command:
        shells, shell_id, epoch = self.shells, request.shell_id, self.host.sync().epoch
        words = [request.text("rsp:CommandLine/rsp:Command") or "", *request.texts("rsp:CommandLine/rsp:Arguments")]
        if not request.resource.startswith(psrp.RESOURCE):
            command = shells.run(shell_id, " ".join(words), epoch)
            command.when_input_ended(self._note)
            return command
        pipeline = request.element("rsp:CommandLine").get("CommandId") or ""
        pool = t.cast(psrp.Pool, shells.command(shell_id, None))
        command = psrp.Pipeline(pool, pipeline, epoch, shells.engine.start)
        command.when_input_ended(self._note)
        shells.add(shell_id, command)
        command.feed(soap.decoded(words[-1]), False)
        return command

    def _note(self, data: bytes) -> None:
        """Log what is about to run."""
        payload = Payload.parse(data)
        self.host.event("executed", *(payload.details() if payload else ["raw"]))

    def passes(self, request: soap.Request, peer: tuple[str, int], port: int) -> bool:
        """Whether the policy in force lets a message through.

        A command that was started before the policy still delivers its answer.
        """
        if request.name in ("Receive", "Send"):
            path = "rsp:Receive/rsp:DesiredStream" if request.name == "Receive" else "rsp:Send/rsp:Stream"
            try:
                command = self.shells.command(request.shell_id, request.element(path).get("CommandId"))
            except soap.Fault:
                return self.lets_in(peer, port)
            if command.epoch < self.host.sync().epoch and not command.delivered:
                return True
        return self.lets_in(peer, port)

    def lets_in(self, peer: tuple[str, int], port: int) -> bool:
        verdict = self.host.verdict(*peer, port)
        if verdict != "permit":
            self.host.event("cut", peer[0], port, verdict)
        return verdict == "permit"


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, endpoint: Endpoint, port: int, context: ssl.SSLContext | None) -> None:
        self.endpoint = endpoint
        self.context = context
        self.connections: set[socket.socket] = set()
        self._stopped = False
        super().__init__((endpoint.host.address, port), _Handler)

    @property
    def port(self) -> int:
        return self.server_address[1]

    def serve(self) -> None:
        """Accept connections until `stop`, without polling: a farm may have hundreds of servers."""
        while not self._stopped:
            self.handle_request()

    def stop(self) -> None:
        self._stopped = True
        # this wakes the thread that accepts
        self.socket.shutdown(socket.SHUT_RDWR)

    def verify_request(self, request: t.Any, client_address: t.Any) -> bool:
        allowed = self.endpoint.lets_in(client_address[:2], self.port)
        if not allowed:
            _reset(request)
        return allowed

    def finish_request(self, request: t.Any, client_address: t.Any) -> None:
        # a handshake in accept would hold up other clients
        if self.context is not None:
            request = self.context.wrap_socket(request, server_side=True)
        self.RequestHandlerClass(request, client_address, self)
        if self.context is not None:
            request.close()

    def end_connections(self) -> None:
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """A client that goes away is not an error of the server."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Server
    timeout = 600

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.session = Session(self.server.endpoint.credentials)
        self._connection_key = (*self.client_address[:2], self.server.port)
        self.server.endpoint.host.open_connections.add(self._connection_key)
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.endpoint.host.open_connections.discard(self._connection_key)
        self.server.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        body = self._read_body()
        if body is None or self._is_silent():
            return
        self.server.endpoint.host.traffic += len(body)
        try:
            token = self.session.authorize(self.headers.get("Authorization"))
        except Denied as denied:
            if self._let_in():
                self._deny(denied)
            return
        headers = {"WWW-Authenticate": token} if token else {}
        sealed = False
        request = None
        try:
            sealed, message = self.session.unseal(self.headers.get("Content-Type", ""), body)
            request = soap.parse(message) if body else None
        except SealError:
            self._answer_if_let_in(400, b"")
            return
        except soap.Fault as error:
            self._answer_if_let_in(500, soap.fault(None, error), headers, sealed)
            return
        if request is None:
            self._answer_if_let_in(200, b"", headers)
            return
        endpoint = self.server.endpoint
        if not endpoint.passes(request, self.client_address[:2], self.server.port):
            self._cut()
            return
        try:
            status, answer = 200, endpoint.handle(request)
        except soap.Fault as error:
            status, answer = 500, soap.fault(request, error)
        except Cut:
            self._cut()
            return
        if self._is_silent():
            return
        self._answer(status, answer, headers, sealed)

    def _read_body(self) -> bytes | None:
        """The body; None if it was refused."""
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,18}", length):
            status = 411
        elif int(length) > _BODY_LIMIT:
            status = 413
        else:
            return self.rfile.read(int(length))
        self.close_connection = True
        self._answer_if_let_in(status, b"")
        return None

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _is_silent(self) -> bool:
        """Whether the host is silent. When it answers again, the client has given up."""
        silent = self.server.endpoint.host.faults.was_silent()
        if silent:
            self._cut()
        return silent

    def _let_in(self) -> bool:
        """Whether the policy in force lets an answer out; otherwise cuts the connection."""
        allowed = self.server.endpoint.lets_in(self.client_address[:2], self.server.port)
        if not allowed:
            self._cut()
        return allowed

    def _deny(self, denied: Denied) -> None:
        if denied.failed:
            self.server.endpoint.host.event("logon_failed", self.client_address[0])
        self.send_response(401)
        if denied.challenge:
            self.send_header("WWW-Authenticate", denied.challenge)
        else:
            for scheme in ("Negotiate", "NTLM", 'Basic realm="WSMAN"'):
                self.send_header("WWW-Authenticate", scheme)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()

    def _answer(self, status: int, message: bytes, headers: dict[str, str] | None = None, sealed: bool = False) -> None:
        """Send an answer; a sealed request gets a sealed one."""
        content_type = "application/soap+xml;charset=UTF-8"
        if message and sealed:
            content_type, message = self.session.seal(message)
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": content_type}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(message)))
        self.end_headers()
        self.server.endpoint.host.traffic += len(message)
        self.wfile.write(message)
        self.wfile.flush()

    def _answer_if_let_in(
        self, status: int, message: bytes, headers: dict[str, str] | None = None, sealed: bool = False
    ) -> None:
        if self._let_in():
            self._answer(status, message, headers, sealed)

    def _cut(self) -> None:
        self.close_connection = True
        _reset(self.connection)

    def log_message(self, format: str, *args: t.Any) -> None:
        """The host has a log of its own."""


def _reset(connection: socket.socket) -> None:
    """Reset a connection, as a filter does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
