# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A registry in memory, and changes to one.

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


def find_key(tree: Tree, path: str) -> str | None:
    """The spelling that `tree` has for a key; None for a key that is missing."""
    if path in tree:
        return path
    wanted = path.lower()
    return next((key for key in tree if key.lower() == wanted), None)


def get(tree: Tree, path: str, name: str) -> Value | None:
    """The data of a value; None where key or value are missing."""
    key = find_key(tree, path)
    values = tree[key] if key is not None else {}
    return next((data for known, (_kind, data) in values.items() if known.lower() == name.lower()), None)


def below(tree: Tree, path: str) -> list[str]:
    """The key and all keys below it."""
    wanted = path.lower()
    return [key for key in tree if key.lower() == wanted or key.lower().startswith(wanted + "\\")]


def apply_changes(tree: Tree, changes: t.Iterable[Change], spelling: dict[str, str] | None = None) -> None:
    """Change `tree`. A set makes the keys that it needs; a delete takes all keys below with it.

    `spelling` (key in small letters to key) is kept up to date for a caller that comes often.
    """
    if spelling is None:
        spelling = {key.lower(): key for key in tree}
    for change in changes:
        action, path = change[0], change[1]
        if action == "delete":
            for key in [k for k in spelling if k == path.lower() or k.startswith(path.lower() + "\\")]:
                del tree[spelling.pop(key)]
            continue
        if action != "unset":
            parts = path.split("\\")
            for depth in range(1, len(parts) + 1):
                key = "\\".join(parts[:depth])
                if key.lower() not in spelling:
                    parent = spelling.get(key.lower().rpartition("\\")[0], "")
                    spelling[key.lower()] = f"{parent}\\{parts[depth - 1]}" if parent else key
                    tree[spelling[key.lower()]] = {}
        if action == "create" or path.lower() not in spelling:
            continue
        values = tree[spelling[path.lower()]]
        name = next((known for known in values if known.lower() == change[2].lower()), change[2])
        if action == "set":
            values[name] = (change[3], change[4])
        else:
            values.pop(name, None)
