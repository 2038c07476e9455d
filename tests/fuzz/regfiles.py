# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Any bytes as a .reg file, which the simulated host reads and writes and the collection writes as a backup."""

from __future__ import annotations

import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind
from unit import stores
from winhost import regfile, tree

from .inputs import CORE

_ROOT: t.Final = "HKLM\\SOFTWARE"
_CONTAINER: t.Final = stores.CONTAINER.replace("HKLM", "HKEY_LOCAL_MACHINE")
_HEADER: t.Final = "Windows Registry Editor Version 5.00\r\n\r\n"
SUBJECT: t.Final = (f"{CORE}/store/regfile.py", "tests/winhost/regfile.py")
WORDS: t.Final = (
    *(_HEADER, "REGEDIT4\r\n", f"[{_CONTAINER}]\r\n", f"[-{_CONTAINER}]\r\n", f"[{_CONTAINER}\\ipsecPolicy{{"),
    *(
        '"ipsecData"=hex:',
        "@=",
        "dword:",
        "hex(4):",
        "hex(7):",
        "hex(b):",
        "hex(2):",
        "hex(0):",
        '"=-',
        ",\\\r\n  ",
        '\\"',
        "\\\\",
    ),
)


def check(data: bytes) -> None:
    """A file is refused with a `RegFileError`, or the registry that it creates is the same when exported and imported
    again. A backup of its policies restores them.
    """
    try:
        changes = regfile.parse(data)
    except regfile.RegFileError as error:
        assert str(error).startswith("line ")
        return
    found: tree.Tree = {}
    tree.apply_changes(found, changes)
    again: tree.Tree = {}
    tree.apply_changes(again, regfile.parse(regfile.export(found, _ROOT)))
    below = {key: found[key] for key in tree.below(found, _ROOT)}
    assert {key: again[key] for key in tree.below(again, _ROOT)} == _exported(below), "an export is another registry"
    store = stores.from_tree(found)
    restored: tree.Tree = {}
    tree.apply_changes(restored, regfile.parse(stores.reg_file(store)))
    assert stores.from_tree(restored).text() == _known(store).text(), "a backup restores another store"


def _exported(found: tree.Tree) -> tree.Tree:
    """The registry as a file can express it: values of unknown kinds become values without a kind."""
    return {key: {name: (kind or -1, data) for name, (kind, data) in values.items()} for key, values in found.items()}


def _known(store: Store) -> Store:
    """The store without what a backup cannot express: values of unknown kinds, and names with line breaks."""
    return Store(
        {
            path: {
                name: v for name, v in store.values(path).items() if v.kind is not Kind.UNKNOWN and _in_one_line(name)
            }
            for path in filter(_in_one_line, store.paths())
        }
    )


def _in_one_line(name: str) -> bool:
    return not any(c in name for c in "\r\n\0")


def seeds() -> t.Iterator[bytes]:
    real = (stores.DATA / "windows-2022.reg").read_bytes().decode("utf-16")
    header, *objects = real.split("\r\n\r\n")
    for text in sorted(objects, key=len)[:12]:
        yield f"{header}\r\n\r\n{text}\r\n".encode()
    small = f'{_HEADER}[{_CONTAINER}\\ipsecNFA{{1}}]\r\n@="a \\"b\\" \\\\"\r\n"n"=hex(7):61,00,00,00,\\\r\n  00,00\r\n'
    small += (
        '"d"=dword:0000002a\r\n"two\r\nlines"="a\r\nb"\r\n"x"=hex(b):01,00,00,00,00,00,00,00\r\n"gone"=-\r\n; c\r\n'
    )
    yield small.encode()
    yield small.encode("utf-16")
    yield small.replace(_HEADER, "REGEDIT4\r\n").encode()
    yield b"\xff\xfe" + small.encode("utf-16-le")[:-1]
    yield f'{_HEADER}[-{_CONTAINER}]\r\n[{_CONTAINER}]\r\n"ActivePolicy"="x"\r\n'.encode()
