# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""WS-Management messages: the requests of clients and the envelopes of answers (MS-WSMV)."""

from __future__ import annotations

import base64
import dataclasses
import re
import typing as t
import uuid
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

SOAP: t.Final = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING: t.Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
TRANSFER: t.Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN: t.Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
SHELL: t.Final = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
FAULT: t.Final = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"

OPERATION_TIMEOUT: t.Final = 2150858793
INVALID_SELECTORS: t.Final = 2150858843
UNSUPPORTED: t.Final = 2150858752


class Fault(Exception):
    """A request that gets a SOAP fault as its answer. `code` is that of the WSManFault."""

    def __init__(self, message: str, code: int = UNSUPPORTED, subcode: str = "w:UnsupportedFeature") -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode


@dataclasses.dataclass(frozen=True)
class Request:
    """The parts of a message that the endpoint uses. `timeout` is its OperationTimeout in seconds."""

    action: str
    message_id: str
    resource: str
    shell_id: str | None
    timeout: float
    body: ET.Element

    @property
    def name(self) -> str:
        """The last part of the action: Create, Command, Send, Receive, Signal, Delete."""
        return self.action.rpartition("/")[2]

    def text(self, path: str) -> str | None:
        return self.body.findtext(path.replace("rsp:", f"{{{SHELL}}}"))

    def texts(self, path: str) -> list[str]:
        return [found.text or "" for found in self.body.iterfind(path.replace("rsp:", f"{{{SHELL}}}"))]

    def element(self, path: str) -> ET.Element:
        found = self.body.find(path.replace("rsp:", f"{{{SHELL}}}"))
        if found is None:
            raise Fault(f"the message has no {path}")
        return found


def parse(data: bytes) -> Request:
    """Raises `Fault` for anything but a WS-Management request."""
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, LookupError, ValueError) as error:
        raise Fault(f"the message is not XML: {error}") from None
    header, body = root.find(f"{{{SOAP}}}Header"), root.find(f"{{{SOAP}}}Body")
    if header is None or body is None:
        raise Fault("the message is not a SOAP envelope with a header and a body")
    action = header.findtext(f"{{{ADDRESSING}}}Action")
    message_id = header.findtext(f"{{{ADDRESSING}}}MessageID")
    if not action or not message_id:
        raise Fault("the header has no Action or no MessageID")
    selectors = {s.get("Name"): s.text for s in header.iter(f"{{{WSMAN}}}Selector")}
    timeout = header.findtext(f"{{{WSMAN}}}OperationTimeout") or "PT20S"
    resource = header.findtext(f"{{{WSMAN}}}ResourceURI") or ""
    return Request(action, message_id, resource, selectors.get("ShellId"), _seconds(timeout), body)


def _seconds(duration: str) -> float:
    found = re.fullmatch(r"PT([0-9]{1,6}(?:\.[0-9]+)?)S", duration)
    return float(found[1]) if found else 20.0


def decoded(text: str) -> bytes:
    """The bytes of a stream. Raises `Fault`."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Fault("a stream is not base64") from None


def envelope(request: Request | None, action: str, body: str) -> bytes:
    """An answer with the namespaces that clients expect."""
    relates = f"<a:RelatesTo>{escape(request.message_id)}</a:RelatesTo>" if request else ""
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}" xmlns:w="{WSMAN}" '
        f'xmlns:rsp="{SHELL}">'
        f"<s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>{ADDRESSING}/role/anonymous</a:To>{relates}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault(request: Request | None, error: Fault) -> bytes:
    text = escape(str(error))
    return envelope(
        request,
        f"{ADDRESSING}/fault",
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value>"
        f"<s:Subcode><s:Value>{error.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason>'
        f'<s:Detail><f:WSManFault xmlns:f="{FAULT}" Code="{error.code}" Machine="localhost">'
        f"<f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>",
    )


def created(request: Request, shell_id: str) -> bytes:
    resource, shell_id = escape(request.resource), escape(shell_id)
    return envelope(
        request,
        f"{TRANSFER}/CreateResponse",
        f"<x:ResourceCreated><a:Address>http://localhost/wsman</a:Address><a:ReferenceParameters>"
        f'<w:ResourceURI>{resource}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{shell_id}</w:Selector>'
        f"</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
        f"<rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId><rsp:ResourceUri>{resource}</rsp:ResourceUri>"
        f"<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
    )


def command_started(request: Request, command_id: str) -> bytes:
    return envelope(
        request,
        f"{SHELL}/CommandResponse",
        f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>",
    )


def received(request: Request, command_id: str, output: t.Mapping[str, bytes], exit_code: int | None) -> bytes:
    """Output by stream; `exit_code` is None while the command runs."""
    streams = "".join(
        f'<rsp:Stream Name="{name}" CommandId="{command_id}">{base64.b64encode(data).decode()}</rsp:Stream>'
        for name, data in output.items()
        if data
    )
    if exit_code is None:
        state = f'<rsp:CommandState CommandId="{command_id}" State="{SHELL}/CommandState/Running"/>'
    else:
        ends = "".join(f'<rsp:Stream Name="{name}" CommandId="{command_id}" End="true"/>' for name in output)
        state = (
            f'{ends}<rsp:CommandState CommandId="{command_id}" State="{SHELL}/CommandState/Done">'
            f"<rsp:ExitCode>{exit_code}</rsp:ExitCode></rsp:CommandState>"
        )
    return envelope(request, f"{SHELL}/ReceiveResponse", f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>")


def done(request: Request, name: str) -> bytes:
    """The answer to Send, Signal and Delete."""
    if name == "Delete":
        return envelope(request, f"{TRANSFER}/DeleteResponse", "")
    return envelope(request, f"{SHELL}/{name}Response", f"<rsp:{name}Response/>")
