# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Builds a Windows program that notes its command line in a file.

A batch file as a stand-in would get its arguments parsed a second time, and `call` works in another way for batch
files. So the stand-in is a real program. It is small enough to be built without a compiler: one section with code and
data.
"""

from __future__ import annotations

import struct
import typing as t

_IMAGE_BASE: t.Final = 0x140000000
_SECTION: t.Final = 0x1000
"""Where the section is in memory, relative to the image."""

_IN_FILE: t.Final = 0x200
"""Where the section is in the file, and the unit of sizes in the file."""

_IMPORTS: t.Final = ("GetCommandLineW", "CreateFileW", "lstrlenW", "WriteFile", "ExitProcess")
_DESCRIPTORS: t.Final = 40
"""Two import descriptors: one for KERNEL32.dll, and zeros as the end."""


def build(log: str, exit_code: int) -> bytes:
    """A program that appends its command line, as UTF-16 with a NUL at the end, to the file `log`."""
    addresses = _SECTION
    names = addresses + 8 * (len(_IMPORTS) + 1)
    descriptors = names + 8 * (len(_IMPORTS) + 1)
    data = bytearray()

    def place(item: bytes) -> int:
        """Add an item to the data; its place in memory."""
        found = descriptors + _DESCRIPTORS + len(data)
        data.extend(item + bytes(-len(item) % 16))
        return found

    # each name has a hint of two bytes before it
    hints = [place(b"\0\0" + name.encode() + b"\0") for name in _IMPORTS]
    library = place(b"KERNEL32.dll\0")
    path = place((log + "\0").encode("utf-16-le"))
    start = descriptors + _DESCRIPTORS + len(data)
    table = struct.pack(f"<{len(_IMPORTS) + 1}Q", *hints, 0)
    descriptor = struct.pack("<5I", names, 0, 0, library, addresses).ljust(_DESCRIPTORS, b"\0")
    section = table + table + descriptor + data + _code(start, addresses, path, exit_code)
    return _headers(len(section), start, descriptors, addresses, len(table)) + section + bytes(-len(section) % _IN_FILE)


def _code(start: int, addresses: int, path: int, exit_code: int) -> bytes:
    code = bytearray()

    def put(text: str) -> None:
        code.extend(bytes.fromhex(text))

    def put_relative(text: str, target: int) -> None:
        """An instruction that ends with the distance of `target` from the next instruction."""
        put(text)
        code.extend(struct.pack("<i", target - (start + len(code) + 4)))

    def call(name: str) -> None:
        put_relative("ff 15", addresses + 8 * _IMPORTS.index(name))

    put("48 83 ec 58")  # sub rsp, 58h: the stack is aligned, with room for arguments
    call("GetCommandLineW")
    put("48 89 c3")  # mov rbx, rax: the command line
    put_relative("48 8d 0d", path)  # lea rcx, [path]
    put("ba 04 00 00 00")  # mov edx, FILE_APPEND_DATA
    put("41 b8 03 00 00 00")  # mov r8d, FILE_SHARE_READ | FILE_SHARE_WRITE
    put("45 31 c9")  # xor r9d, r9d
    put("c7 44 24 20 04 00 00 00")  # mov dword [rsp+20h], OPEN_ALWAYS
    put("c7 44 24 28 80 00 00 00")  # mov dword [rsp+28h], FILE_ATTRIBUTE_NORMAL
    put("48 c7 44 24 30 00 00 00 00")  # mov qword [rsp+30h], 0
    call("CreateFileW")
    put("48 89 c7")  # mov rdi, rax: the file
    put("48 89 d9")  # mov rcx, rbx
    call("lstrlenW")
    put("44 8d 44 00 02")  # lea r8d, [rax+rax+2]: bytes, with the NUL
    put("48 89 f9")  # mov rcx, rdi
    put("48 89 da")  # mov rdx, rbx
    put("4c 8d 4c 24 40")  # lea r9, [rsp+40h]: the number of written bytes
    put("48 c7 44 24 20 00 00 00 00")  # mov qword [rsp+20h], 0
    call("WriteFile")
    put("b9")  # mov ecx, exit_code
    code.extend(struct.pack("<I", exit_code))
    call("ExitProcess")
    return bytes(code)


def _headers(size: int, start: int, descriptors: int, addresses: int, table: int) -> bytes:
    pages = -(-size // 0x1000) * 0x1000
    in_file = -(-size // _IN_FILE) * _IN_FILE
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    # x64, one section, an executable that can be large
    file_header = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, in_file, 0, 0, start, _SECTION)
    optional += struct.pack("<QII6HI", _IMAGE_BASE, 0x1000, _IN_FILE, 6, 0, 0, 0, 6, 0, 0)
    # the last two: a console program, no flags
    optional += struct.pack("<IIIHH", _SECTION + pages, _IN_FILE, 0, 3, 0)
    optional += struct.pack("<4QII", 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    directories = {1: (descriptors, _DESCRIPTORS), 12: (addresses, table)}
    optional += b"".join(struct.pack("<II", *directories.get(number, (0, 0))) for number in range(16))
    # code and data that can be read, written and run
    section = struct.pack("<8s6IHHI", b".text", size, _SECTION, in_file, _IN_FILE, 0, 0, 0, 0, 0xE0000020)
    return (dos + b"PE\0\0" + file_header + optional + section).ljust(_IN_FILE, b"\0")
