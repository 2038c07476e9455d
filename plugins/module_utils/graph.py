# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The objects of a store and how they refer to each other (MS-GPIPSEC 2.2.1): policy → ISAKMP policy and NFAs → filters
and actions.

References decide which objects belong together; ipsecOwnersReference only confirms it, as real writers leave it out.
"""

from __future__ import annotations

import collections
import enum
import functools
import re
import typing as t

from .store import Kind, Store

CONTAINER: t.Final = r"SOFTWARE\Policies\Microsoft\Windows\IPSEC\Policy\Local"
"""The container as references spell it: below HKEY_LOCAL_MACHINE, without the hive."""


class ObjectClass(enum.StrEnum):
    POLICY = "ipsecPolicy"
    ISAKMP = "ipsecISAKMPPolicy"
    NFA = "ipsecNFA"
    ACTION = "ipsecNegotiationPolicy"
    FILTER = "ipsecFilter"


_CLASSES: t.Final = {c.lower(): c for c in ObjectClass}
_KEY = re.compile(r"([a-z]+)(\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\})\Z")

ACTIVE_POLICY: t.Final = "ActivePolicy"
OWNERS: t.Final = "ipsecOwnersReference"
NFAS: t.Final = "ipsecNFAReference"
ISAKMP: t.Final = "ipsecISAKMPReference"
FILTERS: t.Final = "ipsecFilterReference"
ACTION: t.Final = "ipsecNegotiationPolicyReference"
REPLACES: t.Final = "ipsecWindowsReplaces"
"""Our own mark on a policy object that is written beside an assigned one: which policy it replaces. It goes when that
one is gone.
"""
_REFERENCES: t.Final = {ObjectClass.POLICY: (ISAKMP, NFAS), ObjectClass.NFA: (FILTERS, ACTION)}


def reference(key: str) -> str:
    """A key as other objects refer to it, in today's spelling."""
    return f"{CONTAINER}\\{key}"


def describe_class(class_: ObjectClass | None) -> str:
    """What the field calls the objects of a class."""
    return {
        ObjectClass.POLICY: "policy",
        ObjectClass.ISAKMP: "main mode policy",
        ObjectClass.NFA: "rule",
        ObjectClass.ACTION: "filter action",
        ObjectClass.FILTER: "filter list",
        None: "unknown object",
    }[class_]


def object_id(key: str) -> str:
    """The braced GUID in a key's name; the whole name where it has none, as a reference may say anything."""
    return key[max(key.find("{"), 0) :].lower()


