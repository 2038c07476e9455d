# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The searches that read a domain."""

from __future__ import annotations

import functools
import re
import typing as t

from ..objects.graph import Graph, ObjectClass
from ..store.casing import fold
from ..store.names import DATA, DESCRIPTION, NAME, OWNERS
from .descriptors import members_may_read, members_may_read_below
from .dn import DistinguishedName, comparable, dn_of, name_above, parse_dn
from .entries import (
    ATTRIBUTES,
    CLASSES,
    DESCRIPTOR,
    USN,
    Objects,
    parse_time,
    parse_usn,
    read_objects,
    single,
    single_text,
    texts,
)
from .errors import DirectoryError, ResultCode, ResultError
from .ldap import Directory, DirectoryEntry, Scope, Search
from .metadata import METADATA, parse_metadata
from .state import Assignment, DirectoryState, Gpo, Link, Place

_READ_ONLY: t.Final = "1.2.840.113556.1.4.1920"
"""The capability of a domain controller that takes no writes (MS-ADTS 3.1.1.3.4.3)."""
_ROOT: t.Final = "defaultNamingContext"
_CONFIGURATION: t.Final = "configurationNamingContext"
_SERVER: t.Final = "dnsHostName"
_TIME: t.Final = "currentTime"
_CAPABILITIES: t.Final = "supportedCapabilities"

MAY_CREATE: t.Final = "allowedChildClassesEffective"

_NAME: t.Final = "displayName"
_VERSION: t.Final = "versionNumber"
_EXTENSIONS: t.Final = "gPCMachineExtensionNames"
_PATH: t.Final = "gPCFileSysPath"
_FLAGS: t.Final = "flags"
_LINKS: t.Final = "gPLink"
_LINK: t.Final = re.compile(r"\[LDAP://([^\[\]]*);([0-9]{1,9})\]", re.IGNORECASE)
_LINK_DISABLED: t.Final = 1
_LINK_ENFORCED: t.Final = 2
_LINK_LIMIT: t.Final = 1000
"""The most Group Policy objects that are linked to one place; Windows applies 999."""
_ASSIGNMENT_PATH: t.Final = (("CN", "IPSEC"), ("CN", "WINDOWS"), ("CN", "MICROSOFT"), ("CN", "MACHINE"))
"""Where the IPSEC object of a Group Policy object is below it (MS-GPIPSEC 2.2.2), folded."""
_GROUP_POLICY: t.Final = "GROUPPOLICYCONTAINER"
_NUMBER: t.Final = re.compile(r"-?[0-9]{1,10}")


def read_place(directory: Directory, domain: str | None) -> Place:
    """Where the policies of the server's domain are. Raises `DirectoryError`, also if that is not `domain`."""
    server = _root_entry(directory)
    root = single_text(server, _ROOT)
    if not root:
        raise DirectoryError(f"{directory.server} is not a domain controller: it says nothing about its domain")
    labels = [value for kind, value in parse_dn(root) if fold(kind) == "DC"]
    found = ".".join(labels)
    if domain is not None and fold(domain.rstrip(".")) != fold(found):
        raise DirectoryError(
            f"{directory.server} is a domain controller of {found}, not of {domain}: name a server of {domain}, or "
            f"write domain: {found}"
        )
    return Place(
        domain=found,
        root=root,
        server=single_text(server, _SERVER) or directory.server,
        read_only=_READ_ONLY in texts(server, _CAPABILITIES),
    )


def read_state(
    directory: Directory,
    place: Place,
    *,
    gpos: bool,
    links: bool = False,
    names: t.Mapping[str, t.Sequence[str]] | None = None,
) -> DirectoryState:
    """The policies of a domain and their assignments. `gpos` reads all Group Policy objects, not only those with an
    assignment, with their names and versions; `links` also reads where these are linked. Raises `DirectoryError`, also
    for objects whose values the user may not read: they would be taken for none.
    """
    server = _root_entry(directory)
    container = _read_container(directory, place)
    objects = read_objects(
        directory.search(Search(base=place.container, scope=Scope.ONE_LEVEL, attributes=ATTRIBUTES, descriptors=True)),
        place.container,
    )
    graph = Graph(objects.store)
    _check_not_hidden(objects, graph, place)
    time = single_text(server, _TIME)
    return DirectoryState(
        place=place,
        graph=graph,
        usns=objects.usns,
        references=_read_references(directory, place, graph, objects.usns),
        gpos=_read_gpos(directory, place, whole=gpos, links=_read_links(directory, place, server) if links else None),
        now=0 if time is None else parse_time(time, server, _TIME),
        names=names or {},
        may_create={fold(c) for c in ObjectClass} <= {fold(name) for name in texts(container, MAY_CREATE)},
        closed=_closed(objects, container),
    )


