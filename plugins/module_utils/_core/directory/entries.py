# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The objects of the container as a policy store, and values of a store as attributes (MS-GPIPSEC 2.2.1)."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ..objects.graph import ObjectClass, class_in
from ..store.casing import fold
from ..store.names import (
    ACTION,
    ACTION_GUID,
    ACTION_TYPE,
    CHANGED,
    CLASS,
    CONTAINER,
    DATA,
    DATA_TYPE,
    DESCRIPTION,
    FILTERS,
    ID,
    ISAKMP,
    KEY_NAME,
    NAME,
    NFAS,
    OWNERS,
    reference,
)
from ..store.store import Store
from ..store.values import StoreError, Value
from .dn import dn_of, key_below, parse_dn
from .errors import DirectoryError
from .ldap import Attribute, DirectoryEntry

ENTRY_LIMIT: t.Final = 250_000
"""The most objects that a container may have."""
VALUES_LIMIT: t.Final = 10_000
"""The most values that an attribute may have. Active Directory itself stores less than 2,000."""
SIZE_LIMIT: t.Final = 256 * 1024 * 1024
"""The most bytes that all values together may have."""

USN: t.Final = "uSNChanged"
CLASSES: t.Final = "objectClass"
DESCRIPTOR: t.Final = "nTSecurityDescriptor"
_TEXTS: t.Final = (ID, NAME, DESCRIPTION, ACTION_TYPE, ACTION_GUID)
_REFERENCES: t.Final = (ISAKMP, ACTION)
_REFERENCE_LISTS: t.Final = (NFAS, FILTERS, OWNERS)
VALUES: t.Final = (*_TEXTS, DATA_TYPE, DATA, *_REFERENCES, *_REFERENCE_LISTS)
"""The attributes that are values of a store and can be written."""
ATTRIBUTES: t.Final = (CLASSES, *VALUES, CHANGED, USN, DESCRIPTOR)
"""The attributes of an object that are read."""

_U32: t.Final = 1 << 32
_NUMBER: t.Final = re.compile(r"[0-9]{1,10}")
_USN: t.Final = re.compile(r"[0-9]{1,19}")
_TIME: t.Final = re.compile(r"[0-9]{14}(?:\.[0-9]{1,9})?Z")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objects:
    """The objects of a container. By folded key, `usns` has the uSNChanged of each, and `descriptors` the security
    descriptors that the user may read. `unreadable` are the keys of objects of a policy whose values the user may not
    read.
    """

    store: Store
    usns: t.Mapping[str, int]
    descriptors: t.Mapping[str, bytes]
    unreadable: frozenset[str]


def read_objects(entries: t.Iterable[DirectoryEntry], container: str) -> Objects:
    """The objects as a store: keys are CNs. References to objects of the container have the form of
    `store.names.reference`, and others stay names of the directory. Raises `DirectoryError`.
    """
    keys: dict[str, dict[str, Value]] = {}
    usns: dict[str, int] = {}
    descriptors: dict[str, bytes] = {}
    unreadable: set[str] = set()
    size = 0
    for entry in entries:
        size += sum(len(value) for values in entry.attributes.values() for value in values)
        if len(keys) == ENTRY_LIMIT or size > SIZE_LIMIT:
            raise DirectoryError(
                f"{container} has more than {ENTRY_LIMIT} objects or {SIZE_LIMIT} bytes, which cannot be policies"
            )
        key, class_ = _key(entry, container)
        if key in keys:
            raise DirectoryError(f"the server lists {entry.dn} twice")
        keys[key] = _values(entry, key, class_, container)
        if class_ is not None and _is_unreadable(entry):
            unreadable.add(fold(key))
        if (usn := single_text(entry, USN)) is not None:
            usns[fold(key)] = parse_usn(usn, entry)
        if class_ is not None and (descriptor := single(entry, DESCRIPTOR)) is not None:
            descriptors[fold(key)] = descriptor
    try:
        store = Store(keys)
    except StoreError as error:
        raise DirectoryError(f"the objects in {container} cannot be a policy store: {error}") from None
    return Objects(store=store, usns=usns, descriptors=descriptors, unreadable=frozenset(unreadable))


def _key(entry: DirectoryEntry, container: str) -> tuple[str, ObjectClass | None]:
    """The key of an object, and its class; None for an object that is no part of a policy."""
    key = key_below(entry.dn, container)
    class_ = class_in(key) if key is not None else None
    classes = {fold(name) for name in texts(entry, CLASSES)}
    if key is not None and class_ is not None and (not classes or fold(class_) in classes):
        return key, class_
    # a name that no reference resolves to, and without the sign between the levels of keys
    kind, value = (parse_dn(entry.dn) or (("", ""),))[0]
    return f"{kind}={value}".replace("\\", "/"), None


def _is_unreadable(entry: DirectoryEntry) -> bool:
    """Whether an object has none of the values that each object of a policy has."""
    return not any(raw(entry, name) for name in (NAME, ID, DATA, DATA_TYPE))


