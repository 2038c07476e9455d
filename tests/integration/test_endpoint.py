# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""WS-Management of the simulated host, with unmodified clients."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import ssl
import xml.etree.ElementTree as ET

import pytest
import requests
import winrm.exceptions
import winrm.protocol
from integration.playbook import Player, facts_task
from pypsrp.client import Client
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.host import PSHost, PSHostUserInterface
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan
from winhost.farm import Farm

PYTHON = pytest.mark.judge_with("powershell")

SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
CLASSES = "http://schemas.microsoft.com/wbem/wsman/1/wmi"
FAULT = "{http://schemas.microsoft.com/wbem/wsman/1/wsmanfault}"


def _winrm(farm, host, transport, password=None, https=False, **options):
    port = 5986 if https else 5985
    return winrm.protocol.Protocol(
        endpoint=f"{'https' if https else 'http'}://{host.address}:{port}/wsman",
        transport=transport,
        username=farm.credentials.user,
        password=farm.credentials.password if password is None else password,
        server_cert_validation="validate" if https else "ignore",
        ca_trust_path=str(farm.folder / "certificate.pem") if https else "legacy_requests",
        **options,
    )


def _wsman(host, auth, password):
    return WSMan(host.address, username="vagrant", password=password, auth=auth, ssl=False, encryption="never")


def _session(protocol, words=("powershell", "-Version")):
    """Open a shell, run a command, close the shell; returns the exit code."""
    shell = protocol.open_shell()
    try:
        command = protocol.run_command(shell, words[0], words[1:])
        protocol.send_command_input(shell, command, b"", end=True)
        code = protocol.get_command_output(shell, command)[2]
        protocol.cleanup_command(shell, command)
    finally:
        protocol.close_shell(shell)
    return code


@pytest.mark.parametrize(("transport", "https"), [("basic", False), ("ntlm", False), ("basic", True), ("ntlm", True)])
def test_pywinrm(farm, host, transport, https):
    encryption = "never" if transport == "basic" or https else "always"
    protocol = _winrm(farm, host, transport, https=https, message_encryption=encryption)
    _session(protocol)
    assert host.events("executed")


@pytest.mark.parametrize("auth", ["basic", "ntlm", "negotiate"])
def test_pypsrp(farm, host, auth):
    client = Client(
        host.address,
        username=farm.credentials.user,
        password=farm.credentials.password,
        auth=auth,
        ssl=False,
        encryption="never" if auth == "basic" else "always",
        negotiate_delegate=False,
    )
    with client:
        stdout, stderr, code = client.execute_cmd("format c:")
    assert code == 1
    assert "no program 'format'" in f"{stdout}{stderr}"


def test_a_script_over_psrp(farm, host):
    """The engine runs what the client sends, and the client gets its whole output."""
    console = PSHost(None, None, False, "test", None, PSHostUserInterface(), None)
    script = "$input | ForEach-Object { \"<$_>\" }; [Console]::Error.WriteLine('bad'); exit 3"
    with (
        _wsman(host, "basic", farm.credentials.password) as wsman,
        RunspacePool(wsman, host=console) as pool,
    ):
        shell = PowerShell(pool).add_script(script)
        output = shell.invoke(["one", "zw\u00f6lf"])
    if farm.engine == "powershell":
        assert (output, console.ui.stderr, console.rc) == (["<one>", "<zw\u00f6lf>"], ["bad\r\n"], 3)
    else:
        assert "has no PowerShell and cannot run this command" in output[0]


@PYTHON
@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_a_wrong_password_is_401(farm, host, transport):
    with pytest.raises(winrm.exceptions.InvalidCredentialsError):
        _winrm(farm, host, transport, password="wrong").open_shell()
    with _wsman(host, transport, "wrong") as wsman, pytest.raises(AuthenticationError):
        wsman.enumerate(CLASSES, None)
    assert host.events("logon_failed")
    assert host.events("executed") == []


@PYTHON
def test_no_password_is_401_with_the_offered_schemes(host):
    answer = requests.post(f"http://{host.address}:5985/wsman", data="x", timeout=10)
    assert answer.status_code == 401
    offered = answer.headers["WWW-Authenticate"]
    assert all(word in offered for word in ("Negotiate", "NTLM", "Basic"))


@PYTHON
def test_an_unknown_scheme_is_401(host):
    for header in ("Bearer abc", "Basic !!!", "NTLM !!!", "Negotiate AAAA"):
        answer = requests.post(
            f"http://{host.address}:5985/wsman", data="x", headers={"Authorization": header}, timeout=10
        )
        assert answer.status_code == 401


def _post(farm, host, body, content_type="application/soap+xml"):
    token = base64.b64encode(f"{farm.credentials.user}:{farm.credentials.password}".encode()).decode()
    return requests.post(
        f"http://{host.address}:5985/wsman",
        data=body,
        headers={"Authorization": f"Basic {token}", "Content-Type": content_type},
        timeout=10,
    )


