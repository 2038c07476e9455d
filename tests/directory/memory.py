# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A directory in memory that follows the rules of a domain controller; `test_rules.py` compares both."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import pathlib
import struct
import typing as t
import uuid
from datetime import UTC, datetime

from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import (
    DirectoryError,
    LostConnection,
    ResultCode,
    ResultError,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AddEntry,
    AttributeChange,
    ChangeKind,
    DeleteEntry,
    DirectoryEntry,
    ModifyEntry,
    Scope,
    Search,
    Write,
)
from winhost import ldif

from . import schema
from .access import CLOSED, MEMBERS_MAY_READ, with_permission
from .names import Key, NoName, first_value, key_of
from .samba import Domain, Entries, GroupPolicy, show_ldif
from .schema import ATTRIBUTES, CLASSES, ObjectClass, Syntax

_DATA = pathlib.Path(__file__).parents[1] / "data"
_READ_ONLY = "1.2.840.113556.1.4.1920"
_CAPABILITIES = ("1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.1791")
_EXPORTED = "DC=example,DC=test"
_DEFAULT_GPOS = (
    ("{31B2F340-016D-11D2-945F-00C04FB984F9}", "Default Domain Policy", ""),
    ("{6AC1786C-016F-11D2-945F-00C04FB984F9}", "Default Domain Controllers Policy", "OU=Domain Controllers,"),
)
_CONSTRUCTED = (
    "allowedattributeseffective",
    "allowedchildclasseseffective",
    "ntsecuritydescriptor",
    "replpropertymetadata",
)

