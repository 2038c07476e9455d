# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Asks the kernel what its policies do with packets. It runs in a network namespace of its own.

It reads from standard input, as JSON: {"own": [address], "lists": [{"flush": [command], "load": [command], "text": text
for the standard input of load, "packets": [[protocol, source, source port, destination, destination port]]}]}. It
prints, as JSON, a list of answers for each list: pass, block, negotiate, or lost if the packet did not come to the
policies.

Packets to the host are written to a TUN device. A raw socket that gets one shows that it has passed. Packets from the
host are sent by sockets, and come out of the device if they have passed.
"""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys

DEVICE = "ipsecjudge"
TCP, UDP = 6, 17
_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
_STATISTICS = pathlib.Path("/proc/net/xfrm_stat")
_REASONS = {"XfrmInPolBlock": "block", "XfrmInTmplMismatch": "negotiate", "XfrmInNoStates": "negotiate"}


def main() -> None:
    asked = json.load(sys.stdin)
    own = [ipaddress.ip_address(text) for text in asked["own"]]
    kernel = Kernel(own)
    answers = []
    for item in asked["lists"]:
        for command, text in ((item["flush"], ""), (item["load"], item["text"])):
            subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
        answers.append([kernel.ask(*packet) for packet in item["packets"]])
    json.dump(answers, sys.stdout)


class Kernel:
    """A namespace with a TUN device that has the own addresses and all routes."""

    def __init__(self, own) -> None:
        self._own = set(own)
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._device, _TUNSETIFF, struct.pack("16sH14x", DEVICE.encode(), _TUN_WITHOUT_HEADER))
        for name in ("all", "default", DEVICE):
            pathlib.Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text("0")
        commands = ["link set lo up", f"link set {DEVICE} up"]
        # an IPv6 address is usable at once without the search for duplicates
        commands += [
            f"address add {ip}/{ip.max_prefixlen} dev {DEVICE}{' nodad' if ip.version == 6 else ''}" for ip in own
        ]
        commands += [f"route add default dev {DEVICE}", f"-6 route add default dev {DEVICE}"]
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True)
        self._raw = {}
        self._seen = self._statistics()

    def ask(self, protocol, source, source_port, destination, destination_port) -> str:
        source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
        ends = (protocol, source, source_port, destination, destination_port)
        return self._incoming(*ends) if destination in self._own else self._outgoing(*ends)

    def _incoming(self, protocol, source, source_port, destination, destination_port) -> str:
        receiver = self._receiver(destination.version, protocol)
        os.write(self._device, _packet(protocol, source, source_port, destination, destination_port))
        try:
            _data, sender = receiver.recvfrom(200)
        except BlockingIOError:
            seen, self._seen = self._seen, self._statistics()
            return next((answer for name, answer in _REASONS.items() if self._seen[name] > seen[name]), "lost")
        finally:
            self._drain()
        return "pass" if ipaddress.ip_address(sender[0].partition("%")[0]) == source else "lost"

    def _outgoing(self, protocol, source, source_port, destination, destination_port) -> str:
        family = socket.AF_INET if source.version == 4 else socket.AF_INET6
        kind = {TCP: socket.SOCK_STREAM, UDP: socket.SOCK_DGRAM}.get(protocol, socket.SOCK_RAW)
        with socket.socket(family, kind, protocol) as sender:
            sender.setblocking(False)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sender.bind((str(source), source_port))
            try:
                if protocol == TCP:
                    sender.connect((str(destination), destination_port))
                else:
                    sender.sendto(b"\x08\0\0\0\0\0\0\0", (str(destination), destination_port))
            except BlockingIOError:
                # a connection that waits for an answer
                pass
            except OSError as error:
                if error.errno == errno.EPERM:
                    return "block"
                if error.errno not in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EREMOTE, errno.ECONNREFUSED):
                    raise
            sent = [_ends(data) for data in self._drain()]
        return "pass" if (protocol, source, destination) in sent else "negotiate"

    def _receiver(self, version, protocol) -> socket.socket:
        if (version, protocol) not in self._raw:
            family = socket.AF_INET if version == 4 else socket.AF_INET6
            found = self._raw[version, protocol] = socket.socket(family, socket.SOCK_RAW, protocol)
            found.setblocking(False)
        return self._raw[version, protocol]

    def _drain(self) -> list[bytes]:
        """What comes out of the device."""
        found = []
        while True:
            try:
                found.append(os.read(self._device, 2000))
            except BlockingIOError:
                return found

    def _statistics(self) -> dict[str, int]:
        lines = _STATISTICS.read_text().splitlines()
        return {name: int(value) for name, value in map(str.split, lines)}


def _packet(protocol, source, source_port, destination, destination_port) -> bytes:
    ports = struct.pack("!HH", source_port, destination_port)
    if protocol == TCP:
        content = ports + struct.pack("!IIBBHHH", 1, 0, 0x50, 0x02, 1024, 0, 0)
    elif protocol == UDP:
        content = ports + struct.pack("!HH", 8, 0)
    else:
        content = bytes([8, 0, 0, 0, 0, 0, 0, 0])
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(content), protocol, 64) + source.packed + destination.packed + content
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), 0, 0, 64, protocol, 0)
    head += source.packed + destination.packed
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + content


def _checksum(head: bytes) -> int:
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def _ends(data: bytes):
    """The protocol and the addresses of a packet."""
    protocol, start, size = (data[9], 12, 4) if data[0] >> 4 == 4 else (data[6], 8, 16)
    source, destination = (ipaddress.ip_address(data[at : at + size]) for at in (start, start + size))
    return protocol, source, destination


if __name__ == "__main__":
    main()