@PYTHON
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("nonsense", "not XML"),
        ("<a/>", "not a SOAP envelope"),
        (f'<e:Envelope xmlns:e="{SOAP[1:-1]}"><e:Header/><e:Body/></e:Envelope>', "no Action"),
        ('<?xml version="1.0" encoding="no-such"?><a/>', "not XML"),
        ('<?xml version="1.0" encoding="utf-7"?><a/>', "not XML"),
    ],
)
def test_malformed_soap_is_a_fault(farm, host, body, words):
    answer = _post(farm, host, body)
    assert answer.status_code == 500
    envelope = ET.fromstring(answer.content)
    assert envelope.find(f"{SOAP}Body/{SOAP}Fault") is not None
    assert words in envelope.findtext(f".//{FAULT}Message")


def _raw(host, *pieces):
    """The answers of a host to some bytes on one connection."""
    with socket.create_connection((host.address, 5985), timeout=10) as client:
        client.settimeout(2)
        answers = []
        for piece in pieces:
            client.sendall(piece)
            with contextlib.suppress(TimeoutError):
                answers.append(client.recv(65536))
        return answers


@PYTHON
@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((b"Transfer-Encoding: chunked", b"", b"1", b"x", b"0", b""), b"411"),
        ((b"Content-Length: abc", b""), b"411"),
        ((b"Content-Length: -5", b""), b"411"),
        ((b"Content-Length: 999999999999", b""), b"413"),
        ((b"", b""), b"411"),
    ],
)
def test_a_body_without_a_valid_length_is_refused(host, lines, status):
    request = b"\r\n".join((b"POST /wsman HTTP/1.1", b"Host: x", *lines, b""))
    assert _raw(host, request)[0].split()[1] == status


@PYTHON
def test_a_client_that_expects_100_continue_gets_it(host):
    head = b"POST /wsman HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    first, second = _raw(host, head, b"x")
    assert first.startswith(b"HTTP/1.1 100")
    assert second.startswith(b"HTTP/1.1 401")


@PYTHON
def test_a_sealed_body_without_session_keys_is_refused(farm, host):
    for body in (b"x", b"--Encrypted Boundary\r\n"):
        assert _post(farm, host, body, "multipart/encrypted").status_code == 400


@PYTHON
def test_a_client_without_sealing_can_run_a_command(farm, host):
    _session(_winrm(farm, host, "ntlm", message_encryption="never"))
    assert host.events("executed")


@PYTHON
def test_a_malformed_command_line_fails(farm, host):
    assert _session(_winrm(farm, host, "basic"), ('powershell "', "x")) == 1


@PYTHON
def test_an_unknown_shell_command_or_action_is_a_fault(farm, host):
    protocol = _winrm(farm, host, "basic")
    for action in (
        lambda: protocol.run_command("no shell", "powershell"),
        lambda: protocol.close_shell("no shell", close_session=False),
        lambda: protocol.get_command_output_raw("no shell", "no command"),
    ):
        with pytest.raises(winrm.exceptions.WSManFaultError) as caught:
            action()
        assert "'wsmanfault_code': 2150858843" in str(caught.value)
    with (
        _wsman(host, "basic", farm.credentials.password) as wsman,
        pytest.raises(WSManFaultError, match="does not know the action"),
    ):
        wsman.enumerate(CLASSES, None)


@PYTHON
def test_a_client_asks_again_for_the_output_of_a_long_command(farm, host):
    """The client waits longer than a Receive takes."""
    protocol = _winrm(farm, host, "ntlm", operation_timeout_sec=1, read_timeout_sec=5)
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "powershell")
    with pytest.raises(winrm.exceptions.WinRMOperationTimeoutError):
        protocol.get_command_output_raw(shell, command)
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)


@PYTHON
def test_a_host_survives_clients_that_do_not_speak_http(farm, host):
    with pytest.raises(ssl.SSLError):
        http.client.HTTPSConnection(host.address, 5985, timeout=5).request("GET", "/")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{host.address}:5986/", timeout=5)
    _session(_winrm(farm, host, "basic"))
    assert host.events("executed")


@pytest.mark.parametrize(
    ("connection", "authentication", "https"),
    [("winrm", "basic", False), ("winrm", "ntlm", True), ("winrm", "basic", True), ("psrp", "basic", False)],
)
def test_other_connections_of_ansible(tmp_path, connection, authentication, https):
    with Farm(engine="python", authentication=authentication, https=https, connection=connection) as farm:
        player = Player(farm, tmp_path)
        run = player.play(farm.hosts["win1"], facts_task())
        assert run.code == 0, run.output
        wrong = json.loads(player.inventory.read_text())
        wrong["windows"]["vars"]["ansible_password"] = "wrong"
        player.inventory.write_text(json.dumps(wrong))
        assert player.play(farm.hosts["win1"], facts_task())[0].status == "unreachable"