# result codes of which the collection makes nothing special
UNDEFINED_CLASS_OR_ATTRIBUTE = 16
INVALID_SYNTAX, INVALID_DN = 21, 34
NAMING_VIOLATION, CLASS_VIOLATION, NOT_A_LEAF, IN_THE_NAME = 64, 65, 66, 67


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A reference to the object with a number, and the DN that the object had when the reference was made.

    It is shown as the DN that the object has now. A value that is deleted is compared with the DN that the object had:
    a reference to a deleted object is shown as `CN=…\\0ADEL:GUID,CN=Deleted Objects,…`, but only the old DN, or
    `<GUID=…>`, deletes it.
    """

    number: int
    made_as: Key


Value: t.TypeAlias = bytes | int | Reference
Values: t.TypeAlias = tuple[Value, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    dn: str
    kind: ObjectClass
    values: t.Mapping[str, Values]
    created: tuple[int, float]
    changed: tuple[int, float]
    """Number of the write, and seconds since 1970."""
    attributes: t.Mapping[str, int]
    """Numbers of the last writes of attributes."""


class MemoryDirectory:
    """A domain with Microsoft's policies and Group Policy objects; copies cost little.

    `now` is the server's clock in seconds since 1970, which stands still. `writes` has the writes that were done, and
    `before_write` is called before each one. `read_only` makes it a domain controller that takes no writes.
    """

    domain = Domain.domain
    root = Domain.root
    container = Domain.container
    server = Domain.name

    def __init__(self) -> None:
        self.now: float = 1_800_000_000.0
        self.usn = 3000
        self.read_only = False
        self.before_write: t.Callable[[Write], None] | None = None
        self.writes: list[Write] = []
        self._entries: dict[Key, _Entry] = {}
        self._shown: dict[int, str] = {}
        self._deleted: dict[Key, int] = {}
        self._hidden: frozenset[Key] = frozenset()
        self._forbidden: dict[Key, frozenset[str] | None] = {}
        self._childless: dict[Key, frozenset[str] | None] = {}
        self._descriptor = CLOSED
        self._cut: tuple[int, bool] | None = None
        self._lost = False
        self._fill()

    def copy(self) -> MemoryDirectory:
        """The same directory once more. The copy has no writes yet, and its connection is whole."""
        found = copy.copy(self)
        for name in ("_entries", "_shown", "_deleted", "_forbidden", "_childless"):
            setattr(found, name, dict(getattr(self, name)))
        found.writes, found.before_write = [], None
        found.mend()
        return found

    def cut(self, after: int, done: bool) -> None:
        """Let the connection break at a write from now on, the first being 1, after it is done or before. Then nothing
        works until `mend`.
        """
        self._cut = (after, done)

    def mend(self) -> None:
        """Connect again."""
        self._cut, self._lost = None, False

    def advance(self, seconds: float) -> None:
        """Let time pass, as `time.sleep` does."""
        self.now += seconds

    def hide(self, *dns: str) -> None:
        """The user has no right to read or write anything of these objects."""
        self._hidden |= set(map(key_of, dns))

    def forbid(self, dn: str, *attributes: str) -> None:
        """The user has no right to write these attributes of an object, or any if none is named."""
        self._forbidden[key_of(dn)] = frozenset(map(str.lower, attributes)) or None

    def forbid_children(self, dn: str, *classes: str) -> None:
        """The user has no right to add objects of these classes below an object, or to add or delete any if none is
        named.
        """
        self._childless[key_of(dn)] = frozenset(map(str.lower, classes)) or None

    def members_may_read(self) -> None:
        """Let members of the domain read the policies."""
        self._descriptor = with_permission(CLOSED, MEMBERS_MAY_READ)

    def add_gpo(self, name: str, link: str | None = None) -> GroupPolicy:
        """Add a Group Policy object as Microsoft's console does, linked to the object with the DN `link` if given."""
        return self._new_gpo(f"{{{str(uuid.uuid5(uuid.NAMESPACE_OID, f'{name} {self.usn}')).upper()}}}", name, link)

    def _new_gpo(self, guid: str, name: str, link: str | None) -> GroupPolicy:
        gpo = GroupPolicy(guid, name, f"CN={guid},CN=Policies,CN=System,{self.root}")
        path = rf"\\{self.domain}\sysvol\{self.domain}\Policies\{guid}"
        self._new(gpo.dn, "groupPolicyContainer", displayName=name, gPCFileSysPath=path, versionNumber="0", flags="0")
        self._new(f"CN=Machine,{gpo.dn}", "container")
        self._new(f"CN=User,{gpo.dn}", "container")
        if link is not None:
            target = self._entries[key_of(link)]
            old = target.values.get("gplink", ())
            changes = [AttributeChange(ChangeKind.DELETE, "gPLink", t.cast("tuple[bytes]", old))] if old else []
            links = f"[LDAP://{gpo.dn};0]".encode() + b"".join(t.cast("tuple[bytes]", old))
            self._modify(ModifyEntry(link, (*changes, AttributeChange(ChangeKind.ADD, "gPLink", (links,)))))
        return gpo

    def ldif(self, base: str | None = None, stamps: bool = True) -> str:
        """As `Domain.ldif`."""
        entries = self.search(Search(base=base or self.container, scope=Scope.SUBTREE))
        return show_ldif({entry.dn: entry.attributes for entry in entries}, stamps)

    def search(self, search: Search) -> list[DirectoryEntry]:
        self._connected()
        wanted = {name.lower() for name in search.attributes if name != "*"}
        if search.descriptors:
            wanted.add("ntsecuritydescriptor")
        everything = not search.attributes or "*" in search.attributes
        if search.base == "" and search.scope is Scope.BASE:
            found = {name.lower(): values for name, values in self._about().items()}
            return [DirectoryEntry("", {name: found[name] for name in found if everything or name in wanted})]
        base = self._key(search.base, "search")
        if base not in self._entries:
            raise _refused(ResultCode.NO_SUCH_OBJECT, "No such object", f"search {search.base}")
        entries = []
        for key in self._below(base, search.scope):
            if all(self._matches(key, name.lower(), value) for name, value in search.match):
                values = self._readable(key, wanted)
                shown = {
                    name: values[name] for name in values if name in wanted or (everything and name not in _CONSTRUCTED)
                }
                entries.append(DirectoryEntry(self._entries[key].dn, shown))
        return entries

    def write(self, write: Write) -> None:
        if self.before_write is not None:
            self.before_write(write)
        self._connected()
        if self._cut is not None:
            left, done = self._cut
            self._cut = (left - 1, done)
            if left == 1:
                self._lost = True
                if done:
                    with contextlib.suppress(ResultError):
                        self._do(write)
                self._connected()
        self._do(write)

    def _connected(self) -> None:
        if self._lost:
            raise LostConnection(f"{self.server}: the connection is closed")

    def _do(self, write: Write) -> None:
        if self.read_only:
            raise DirectoryError(f"{self.server}: {write.dn}: the server refers to another one")
        if isinstance(write, AddEntry):
            self._add(write)
        elif isinstance(write, DeleteEntry):
            self._delete(write)
        else:
            self._modify(write)
        self.writes.append(write)

    def _add(self, write: AddEntry) -> None:
        what = f"add {write.dn}"
        key = self._key(write.dn, what)
        given: dict[str, tuple[bytes, ...]] = {}
        for name, values in write.attributes:
            given[name.lower()] = given.get(name.lower(), ()) + values
        kind = _class_of(given.pop("objectclass", ()), what)
        parent = self._entries.get(key[1:])
        if parent is not None and self._may_not_add(key[1:], kind):
            raise _refused(ResultCode.NO_RIGHTS, "acl: unable to get access", what)
        values = {name: self._new_values(kind, name, found, what) for name, found in given.items()}
        if parent is None:
            raise _refused(ResultCode.NO_SUCH_OBJECT, "00002030: parent does not exist!", what)
        if not parent.kind.container or key[0][0] != kind.rdn:
            raise _refused(NAMING_VIOLATION, f"00002037: {kind.name} is not a valid child class", what)
        for name, found in values.items():
            if ATTRIBUTES[name].single and len(found) > 1:
                raise _refused(ResultCode.CONSTRAINT_VIOLATION, "0000202F: SINGLE-VALUE attribute", what)
            if len(set(found)) < len(found):
                raise _refused(ResultCode.VALUE_EXISTS, "provided more than once in ADD object", what)
        if key in self._entries:
            raise _refused(ResultCode.ENTRY_EXISTS, f"Entry {write.dn} already exists", what)
        self._put(key, write.dn, kind, {name: found for name, found in values.items() if name not in schema.NAMES})

    def _modify(self, write: ModifyEntry) -> None:
        what = f"modify {write.dn}"
        key = self._key(write.dn, what)
        entry = self._entries.get(key)
        if entry is None:
            raise _refused(ResultCode.NO_SUCH_OBJECT, "00002030: No such Base DN", what)
        changes = [(change, change.name.lower()) for change in write.changes]
        if any(self._may_not_write(key, name) for _change, name in changes) or (not changes and key in self._hidden):
            raise _refused(ResultCode.NO_RIGHTS, "00002098: Object has no write property access", what)
        if not changes:
            raise _refused(ResultCode.UNWILLING, "00002035: modify message must have elements/attributes!", what)
        added = [
            self._new_values(entry.kind, name, change.values if change.kind is ChangeKind.ADD else (), what)
            for change, name in changes
        ]
        values = dict(entry.values)
        for (change, name), new in zip(changes, added, strict=True):
            if change.kind is ChangeKind.ADD:
                values[name] = self._with(name, values.get(name, ()), new, what)
            else:
                values[name] = self._without(name, values.get(name, ()), change.values, what)
        self.usn += 1
        self._entries[key] = dataclasses.replace(
            entry,
            values={name: found for name, found in values.items() if found},
            changed=(self.usn, self.now),
            attributes={**entry.attributes, **dict.fromkeys((name for _change, name in changes), self.usn)},
        )

    def _delete(self, write: DeleteEntry) -> None:
        what = f"delete {write.dn}"
        key = self._key(write.dn, what)
        entry = self._entries.get(key)
        if entry is None:
            raise _refused(ResultCode.NO_SUCH_OBJECT, "00002030: entry does not exist!", what)
        if key in self._hidden or self._childless.get(key[1:], frozenset()) is None:
            raise _refused(ResultCode.NO_RIGHTS, "dsdb_access: Access check failed", what)
        if any(other[1:] == key for other in self._entries):
            raise _refused(NOT_A_LEAF, "00002015: Unable to delete a non-leaf node", what)
        del self._entries[key]
        name = entry.dn.partition(f",{self._entries[key[1:]].dn}")[0]
        shown = f"{name}\\0ADEL:{_guid(entry.number)},CN=Deleted Objects,{self.root}"
        self._shown[entry.number] = shown
        self._deleted[key_of(shown)] = entry.number
        self.usn += 1

    def _fill(self) -> None:
        """What a new domain has, an hour old."""
        self.now -= 3600
        self._put(key_of(self.root), self.root, CLASSES["domaindns"], {})
        for dn in ("CN=System", "CN=Policies,CN=System", "CN=IP Security,CN=System", "CN=Configuration"):
            self._new(f"{dn},{self.root}", "container")
        container = self._entries[key_of(self.container)]
        self._entries[key_of(self.container)] = dataclasses.replace(
            container, values={"iscriticalsystemobject": (b"TRUE",)}
        )
        self._new(f"OU=Domain Controllers,{self.root}", "organizationalUnit")
        self._new(f"CN=Sites,CN=Configuration,{self.root}", "container")
        self._new(f"CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{self.root}", "site")
        for guid, name, link in _DEFAULT_GPOS:
            self._new_gpo(guid, name, f"{link}{self.root}")
        waiting = [(dn.replace(_EXPORTED, self.root), values) for dn, values in _microsoft().items()]
        for again in (False, True):
            waiting = [(dn, values) for dn, values in waiting if not self._take_in(dn, values, again)]
            # the first policy is younger than its rules, and the others are older; with Samba this is a matter of luck
            waiting = waiting[1:] + waiting[:1]
        self.writes.clear()
        self.now += 3600

    def _take_in(self, dn: str, given: t.Mapping[str, list[bytes]], again: bool) -> bool:
        """Add an exported object, or complete it. Says whether all objects that it refers to exist."""
        kind = _class_of(tuple(given["objectClass"]), dn)
        values: dict[str, Values] = {}
        for name, found in given.items():
            attribute = ATTRIBUTES[name.lower()]
            if attribute.syntax is Syntax.REFERENCE:
                texts = [value.decode().replace(_EXPORTED, self.root) for value in found]
                if not all(key_of(text) in self._entries for text in texts):
                    continue
                values[name.lower()] = tuple(self._reference(text.encode(), dn) for text in texts)
            elif name != "objectClass":
                values[name.lower()] = tuple(schema.store(attribute, value) for value in found)
        if again:
            self.usn += 1
            self._entries[key_of(dn)] = dataclasses.replace(
                self._entries[key_of(dn)],
                values=values,
                changed=(self.usn, self.now),
                attributes=dict.fromkeys(values, self.usn),
            )
        else:
            self._put(key_of(dn), dn, kind, values)
        return len(values) == len(given) - 1

    def _new(self, dn: str, kind: str, **values: str) -> None:
        self._add(AddEntry(dn, (("objectClass", (kind.encode(),)), *((k, (v.encode(),)) for k, v in values.items()))))

    def _put(self, key: Key, dn: str, kind: ObjectClass, values: t.Mapping[str, Values]) -> None:
        number = len(self._shown) + 1
        self._shown[number] = dn
        self.usn += 1
        time = (self.usn, self.now)
        self._entries[key] = _Entry(number, dn, kind, values, time, time, dict.fromkeys(values, self.usn))

    def _new_values(self, kind: ObjectClass, name: str, values: tuple[bytes, ...], what: str) -> Values:
        """Values to be added to an attribute of an object, which has the attribute."""
        attribute = ATTRIBUTES.get(name)
        if attribute is None:
            raise _refused(UNDEFINED_CLASS_OR_ATTRIBUTE, f"attribute '{name}' was not found in the schema!", what)
        if attribute.syntax is Syntax.REFERENCE:
            found: Values = tuple(self._reference(value, what) for value in values)
        else:
            try:
                found = tuple(schema.store(attribute, value) for value in values)
            except schema.Invalid:
                raise _refused(
                    INVALID_SYNTAX, f"0000200B: attribute '{name}' contains an invalid value!", what
                ) from None
        if attribute.stamped:
            raise _refused(ResultCode.CONSTRAINT_VIOLATION, f"0000202F: '{name}' can only be modified as system", what)
        if name == "objectclass" or name not in kind.attributes:
            raise _refused(CLASS_VIOLATION, f"00002014: '{name}' does not exist in the specified objectclasses!", what)
        if name in schema.NAMES and what.startswith("modify"):
            raise _refused(IN_THE_NAME, f"00002016: Modify of '{name}' not permitted", what)
        return found

    def _with(self, name: str, values: Values, added: Values, what: str) -> Values:
        if ATTRIBUTES[name].single and len(values) + len(added) > 1:
            raise _refused(ResultCode.VALUE_EXISTS, "0000200D: SINGLE-VALUE attribute specified more than once", what)
        known = [value.number if isinstance(value, Reference) else value for value in (*values, *added)]
        if len(set(known)) < len(known):
            raise _refused(ResultCode.VALUE_EXISTS, f"attribute '{name}': value already exists", what)
        return values + added

    def _without(self, name: str, values: Values, deleted: tuple[bytes, ...], what: str) -> Values:
        """The values without those that are deleted, or without any if none is named."""
        if ATTRIBUTES[name].syntax is Syntax.REFERENCE:
            for value in deleted:
                if _number(value) is None:
                    self._key(value.decode(errors="replace"), what)
        left = list(values)
        for value in deleted:
            found = next((old for old in left if self._same(name, old, value, what)), None)
            if found is None:
                raise _refused(ResultCode.NO_SUCH_ATTRIBUTE, f"attribute '{name}': no matching attribute value", what)
            left.remove(found)
        if not deleted:
            if not left:
                raise _refused(ResultCode.NO_SUCH_ATTRIBUTE, f"attribute '{name}': no such attribute", what)
            return ()
        return tuple(left)

    def _same(self, name: str, stored: Value, value: bytes, what: str) -> bool:
        if isinstance(stored, Reference):
            number = _number(value)
            return stored.number == number or (number is None and stored.made_as == key_of(value.decode()))
        try:
            return schema.same(ATTRIBUTES[name], stored, value)
        except schema.Invalid:
            raise _refused(INVALID_SYNTAX, f"0000200B: attribute '{name}' contains an invalid value!", what) from None

    def _reference(self, value: bytes, what: str) -> Reference:
        number = _number(value)
        if number is None:
            key = self._key(value.decode(errors="replace"), what)
            number = self._entries[key].number if key in self._entries else self._deleted.get(key)
        if number is None or number not in self._shown:
            raise _refused(ResultCode.CONSTRAINT_VIOLATION, "000020B5: Referenced object not found", what)
        return Reference(number, key_of(self._shown[number]))

    def _show(self, value: Value) -> bytes:
        if isinstance(value, Reference):
            return self._shown[value.number].encode()
        return value if isinstance(value, bytes) else str(value).encode()

    def _key(self, dn: str, what: str) -> Key:
        try:
            return key_of(dn)
        except NoName:
            raise _refused(INVALID_DN, f"could not parse {dn} as a DN", what) from None

    def _below(self, base: Key, scope: Scope) -> list[Key]:
        if scope is Scope.BASE:
            return [base]
        if scope is Scope.ONE_LEVEL:
            return [key for key in self._entries if key[1:] == base]
        others = key_of(f"CN=Configuration,{self.root}")
        found = [key for key in self._entries if key[-len(base) :] == base]
        # below the root of a domain begin other parts of its forest, which a search does not enter
        return [key for key in found if key[-len(others) :] != others or base[-len(others) :] == others]

    def _readable(self, key: Key, wanted: t.Collection[str]) -> dict[str, tuple[bytes, ...]]:
        if key in self._hidden:
            return {}
        entry = self._entries[key]
        found = {name: tuple(map(self._show, values)) for name, values in entry.values.items()}
        found["objectclass"] = tuple(name.encode() for name in entry.kind.chain)
        found[key[0][0]] = found["name"] = (first_value(entry.dn).encode(),)
        found["distinguishedname"] = (entry.dn.encode(),)
        found["objectguid"] = (_guid(entry.number).bytes_le,)
        found["objectcategory"] = (f"CN={entry.kind.category},CN=Schema,CN=Configuration,{self.root}".encode(),)
        found["usncreated"], found["whencreated"] = (str(entry.created[0]).encode(),), (_time(entry.created[1]),)
        found["usnchanged"], found["whenchanged"] = (str(entry.changed[0]).encode(),), (_time(entry.changed[1]),)
        if "ntsecuritydescriptor" in wanted:
            found["ntsecuritydescriptor"] = (self._descriptor,)
        if "replpropertymetadata" in wanted:
            found["replpropertymetadata"] = (_metadata(entry),)
        if "allowedattributeseffective" in wanted:
            names = [a.name for n, a in ATTRIBUTES.items() if n in entry.kind.attributes and not a.stamped]
            found["allowedattributeseffective"] = tuple(
                name.encode() for name in names if not self._may_not_write(key, name.lower())
            )
        if "allowedchildclasseseffective" in wanted:
            kinds = [kind for kind in CLASSES.values() if entry.kind.container and not kind.abstract]
            found["allowedchildclasseseffective"] = tuple(
                kind.name.encode() for kind in kinds if not self._may_not_add(key, kind)
            )
        return {name: values for name, values in found.items() if values}

    def _matches(self, key: Key, name: str, value: str | None) -> bool:
        if name == "objectclass" and value is None:
            return True
        entry, attribute = self._entries[key], ATTRIBUTES.get(name)
        if key in self._hidden or attribute is None:
            return False
        stored = entry.values.get(name)
        if stored is None:
            stored = self._readable(key, ()).get(name, ())
        if value is None or not stored:
            return bool(stored)
        if attribute.syntax is Syntax.REFERENCE:
            try:
                target = self._entries.get(key_of(value))
            except NoName:
                return False
            return target is not None and any(isinstance(v, Reference) and v.number == target.number for v in stored)
        try:
            return any(schema.same(attribute, t.cast("bytes | int", old), value.encode()) for old in stored)
        except schema.Invalid:
            return False

    def _may_not_write(self, key: Key, name: str) -> bool:
        forbidden = self._forbidden.get(key, frozenset())
        return key in self._hidden or forbidden is None or name in forbidden

    def _may_not_add(self, key: Key, kind: ObjectClass) -> bool:
        classes = self._childless.get(key, frozenset())
        return key in self._hidden or classes is None or kind.name.lower() in classes

    def _about(self) -> dict[str, tuple[bytes, ...]]:
        """What the server says about itself."""
        texts: dict[str, tuple[str, ...]] = {
            "defaultNamingContext": (self.root,),
            "rootDomainNamingContext": (self.root,),
            "configurationNamingContext": (f"CN=Configuration,{self.root}",),
            "namingContexts": (self.root, f"CN=Configuration,{self.root}"),
            "dnsHostName": (self.server,),
            "ldapServiceName": (f"{self.domain}:dc1$@{self.domain.upper()}",),
            "currentTime": (_time(self.now).decode(),),
            "highestCommittedUSN": (str(self.usn),),
            "supportedCapabilities": (*_CAPABILITIES, *([_READ_ONLY] if self.read_only else [])),
            "supportedLDAPVersion": ("2", "3"),
        }
        return {name: tuple(value.encode() for value in values) for name, values in texts.items()}