class Graph:
    """A store seen as objects. Keys are in small letters throughout; `path` gives the spelling of the store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._paths = {path.lower(): path for path in store.paths() if path}
        self._class = {key: _CLASSES.get(found[1]) for key in self._paths if (found := _KEY.match(key))}

    def path(self, key: str) -> str:
        return self._paths[key]

    def __contains__(self, key: str) -> bool:
        return key in self._paths

    def class_of(self, key: str) -> ObjectClass | None:
        """None for a key that is no object of a known class."""
        return self._class.get(key)

    def of_class(self, wanted: ObjectClass) -> list[str]:
        return [key for key, class_ in self._class.items() if class_ is wanted]

    def foreign(self) -> list[str]:
        """Top-level keys that are none of the five kinds of object."""
        return [key for key in self._paths if "\\" not in key and self._class.get(key) is None]

    def text(self, key: str, name: str) -> str:
        """A text value; empty where there is none."""
        value = self.store.get(key, name)
        return value.data if value is not None and isinstance(value.data, str) else ""

    def number(self, key: str, name: str) -> int:
        """A number of 32 bits; 0 where there is none."""
        value = self.store.get(key, name)
        return value.data if value is not None and value.kind is Kind.DWORD and isinstance(value.data, int) else 0

    def data(self, key: str) -> bytes | None:
        """The object's ipsecData."""
        value = self.store.get(key, "ipsecData")
        return value.data if value is not None and isinstance(value.data, bytes) else None

    def references(self, key: str, name: str) -> list[str]:
        """The keys that a value of `key` refers to, whether they are there or not."""
        value = self.store.get(key, name)
        if value is None or not isinstance(value.data, str | tuple):
            return []
        texts = (value.data,) if isinstance(value.data, str) else value.data
        return [text.rpartition("\\")[2].lower() for text in texts if text]

    def unreadable(self, key: str) -> list[str]:
        """Those of an object's references that are there and cannot be read; the empty name is the whole object."""
        names = ("", *_REFERENCES.get(self._class.get(key) or ObjectClass.FILTER, ()))
        found = ((name, self.store.get(key, name)) for name in names)
        return [name for name, value in found if value is not None and not isinstance(value.data, str | tuple)]

    def owners(self, key: str) -> list[str]:
        return self.references(key, OWNERS)

    @functools.cached_property
    def active(self) -> str | None:
        """The assigned policy; None where there is none or it does not exist."""
        found = self.references("", ACTIVE_POLICY)
        return found[0] if found and self.class_of(found[0]) is ObjectClass.POLICY else None

    @functools.cached_property
    def policies(self) -> list[str]:
        """All policies but those that an interrupted change has left."""
        return [
            key for key in self.of_class(ObjectClass.POLICY) if key not in self._unfinished and self.store.values(key)
        ]

    @functools.cached_property
    def _unfinished(self) -> set[str]:
        """Of each policy and the one to replace it: the one that is not assigned, or else the new one."""
        found: set[str] = set()
        for key in self.of_class(ObjectClass.POLICY):
            for old in self.references(key, REPLACES):
                if old != key and self.class_of(old) is ObjectClass.POLICY:
                    found.add(old if key == self.active else key)
        return found

    @functools.cached_property
    def users(self) -> t.Mapping[str, set[str]]:
        """For each key the objects that refer to it; policies that an interrupted change has left do not count."""
        found: dict[str, set[str]] = collections.defaultdict(set)
        for key, class_ in self._class.items():
            if class_ in _REFERENCES and key not in self._unfinished:
                for name in _REFERENCES[class_]:
                    for target in self.references(key, name):
                        found[target].add(key)
        return found

    def is_library(self, key: str) -> bool:
        """A named filter list or filter action without owner: the snap-in's stock, which belongs to no policy."""
        return (
            self.class_of(key) in (ObjectClass.FILTER, ObjectClass.ACTION)
            and not self.owners(key)
            and bool(self.text(key, "ipsecName"))
        )

    def leftovers(self) -> list[str]:
        """What an interrupted change has left: unused objects whose named owners are gone or do not name them back, and
        empty keys.

        In the order in which they can be deleted: users first.
        """
        if any(self.unreadable(key) for key, class_ in self._class.items() if class_ in _REFERENCES):
            # what these refer to is not known: it may be in use
            return []
        gone: dict[str, None] = dict.fromkeys(self._unfinished)
        classes = (ObjectClass.NFA, ObjectClass.ISAKMP, ObjectClass.FILTER, ObjectClass.ACTION)
        found = [key for class_ in classes for key in self.of_class(class_)]
        users = {
            key: {user for user in self.users.get(key, ()) if user not in gone}
            for key in found
            if self.owners(key) or not self.store.values(key)
        }
        used: dict[str, list[str]] = {}
        for key, its_users in users.items():
            for user in its_users:
                used.setdefault(user, []).append(key)
        unused = [key for key, its_users in users.items() if not its_users]
        # grows: what only one that goes has used goes as well
        for key in unused:
            gone[key] = None
            for target in used.get(key, ()):
                users[target].discard(key)
                if not users[target]:
                    unused.append(target)
        gone.update(dict.fromkeys(key for key in self.of_class(ObjectClass.POLICY) if not self.store.values(key)))
        return list(gone)
