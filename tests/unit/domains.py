# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Domains as lists of entries, and a directory that only reads and gives any answer."""

from __future__ import annotations

import base64
import dataclasses
import time
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.dn import comparable, dn_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.entries import to_attribute
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import ResultCode, ResultError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import DirectoryEntry, Scope, Search
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import ObjectClass, class_in
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store

from .stores import DATA

ROOT = "DC=example,DC=test"
CONTAINER = f"CN=IP Security,CN=System,{ROOT}"
POLICIES = f"CN=Policies,CN=System,{ROOT}"
SERVER = "dc1.example.test"
_FOREST = comparable(f"CN=Configuration,{ROOT}")
CHANGED = 1_700_000_000


def entry(dn: str, **values: str | bytes | t.Sequence[str | bytes]) -> DirectoryEntry:
    """An entry; each value is a text, bytes, or a list of these."""
    lists = {name: [value] if isinstance(value, str | bytes) else value for name, value in values.items()}
    return DirectoryEntry(
        dn,
        {
            name.lower(): tuple(one if isinstance(one, bytes) else one.encode() for one in found)
            for name, found in lists.items()
        },
    )


def without(found: DirectoryEntry, *names: str) -> DirectoryEntry:
    """The entry without some attributes; with no names, without all."""
    left = {name: values for name, values in found.attributes.items() if names and name not in map(str.lower, names)}
    return dataclasses.replace(found, attributes=left)


def entries_of(store: Store, container: str = CONTAINER) -> list[DirectoryEntry]:
    """The objects of a policy store as a directory has them."""
    found = []
    for number, path in enumerate(store.paths(), 1):
        if not path:
            continue
        values = {"objectClass": ["top", "ipsecBase", str(class_in(path))]}
        for name, value in store.values(path).items():
            if attribute := to_attribute(name, value, container):
                values[attribute[0]] = attribute[1]
        found.append(entry(dn_of(path, container), **values, **stamps(number)))
    return found


def stamps(number: int) -> dict[str, str]:
    """What a server adds to an object."""
    return {
        "uSNChanged": str(number),
        "whenChanged": time.strftime("%Y%m%d%H%M%S.0Z", time.gmtime(CHANGED)),
    }


def microsoft_entries() -> list[DirectoryEntry]:
    """The objects of a new domain, as Active Directory exports them."""
    found = []
    for number, block in enumerate((DATA / "microsoft-defaults.ldif").read_text().strip().split("\n\n"), 1):
        values: dict[str, list[bytes]] = {}
        for line in block.replace("\n ", "").splitlines():
            name, _colon, value = line.partition(":")
            data = base64.b64decode(value[1:]) if value.startswith(":") else value.strip().encode()
            values.setdefault(name, []).append(data)
        dn = values.pop("dn")[0].decode()
        found.append(entry(dn, **values, **stamps(number)))
    return found


class ListedDirectory:
    """A directory that has some entries, besides the server's own and the container."""

    server = SERVER

    def __init__(
        self,
        entries: t.Iterable[DirectoryEntry] = (),
        root: t.Mapping[str, t.Any] | None = None,
        container: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        """`root` and `container` change attributes of these entries; None removes one."""
        about = {
            "defaultNamingContext": ROOT,
            "configurationNamingContext": f"CN=Configuration,{ROOT}",
            "dnsHostName": SERVER,
            "currentTime": "20300102030405.0Z",
            "supportedCapabilities": ["1.2.840.113556.1.4.800"],
        }
        rights = {"objectClass": ["top", "container"], "allowedChildClassesEffective": list(ObjectClass)}
        found = [
            entry("", **_changed(about, root)),
            entry(ROOT),
            entry(f"CN=Sites,CN=Configuration,{ROOT}"),
            entry(POLICIES),
            entry(CONTAINER, **_changed(rights, container)),
            *entries,
        ]
        self._entries = [(comparable(one.dn), one) for one in found]
        self.searches: list[Search] = []

    def search(self, search: Search) -> list[DirectoryEntry]:
        self.searches.append(search)
        base = comparable(search.base)
        if base not in [name for name, _found in self._entries]:
            raise ResultError(ResultCode.NO_SUCH_OBJECT, "", f"searching {search.base}")
        return [one for name, one in self._entries if _is_in_scope(name, base, search.scope) and _matches(one, search)]

    def write(self, _write: object) -> None:
        raise AssertionError("nothing is written")


def _changed(values: dict[str, t.Any], changes: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    return {name: value for name, value in {**values, **(changes or {})}.items() if value is not None}


def _is_in_scope(name: tuple[t.Any, ...], base: tuple[t.Any, ...], scope: Scope) -> bool:
    if scope is Scope.BASE:
        return name == base
    if scope is Scope.ONE_LEVEL:
        return name != () and name[1:] == base
    # below the root of a domain begins another part of its forest, which a search does not enter
    return name[-len(base) :] == base and (name[-len(_FOREST) :] != _FOREST or base[-len(_FOREST) :] == _FOREST)


def _matches(found: DirectoryEntry, search: Search) -> bool:
    for name, wanted in search.match:
        values = [value.decode(errors="replace").lower() for value in found.attributes.get(name.lower(), ())]
        if not values or (wanted is not None and wanted.lower() not in values):
            return False
    return True
