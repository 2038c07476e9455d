# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A program of a simulated host, such as netsh.exe: hands its arguments and input to the host, and prints the answer.

It imports only what is built in, without pathlib, as it starts often. winhost/programs.py describes the messages.
"""

import _socket
import os
import sys


def read_all(read):
    parts = []
    while part := read(65536):
        parts.append(part)
    return b"".join(parts)


name = os.path.basename(sys.argv[0]).removesuffix(".exe")  # noqa: PTH119
arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
if name == "netsh" and len(arguments) > 1 and arguments[0].lower() == b"-f":
    arguments[1] = os.path.abspath(arguments[1])  # noqa: PTH100
# only a netsh without arguments reads commands
given = b"" if arguments or name != "netsh" else read_all(lambda size: os.read(0, size))
fields = b"\0".join([name.encode(), os.environb.get(b"WINHOST_COMMAND", b""), *arguments])
os.chdir(os.environ["WINHOST_STATE"])
channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
channel.connect("host.sock")
message = b"".join(len(part).to_bytes(4, "big") + part for part in (fields, given))
while message:
    message = message[channel.send(message) :]
code = channel.recv(4, _socket.MSG_WAITALL)
if len(code) < 4:
    sys.exit(1)
while output := channel.recv(65536):
    while output:
        output = output[os.write(1, output) :]
os._exit(int.from_bytes(code, "big"))
