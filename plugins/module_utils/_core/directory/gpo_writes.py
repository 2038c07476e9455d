# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The writes that change what one Group Policy object assigns (MS-GPIPSEC 2.2.2, 3.1.5.8).

Each function returns the object as it is afterwards, and the writes. Each modify deletes the values that were read, so
that it fails if somebody else has changed them.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..store.names import DESCRIPTION, NAME, OWNERS
from .dn import deletable
from .errors import DirectoryError
from .extensions import ExtensionsError, with_pair, without_pair
from .gpt import unsigned
from .ldap import AddEntry, AttributeChange, ModifyEntry, Write, swap
from .state import Assignment, Gpo

EXTENSION_NAMES: t.Final = "gPCMachineExtensionNames"
VERSION: t.Final = "versionNumber"
_OBJECT_CLASS: t.Final = "objectClass"
_CONTAINERS: t.Final = ("Machine", "Microsoft", "Windows")
_COMPUTER: t.Final = 0xFFFF
"""The bits of a version that count the changes of the computer's part. The others belong to the user's part."""

Outcome: t.TypeAlias = tuple[Gpo, list[Write]]


def assign(gpo: Gpo, wanted: Assignment) -> Outcome:
    """Make the object refer to a policy, and announce it. Raises `DirectoryError`."""
    if gpo.assignment is None:
        writes = [*_missing_containers(gpo), _new_assignment(gpo, wanted)]
    else:
        writes = [_change_assignment(gpo, gpo.assignment, wanted)]
    return _announced(dataclasses.replace(gpo, assignment=wanted, containers=_CONTAINERS), writes)


def unassign(gpo: Gpo) -> Outcome:
    """Make the object refer to no policy, and announce it. The empty IPSEC object stays. Raises `DirectoryError`."""
    none = Assignment(policy="")
    writes: list[Write] = [_change_assignment(gpo, gpo.assignment or none, none)]
    return _announced(dataclasses.replace(gpo, assignment=none), writes)


def describe(gpo: Gpo, wanted: Assignment) -> Outcome:
    """Change the name and the description of the assigned policy, which are only shown. The version stays, as hosts
    need not know, but the object is written, so that its IPSEC object does not look newer.
    """
    write = _change_assignment(gpo, gpo.assignment or wanted, wanted)
    extensions = _swap(EXTENSION_NAMES, gpo.extensions, gpo.extensions)
    version = _swap(VERSION, _number(gpo.version), _number(gpo.version))
    touched = dataclasses.replace(gpo, assignment=wanted)
    return touched, [write, ModifyEntry(gpo.dn, (*extensions, *version))]


def announce(gpo: Gpo) -> Outcome:
    """Make hosts notice what the object assigns. Raises `DirectoryError`."""
    return _announced(gpo, [])


def _announced(gpo: Gpo, writes: list[Write]) -> Outcome:
    """With one modify more: the pair of IPsec in the list of extensions as the assignment asks for it, and the next
    version.
    """
    change = with_pair if gpo.assignment and gpo.assignment.policy else without_pair
    try:
        extensions = change(gpo.extensions)
    except ExtensionsError as problem:
        raise DirectoryError(
            f"the Group Policy object '{gpo.name}' ({gpo.dn}) cannot be changed: its {problem}"
        ) from None
    version = _next_version(gpo)
    modify = ModifyEntry(
        gpo.dn,
        (
            *_swap(EXTENSION_NAMES, gpo.extensions, extensions),
            *_swap(VERSION, _number(gpo.version), _number(version)),
        ),
    )
    assignment = gpo.assignment and dataclasses.replace(gpo.assignment, usn=0)
    after = dataclasses.replace(gpo, extensions=extensions, version=version, assignment=assignment)
    return after, [*writes, modify]


def _next_version(gpo: Gpo) -> int:
    """The version with one more change of the computer's part, as a number with a sign. It exceeds the one in GPT.INI
    as well, and is never 0, which says that nobody has changed the part.
    """
    version = unsigned(gpo.version or 0)
    changes = max(version & _COMPUTER, (gpo.gpt_version or 0) & _COMPUTER)
    version = version & ~_COMPUTER | (changes + 1 if changes < _COMPUTER else 1)
    return version - (1 << 32) if version >= 1 << 31 else version


def _missing_containers(gpo: Gpo) -> list[Write]:
    missing = _CONTAINERS[len(gpo.containers) :]
    return [AddEntry(_container_dn(gpo, name), ((_OBJECT_CLASS, (b"container",)),)) for name in missing]


def _container_dn(gpo: Gpo, name: str) -> str:
    above = _CONTAINERS[: _CONTAINERS.index(name) + 1]
    return ",".join([*(f"CN={one}" for one in reversed(above)), gpo.dn])


def _assignment_dn(gpo: Gpo) -> str:
    return f"CN=IPSEC,{_container_dn(gpo, _CONTAINERS[-1])}"


def _new_assignment(gpo: Gpo, wanted: Assignment) -> Write:
    values = ((OWNERS, wanted.policy), (NAME, wanted.name), (DESCRIPTION, wanted.description))
    attributes = tuple((name, (value.encode(),)) for name, value in values if value)
    return AddEntry(_assignment_dn(gpo), ((_OBJECT_CLASS, (b"ipsecPolicy",)), *attributes))


def _change_assignment(gpo: Gpo, old: Assignment, new: Assignment) -> Write:
    """The reference is always in it, as a guard. A name counts as equal in any case, so it guards nothing."""
    changes = (
        *_swap(OWNERS, deletable(old.policy), new.policy),
        *(_swap(NAME, old.name, new.name) if old.name != new.name else ()),
        *(_swap(DESCRIPTION, old.description, new.description) if old.description != new.description else ()),
    )
    return ModifyEntry(_assignment_dn(gpo), changes)


def _swap(name: str, old: str, new: str) -> tuple[AttributeChange, ...]:
    """Exchange texts; "" is none."""
    return swap(name, *((text.encode(),) if text else () for text in (old, new)))


def _number(version: int | None) -> str:
    return "" if version is None else str(version)
