# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A registry in memory, and changes to it.

Keys are full paths with the short hive (`HKLM\\SOFTWARE\\…`). The case of the first writer is kept; look-ups ignore it.
"""

from __future__ import annotations

import typing as t

Value: t.TypeAlias = str | bytes | int | list[str]
Tree: t.TypeAlias = dict[str, dict[str, tuple[int, Value]]]
"""Key path to value name ('' is the default value) to (kind, data); kind is a Microsoft.Win32.RegistryValueKind."""

Change: t.TypeAlias = tuple[t.Any, ...]
"""("create", key), ("delete", key), ("set", key, name, kind, data) or ("unset", key, name)."""

STRING: t.Final = 1
EXPAND_STRING: t.Final = 2
BINARY: t.Final = 3
DWORD: t.Final = 4
MULTI_STRING: t.Final = 7
QWORD: t.Final = 11


def fold(name: str) -> str:
    """A form for comparisons. Windows maps each UTF-16 unit to upper case, if the result is one unit that maps back."""
    return name.upper() if name.isascii() else "".join(map(_upper, name))


def _upper(unit: str) -> str:
    upper = unit.upper()
    return upper if len(upper) == 1 and max(unit, upper) <= "\uffff" and upper.lower() == unit else unit


def find_key(tree: Tree, path: str) -> str | None:
    """The spelling of a key in `tree`; None for a missing key."""
    if path in tree:
        return path
    wanted = fold(path)
    return next((key for key in tree if fold(key) == wanted), None)


def get(tree: Tree, path: str, name: str) -> Value | None:
    """The data of a value; None if the key or the value is missing."""
    key = find_key(tree, path)
    values = tree[key] if key is not None else {}
    wanted = fold(name)
    return next((data for known, (_kind, data) in values.items() if fold(known) == wanted), None)


def below(tree: Tree, path: str) -> list[str]:
    """The key and all keys below it."""
    wanted = fold(path)
    return [key for key in tree if fold(key) == wanted or fold(key).startswith(wanted + "\\")]


def apply_changes(tree: Tree, changes: t.Iterable[Change], spelling: dict[str, str] | None = None) -> None:
    """Change `tree`. Setting a value creates the keys that it needs; deleting a key deletes all keys below.

    `spelling` maps folded keys to keys. It is updated, so a frequent caller can keep it.
    """
    if spelling is None:
        spelling = {fold(key): key for key in tree}
    for change in changes:
        action, path = change[0], change[1]
        if action == "delete":
            top = fold(path)
            for key in [k for k in spelling if k == top or k.startswith(top + "\\")]:
                del tree[spelling.pop(key)]
            continue
        if action != "unset":
            parts = path.split("\\")
            for depth in range(1, len(parts) + 1):
                key = "\\".join(parts[:depth])
                if fold(key) not in spelling:
                    parent = spelling.get(fold(key).rpartition("\\")[0], "")
                    spelling[fold(key)] = f"{parent}\\{parts[depth - 1]}" if parent else key
                    tree[spelling[fold(key)]] = {}
        if action == "create" or fold(path) not in spelling:
            continue
        values = tree[spelling[fold(path)]]
        wanted = fold(change[2])
        name = next((known for known in values if fold(known) == wanted), change[2])
        if action == "set":
            values[name] = (change[3], change[4])
        else:
            values.pop(name, None)
