# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads the security associations of a host, instances of CIM classes."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import U32
from .checking import AnswerPart
from .running import Missing

MAIN_MODE_CLASS: t.Final = "MSFT_NetMainModeSA"
QUICK_MODE_CLASS: t.Final = "MSFT_NetQuickModeSA"
ASSOCIATIONS_LIMIT: t.Final = 5_000
"""The most associations of a class that the host module returns."""
_U16: t.Final = 65535
_U8: t.Final = 255


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MainModeAssociation:
    """A main-mode association. Numbers are those of the class; None where the host gives none. `policy` is the key of
    the policy that it belongs to, `local_id` and `remote_id` are what the peers call themselves.
    """

    local: str | None
    remote: str | None
    cipher: int | None
    hash: int | None
    group: int | None
    module: int | None
    policy: str | None
    local_id: str | None
    remote_id: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AssociationTransform:
    """One of the two transforms of a quick-mode association."""

    cipher: int | None
    integrity: int | None
    spi: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QuickModeAssociation:
    """A quick-mode association. Numbers are those of the class; None where the host gives none. `filter` is the id of
    the filter that it belongs to, `main_mode` that of its main-mode association.
    """

    local: str | None
    remote: str | None
    local_port: int | None
    remote_port: int | None
    protocol: int | None
    encapsulation: int | None
    inbound: bool | None
    transforms: tuple[AssociationTransform, ...]
    pfs_group: int | None
    lifetime_seconds: int | None
    lifetime_kilobytes: int | None
    filter: int | None
    main_mode: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Associations:
    """The associations of a host. `missing` has a reason for each class that could not be read."""

    main_mode: tuple[MainModeAssociation, ...] = ()
    quick_mode: tuple[QuickModeAssociation, ...] = ()
    truncated: bool = False
    missing: t.Mapping[str, Missing] = dataclasses.field(default_factory=dict)


def parse_associations(answer: object) -> Associations:
    """The part `associations` of an answer. Raises `AnswerError`."""
    part = AnswerPart(answer, "associations")
    return Associations(
        main_mode=tuple(map(_main_mode, part.items("main_mode", ASSOCIATIONS_LIMIT))),
        quick_mode=tuple(map(_quick_mode, part.items("quick_mode", ASSOCIATIONS_LIMIT))),
        truncated=part.get("truncated", bool),
        missing=part.errors(),
    )


def _main_mode(found: AnswerPart) -> MainModeAssociation:
    return MainModeAssociation(
        local=found.optional("LocalEndpoint", str),
        remote=found.optional("RemoteEndpoint", str),
        cipher=found.optional_number("CipherAlgorithm", _U16),
        hash=found.optional_number("HashAlgorithm", _U16),
        group=found.optional_number("GroupId", _U16),
        module=found.optional_number("KeyModule", _U16),
        policy=found.optional("IkePolicyKey", str),
        local_id=_identity(found, "LocalFirstId"),
        remote_id=_identity(found, "RemoteFirstId"),
    )


def _identity(found: AnswerPart, key: str) -> str | None:
    return None if found.optional(key, dict) is None else found.part(key).optional("Identity", str)


def _quick_mode(found: AnswerPart) -> QuickModeAssociation:
    transforms = [
        AssociationTransform(
            cipher=found.optional_number(f"{which}CipherAlgorithm", U32),
            integrity=found.optional_number(f"{which}IntegrityAlgorithm", U32),
            spi=found.optional_number(spi, U32),
        )
        for which, spi in (("First", "SPI"), ("Second", "SecondSPI"))
    ]
    return QuickModeAssociation(
        local=found.optional("LocalEndpoint", str),
        remote=found.optional("RemoteEndpoint", str),
        local_port=found.optional_number("LocalPort", _U16),
        remote_port=found.optional_number("RemotePort", _U16),
        protocol=found.optional_number("IpProtocol", _U8),
        encapsulation=found.optional_number("EncapsulationMode", _U16),
        inbound=found.optional("InboundDirection", bool),
        transforms=tuple(one for one in transforms if one.cipher or one.integrity or one.spi),
        pfs_group=found.optional_number("PfsGroupId", U32),
        lifetime_seconds=found.optional_number("LifetimeSeconds"),
        lifetime_kilobytes=found.optional_number("LifetimeKilobytes"),
        filter=found.optional_number("QuickModeFilterId"),
        main_mode=found.optional_number("MmSaId"),
    )