def _class_of(names: tuple[bytes, ...], what: str) -> ObjectClass:
    if not names:
        raise _refused(CLASS_VIOLATION, "00002014: no objectclass specified!", what)
    kinds = [CLASSES.get(name.decode(errors="replace").lower()) for name in names]
    found = max((kind for kind in kinds if kind is not None), key=lambda kind: len(kind.chain), default=None)
    if found is None or None in kinds:
        raise _refused(UNDEFINED_CLASS_OR_ATTRIBUTE, "0000200A: not a valid objectClass in schema", what)
    if found.abstract:
        raise _refused(ResultCode.UNWILLING, "Failed to find a structural class", what)
    return found


def _refused(code: int, detail: str, what: str) -> ResultError:
    return ResultError(code, detail, f"{MemoryDirectory.server}: {what}")


def _metadata(entry: _Entry) -> bytes:
    """Times of changes as MS-DRDM 2.4.3 packs them, of the attributes whose identifiers are known here."""
    known = {schema.IDENTIFIERS[name]: usn for name, usn in entry.attributes.items() if name in schema.IDENTIFIERS}
    rows = (struct.pack("<IIQ16sQQ", number, 1, 0, bytes(16), usn, usn) for number, usn in sorted(known.items()))
    return struct.pack("<IIII", 1, 0, len(known), 0) + b"".join(rows)


def _guid(number: int) -> uuid.UUID:
    return uuid.UUID(int=0x1B5EC << 108 | number)


def _number(value: bytes) -> int | None:
    """The number of the object that `<GUID=…>` means, 0 for none; None for another spelling."""
    if not (value.startswith(b"<GUID=") and value.endswith(b">")):
        return None
    try:
        return uuid.UUID(value[6:-1].decode()).int & 0xFFFFFFFF
    except ValueError:
        return 0


def _time(seconds: float) -> bytes:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y%m%d%H%M%S.0Z").encode()


@functools.cache
def _microsoft() -> Entries:
    """Microsoft's policies as they are exported, by DN, below the domain DC=example,DC=test."""
    return ldif.parse((_DATA / "microsoft-defaults.ldif").read_text())