def _values(entry: DirectoryEntry, key: str, class_: ObjectClass | None, container: str) -> dict[str, Value]:
    if class_ is None:
        # what an unknown object refers to is used
        return _references(entry, container)
    found = {CLASS: Value.string(class_), KEY_NAME: Value.string(key), **_references(entry, container)}
    for name in _TEXTS:
        if (text := single_text(entry, name)) is not None:
            found[name] = Value.string(text)
    if (text := single_text(entry, DATA_TYPE)) is not None:
        number = int(text) if _NUMBER.fullmatch(text) else _U32
        found[DATA_TYPE] = Value.number(number) if number < _U32 else Value.string(text)
    if (data := single(entry, DATA)) is not None:
        found[DATA] = Value.binary(data)
    if (text := single_text(entry, CHANGED)) is not None:
        found[CHANGED] = Value.number(min(parse_time(text, entry, CHANGED), _U32 - 1))
    return found


def _references(entry: DirectoryEntry, container: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name in _REFERENCES:
        if (text := single_text(entry, name)) is not None:
            found[name] = Value.string(_reference(text, entry, name, container))
    for name in _REFERENCE_LISTS:
        if names := texts(entry, name):
            found[name] = Value.strings(_reference(text, entry, name, container) for text in names)
    return found


def _reference(dn: str, entry: DirectoryEntry, name: str, container: str) -> str:
    try:
        key = key_below(dn, container)
    except DirectoryError as error:
        raise DirectoryError(f"{name} of {entry.dn}: {error}") from None
    if key is not None and class_in(key):
        return reference(key)
    # readers of a store take what follows the last backslash as the key
    return dn.replace("\\\\", r"\5C") if class_in(dn.rpartition("\\")[2]) else dn


def dn_of_reference(text: str, container: str) -> str:
    """The name in the directory that a reference of a store stands for. Raises `DirectoryError`."""
    above, sign, key = text.rpartition("\\")
    return dn_of(key, container) if sign and fold(above) == fold(CONTAINER) else text


def to_attribute(name: str, value: Value, container: str) -> Attribute | None:
    """A value of a store as an attribute; None for one that is not written: a directory has no empty values, the class
    and the name of an object are parts of its creation, and the server sets the times. Raises `DirectoryError`.
    """
    known = _KNOWN.get(fold(name))
    if known is None or value.data in ("", b"", ()):
        return None
    if isinstance(value.data, bytes):
        return known, (value.data,)
    found = value.data if isinstance(value.data, tuple) else (str(value.data),)
    if known in (*_REFERENCES, *_REFERENCE_LISTS):
        found = tuple(dn_of_reference(text, container) for text in found)
    try:
        return known, tuple(text.encode() for text in found)
    except UnicodeEncodeError:
        raise DirectoryError(f"{known} cannot be written: it has half of a character") from None


_KNOWN: t.Final = {fold(name): name for name in VALUES}


def title(entry: DirectoryEntry) -> str:
    """What messages call an entry."""
    return entry.dn or "the server"


def raw(entry: DirectoryEntry, name: str) -> tuple[bytes, ...]:
    """The values of an attribute, none for a missing one. Raises `DirectoryError` for too many."""
    found = entry.attributes.get(name.lower(), ())
    if len(found) > VALUES_LIMIT:
        raise DirectoryError(f"{name} of {title(entry)} has {len(found)} values; at most {VALUES_LIMIT} are possible")
    return found


def single(entry: DirectoryEntry, name: str) -> bytes | None:
    """The only value of an attribute; None for a missing one. Raises `DirectoryError`."""
    found = raw(entry, name)
    if len(found) > 1:
        raise DirectoryError(f"{name} of {title(entry)} has {len(found)} values; it can have one")
    return found[0] if found else None


def texts(entry: DirectoryEntry, name: str) -> list[str]:
    """The values of an attribute as texts. Raises `DirectoryError`."""
    try:
        return [value.decode() for value in raw(entry, name)]
    except UnicodeDecodeError:
        raise DirectoryError(f"{name} of {title(entry)} is not text: its bytes are not UTF-8") from None


def single_text(entry: DirectoryEntry, name: str) -> str | None:
    """The only value of an attribute as text; None for a missing one. Raises `DirectoryError`."""
    return None if single(entry, name) is None else texts(entry, name)[0]


def parse_usn(text: str, entry: DirectoryEntry) -> int:
    """The number in uSNChanged. Raises `DirectoryError`."""
    if not _USN.fullmatch(text):
        raise DirectoryError(f"{USN} of {entry.dn} is not a number")
    return int(text)


def parse_time(text: str, entry: DirectoryEntry, name: str) -> int:
    """The seconds since 1970 of a time as a directory writes it (RFC 4517, 3.3.13), in UTC; 0 for an earlier time.

    Raises `DirectoryError`.
    """
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        found = datetime.datetime.strptime(text[:14] + "+0000", "%Y%m%d%H%M%S%z")
    except ValueError:
        raise DirectoryError(f"{name} of {title(entry)} is not a time like 20260131235959.0Z") from None
    return max(int(found.timestamp()), 0)