def _read_references(
    directory: Directory, place: Place, graph: Graph, usns: t.Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """When the references of objects that own unused ones were changed last. What has changed since these were read,
    or may not be read, is left out.
    """
    found: dict[str, dict[str, int]] = {}
    for owner in dict.fromkeys(owner for key in graph.leftovers() for owner in graph.owners(key) if owner in graph):
        search = Search(base=dn_of(graph.path(owner), place.container), attributes=(METADATA,))
        try:
            entries = directory.search(search)
        except ResultError as error:
            if error.code != ResultCode.NO_SUCH_OBJECT:
                raise
            continue
        for entry in entries:
            changes = parse_metadata(single(entry, METADATA) or b"")
            if all(usn <= usns.get(owner, 0) for usn in changes.values()):
                found[owner] = changes
    return found


def _root_entry(directory: Directory) -> DirectoryEntry:
    """What the server says about itself."""
    found = directory.search(Search(base="", attributes=(_ROOT, _CONFIGURATION, _SERVER, _TIME, _CAPABILITIES)))
    if len(found) != 1:
        raise DirectoryError(
            f"{directory.server} says nothing about itself; an LDAP server has one entry without a name"
        )
    return found[0]


def _read_container(directory: Directory, place: Place) -> DirectoryEntry:
    try:
        found = directory.search(Search(base=place.container, attributes=(MAY_CREATE, DESCRIPTOR), descriptors=True))
    except ResultError as error:
        if error.code != ResultCode.NO_SUCH_OBJECT:
            raise
        found = []
    if len(found) != 1:
        raise DirectoryError(
            f"{place.container} does not exist on {place.server}, or the user may not see it: each domain of Active "
            "Directory has it"
        )
    return found[0]


def _closed(objects: Objects, container: DirectoryEntry) -> frozenset[str] | None:
    """What members of the domain may not read, as in `DirectoryState`."""
    below = single(container, DESCRIPTOR)
    if below is None and not objects.descriptors:
        return None
    readable = functools.cache(members_may_read)
    closed: set[str] = set()
    for key, descriptor in objects.descriptors.items():
        try:
            if not readable(descriptor):
                closed.add(key)
        except DirectoryError as error:
            dn = dn_of(objects.store.spelling(key), container.dn)
            raise DirectoryError(f"{DESCRIPTOR} of {dn}: {error}") from None
    try:
        if below is not None and not members_may_read_below(below):
            closed.add("")
    except DirectoryError as error:
        raise DirectoryError(f"{DESCRIPTOR} of {container.dn}: {error}") from None
    return frozenset(closed)


def _check_not_hidden(objects: Objects, graph: Graph, place: Place) -> None:
    """Raise `DirectoryError` if there are objects that the user may not read."""
    hidden, right = sorted(objects.unreadable), "all properties"
    if not hidden:
        # policies have no data while they are created
        parts = [key for class_ in ObjectClass if class_ is not ObjectClass.POLICY for key in graph.of_class(class_)]
        hidden, right = ([], "") if any(graph.data(key) is not None for key in parts) else (parts, DATA)
    if hidden:
        count = f"{len(hidden)} of the {len(objects.store.paths())} objects"
        raise DirectoryError(
            f"the user may not read {count} in {place.container} on {place.server}, for example "
            f"{graph.path(hidden[0])}: the right to read {right} of these objects is missing"
        )


def _read_gpos(
    directory: Directory, place: Place, *, whole: bool, links: t.Mapping[DistinguishedName, tuple[Link, ...]] | None
) -> tuple[Gpo, ...]:
    """The Group Policy objects, sorted by name; if not `whole`, those with an IPSEC object, without their names."""
    assignments = _read_assignments(directory, place)
    if whole:
        found = _read_whole_gpos(directory, place, assignments, links)
    else:
        found = [Gpo(dn=dn, id=_id(dn), name=_id(dn), assignment=one) for dn, one in assignments.values()]
    return tuple(sorted(found, key=lambda gpo: (fold(gpo.name), fold(gpo.id))))


def _read_whole_gpos(
    directory: Directory,
    place: Place,
    assignments: t.Mapping[DistinguishedName, tuple[str, Assignment]],
    links: t.Mapping[DistinguishedName, tuple[Link, ...]] | None,
) -> list[Gpo]:
    # a Group Policy object is a container, too
    search = Search(
        base=place.group_policies,
        scope=Scope.SUBTREE,
        match=((CLASSES, "container"),),
        attributes=(CLASSES, _NAME, _VERSION, _EXTENSIONS, _PATH, _FLAGS, USN),
    )
    entries: dict[DistinguishedName, DirectoryEntry] = {}
    for entry in directory.search(search):
        if entries.setdefault(comparable(entry.dn), entry) is not entry:
            raise DirectoryError(f"the server lists {entry.dn} twice")
    above = comparable(place.group_policies)
    found: list[Gpo] = []
    for key, entry in entries.items():
        if key[1:] == above and _GROUP_POLICY in map(fold, texts(entry, CLASSES)):
            _dn, assignment = assignments.get(key, ("", None))
            its_links = None if links is None else links.get(key, ())
            found.append(_gpo(entry, assignment, _containers(key, entries), its_links))
    return found


def _containers(gpo: DistinguishedName, entries: t.Container[DistinguishedName]) -> tuple[str, ...]:
    """The containers on the way from a Group Policy object to its IPSEC object, as far as they exist."""
    found: list[str] = []
    for part in reversed(_ASSIGNMENT_PATH[1:]):
        gpo = (part, *gpo)
        if gpo not in entries:
            break
        found.append(part[1].capitalize())
    return tuple(found)


def _gpo(
    entry: DirectoryEntry, assignment: Assignment | None, containers: tuple[str, ...], links: tuple[Link, ...] | None
) -> Gpo:
    return Gpo(
        dn=entry.dn,
        id=_id(entry.dn),
        name=single_text(entry, _NAME) or _id(entry.dn),
        version=_number(entry, _VERSION),
        extensions=single_text(entry, _EXTENSIONS) or "",
        path=single_text(entry, _PATH) or "",
        flags=_number(entry, _FLAGS) or 0,
        usn=_usn(entry),
        assignment=assignment,
        containers=containers,
        links=links,
    )


def _id(dn: str) -> str:
    return parse_dn(dn)[0][1]


def _number(entry: DirectoryEntry, name: str) -> int | None:
    """A number of 32 bits, with its sign."""
    text = single_text(entry, name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise DirectoryError(f"{name} of {entry.dn} is not a number")
    return int(text)


def _usn(entry: DirectoryEntry) -> int:
    text = single_text(entry, USN)
    return 0 if text is None else parse_usn(text, entry)


def _read_assignments(directory: Directory, place: Place) -> dict[DistinguishedName, tuple[str, Assignment]]:
    """The IPSEC objects, by the comparable names of their Group Policy objects, with these as text."""
    above = comparable(place.group_policies)
    found: dict[DistinguishedName, tuple[str, Assignment]] = {}
    for entry in directory.search(
        Search(
            base=place.group_policies,
            scope=Scope.SUBTREE,
            match=((CLASSES, "ipsecPolicy"), ("cn", "IPSEC")),
            attributes=(OWNERS, NAME, DESCRIPTION, USN),
        )
    ):
        parts = comparable(entry.dn)
        depth = len(_ASSIGNMENT_PATH)
        # other places have no meaning
        if parts[:depth] != _ASSIGNMENT_PATH or parts[depth + 1 :] != above:
            continue
        if parts[depth:] in found:
            raise DirectoryError(f"the server lists {entry.dn} twice")
        found[parts[depth:]] = (name_above(entry.dn, depth), _assignment(entry))
    return found


def _assignment(entry: DirectoryEntry) -> Assignment:
    policies = texts(entry, OWNERS)
    if len(policies) > 1:
        raise DirectoryError(f"{entry.dn} assigns {len(policies)} policies ({OWNERS}); it can assign one")
    for policy in policies:
        try:
            parse_dn(policy)
        except DirectoryError as error:
            raise DirectoryError(f"{OWNERS} of {entry.dn}: {error}") from None
    return Assignment(
        policy="".join(policies),
        name=single_text(entry, NAME) or "",
        description=single_text(entry, DESCRIPTION) or "",
        usn=_usn(entry),
    )


def _read_links(
    directory: Directory, place: Place, server: DirectoryEntry
) -> dict[DistinguishedName, tuple[Link, ...]]:
    """Where Group Policy objects are linked, by their comparable names."""
    found: dict[DistinguishedName, tuple[Link, ...]] = {}
    bases = [place.root]
    if configuration := single_text(server, _CONFIGURATION):
        bases.append(f"CN=Sites,{configuration}")
    for base in bases:
        for entry in directory.search(
            Search(base=base, scope=Scope.SUBTREE, match=((_LINKS, None),), attributes=(_LINKS,))
        ):
            for name, flags in _parse_links(single_text(entry, _LINKS) or "", entry):
                link = Link(dn=entry.dn, enabled=not flags & _LINK_DISABLED, enforced=bool(flags & _LINK_ENFORCED))
                found[name] = (*found.get(name, ()), link)
    return found


def _parse_links(text: str, entry: DirectoryEntry) -> list[tuple[DistinguishedName, int]]:
    """The comparable names of Group Policy objects in gPLink, with their flags (MS-GPOL 2.2.2)."""
    found = _LINK.findall(text)
    if len(found) > _LINK_LIMIT:
        raise DirectoryError(f"{_LINKS} of {entry.dn} has {len(found)} links; at most {_LINK_LIMIT} are possible")
    try:
        return [(comparable(dn), int(flags)) for dn, flags in found]
    except DirectoryError as error:
        raise DirectoryError(f"{_LINKS} of {entry.dn}: {error}") from None
