# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a directory answers: distinguished names, security descriptors, and a whole domain with damages.

The first byte selects one of these. Damages are, for each, a byte for the kind, two bytes for an entry, and what the
kind needs.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.descriptors import (
    members_may_read,
    members_may_read_below,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.dn import (
    DN_LIMIT,
    PART_LIMIT,
    dn_of,
    escape_value,
    key_below,
    parse_dn,
    same_dn,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.entries import ATTRIBUTES
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.extensions import with_pair
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import DirectoryEntry
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.reading import read_place, read_state
from ansible_collections.ipsec.windows.plugins.module_utils._core.hints import message
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.domain_facts import render_domain_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import descriptors, stores
from unit.domains import CONTAINER, POLICIES, ROOT, ListedDirectory, entries_of, entry, microsoft_entries

from .inputs import CORE, TOKEN, Source, text_of

SUBJECT: t.Final = (
    *(f"{CORE}/directory/{name}.py" for name in ("dn", "entries", "descriptors", "reading", "findings")),
    f"{CORE}/results/domain_facts.py",
)
WORDS: t.Final = (
    *("CN=", "DC=", "OU=", "\\2C", "\\,", "\\0ADEL:", "CN=Deleted Objects,", "#", "[LDAP://", ";0]", ".0Z"),
    *(CONTAINER, POLICIES, ROOT, "0x100", "9999999999"),
    *(descriptors.sid(sid) for sid in (descriptors.AUTHENTICATED_USERS, descriptors.DOMAIN_COMPUTERS)),
)
_GPO: t.Final = f"CN={{0A000000-0000-0000-0000-000000000001}},{POLICIES}"
_MOST: t.Final = 12
_OTHER_ATTRIBUTES: t.Final = (
    *("gPLink", "displayName", "versionNumber", "flags", "gPCMachineExtensionNames", "cn"),
    *("defaultNamingContext", "dnsHostName", "currentTime", "configurationNamingContext", "supportedCapabilities"),
    "allowedChildClassesEffective",
)
_NAMES: t.Final = (*ATTRIBUTES, *_OTHER_ATTRIBUTES)

_Values: t.TypeAlias = dict[str, tuple[bytes, ...]]
_Entries: t.TypeAlias = list[tuple[str, _Values]]


def _domain() -> _Entries:
    """Some of Microsoft's objects, a policy with a key, and a Group Policy object that assigns it."""
    rule = {"name": "R", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": TOKEN}]}
    store = stores.apply(Store(), [{"name": "P", "rules": [rule]}])
    policy = next(path for path in store.paths() if path.startswith("ipsecPolicy{"))
    found = [
        # more of them only take time
        *microsoft_entries()[:4],
        *entries_of(store),
        entry(
            _GPO,
            objectClass=["top", "container", "groupPolicyContainer"],
            displayName="G",
            gPCMachineExtensionNames=with_pair(""),
            versionNumber="1",
            uSNChanged="5",
        ),
        entry(
            f"CN=IPSEC,CN=Windows,CN=Microsoft,CN=Machine,{_GPO}",
            objectClass=["top", "ipsecBase", "ipsecPolicy"],
            cn="IPSEC",
            ipsecOwnersReference=dn_of(policy, CONTAINER),
            uSNChanged="4",
        ),
        entry(f"OU=a,{ROOT}", gPLink=f"[LDAP://{_GPO};0]"),
    ]
    closed = (descriptors.CLOSED,)
    return [(one.dn, {**one.attributes, "ntsecuritydescriptor": closed}) for one in found]


_DOMAIN: t.Final = _domain()


def check(data: bytes) -> None:
    """Names and descriptors are read or refused with a `DirectoryError`; so is a domain, whose facts are JSON and
    contain no key.
    """
    kind, rest = data[:1], data[1:]
    if kind == b"n":
        _check_name(text_of(rest))
    elif kind == b"d":
        try:
            members_may_read(rest)
            members_may_read_below(rest)
        except DirectoryError:
            pass
    else:
        _check_domain(Source(rest))


def _check_name(text: str) -> None:
    try:
        parts = parse_dn(text)
        written = ",".join(f"{kind}={escape_value(value)}" for kind, value in parts)
    except DirectoryError:
        return
    if len(written) < DN_LIMIT - 10 and len(parts) < PART_LIMIT:
        assert parse_dn(written) == parts, "a name is written as another one"
        assert same_dn(text, written)
        assert key_below(f"CN=a,{written}" if parts else "CN=a", written) == "a"


def _check_domain(source: Source) -> None:
    entries = [(dn, dict(values)) for dn, values in _DOMAIN]
    own: list[_Values] = [{}, {}]
    for _damage in range(_MOST):
        if not source:
            break
        source.pick(_DAMAGES)(entries, own, source)
    root, container = own
    directory = ListedDirectory((DirectoryEntry(dn, values) for dn, values in entries), root=root, container=container)
    try:
        place = read_place(directory, None)
        state = read_state(directory, place, gpos=True, links=True)
        read_state(directory, place, gpos=False)
    except DirectoryError as error:
        assert TOKEN not in message(error) or _is_shown(entries)
        return
    facts = json.dumps(render_domain_facts(state))
    assert TOKEN not in facts or _is_shown(entries), "the facts contain a key"


def _is_shown(entries: _Entries) -> bool:
    """Whether the text of the key is also in a value that facts show."""
    token = TOKEN.encode()
    return any(token in value for _dn, values in entries for found in values.values() for value in found)


def _values(entries: _Entries, own: list[_Values], source: Source) -> _Values:
    """The attributes of an entry, or changes of those that the server and the container have."""
    found = [*own, *(values for _dn, values in entries)]
    return found[source.number(2) % len(found)]


def _set(entries: _Entries, own: list[_Values], source: Source) -> None:
    """Set the values of an attribute to any bytes."""
    values, name = _values(entries, own, source), source.pick(_NAMES).lower()
    values[name] = tuple(source.bytes(source.number() % 64) for _i in range(source.number() % 4))


def _change(entries: _Entries, own: list[_Values], source: Source) -> None:
    """Change some bytes of the first value of an attribute."""
    values, name = _values(entries, own, source), source.pick(_NAMES).lower()
    place, new = source.number(2), source.bytes(source.number() % 8)
    old = source.number() % 8
    if values.get(name):
        first, *others = values[name]
        place %= len(first) + 1
        values[name] = (first[:place] + new + first[place + old :], *others)


def _refer(entries: _Entries, own: list[_Values], source: Source) -> None:
    """Set a reference to other entries."""
    values, name = _values(entries, own, source), source.pick(_NAMES).lower()
    dns = [entries[source.number() % len(entries)][0] for _i in range(source.number() % 4)] if entries else []
    values[name] = tuple(dn.encode("utf-8", "replace") for dn in dns)


def _remove(entries: _Entries, own: list[_Values], source: Source) -> None:
    values, name = _values(entries, own, source), source.pick(_NAMES).lower()
    values.pop(name, None)


def _drop(entries: _Entries, _own: list[_Values], source: Source) -> None:
    if entries:
        del entries[source.number(2) % len(entries)]


def _copy(entries: _Entries, _own: list[_Values], source: Source) -> None:
    """Copy an entry to the name of another one, with a piece before it."""
    if entries:
        values = entries[source.number(2) % len(entries)][1]
        other = entries[source.number(2) % len(entries)][0]
        piece = text_of(source.bytes(source.number() % 16))
        dn = f"{piece}{other}"
        try:
            # the directory of the tests needs names that can be read
            parse_dn(dn)
        except DirectoryError:
            return
        entries.append((dn, dict(values)))


_DAMAGES: t.Final = (_set, _change, _refer, _remove, _drop, _copy)


def seeds() -> t.Iterator[bytes]:
    for name in (CONTAINER, _GPO, r"CN=a\,b\2Cc\ ,OU=#", "CN = a , DC=b", r"CN=x\0ADEL:1,CN=Deleted Objects,DC=b", ""):
        yield b"n" + name.encode()
    aces = (
        descriptors.ace(descriptors.ALLOW, descriptors.AUTHENTICATED_USERS, flags=descriptors.BELOW),
        descriptors.ace(
            descriptors.DENY_OBJECT,
            descriptors.DOMAIN_COMPUTERS,
            about="b40ff81f-427a-11d1-a9c2-0000f80367c1",
            of_class="b40ff81f-427a-11d1-a9c2-0000f80367c1",
        ),
    )
    for found in (descriptors.READABLE, descriptors.CLOSED, descriptors.descriptor(*aces)):
        yield b"d" + found
    for kind in range(len(_DAMAGES)):
        for number in (0, 1, 2, 7, 12, 13, 14):
            yield b"e" + bytes([kind, number, 0, 5, 1, 4]) + b"text"
