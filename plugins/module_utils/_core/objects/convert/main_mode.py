# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Main mode: methods, lifetimes, master key PFS (MS-GPIPSEC 2.2.1.2.1)."""

from __future__ import annotations

import dataclasses
import typing as t

from ...model import Encryption, Group, Integrity, MainMode, MainModeMethod, defaults
from .. import blobs
from .common import ENCRYPTION_IDS, INTEGRITY_IDS, lenient, name_of, number_of

_GROUP_IDS: t.Final[t.Mapping[int, int]] = {Group.MODP_768: 1, Group.MODP_1024: 2, Group.MODP_2048: 0x10000001}
_RANDOM_FUNCTIONS: t.Final = {
    1: (Encryption.DES, Integrity.MD5),
    2: (Encryption.DES, Integrity.SHA),
    3: (Encryption.TRIPLE_DES, Integrity.MD5),
    4: (Encryption.TRIPLE_DES, Integrity.SHA),
}


def read_main_mode(blob: blobs.IsakmpBlob) -> MainMode:
    """The meaning of a blob. The lifetime is that of the first method, which wins over the policy-wide one; other
    methods keep theirs where it differs.
    """
    return lenient(
        MainMode,
        methods=tuple(map(_read_main_mode_method, blob.methods)),
        lifetime_seconds=_lifetime(blob),
        quick_mode_limit=blob.quick_mode_limit,
        pfs=blob.master_pfs != 0,
    )


def _lifetime(blob: blobs.IsakmpBlob) -> int:
    """The lifetime in seconds that is in force."""
    first = blob.methods[0].lifetime_seconds if blob.methods else 0
    return first or blob.lifetime_seconds or defaults.MAIN_MODE_LIFETIME


def _read_main_mode_method(record: blobs.MainModeRecord) -> MainModeMethod:
    encryption, integrity = name_of(ENCRYPTION_IDS, record.encryption), name_of(INTEGRITY_IDS, record.hash)
    group = next((group for group, number in _GROUP_IDS.items() if number == record.group), record.group)
    if record.random_function in _RANDOM_FUNCTIONS:
        encryption, integrity = _RANDOM_FUNCTIONS[record.random_function]
        group = Group.MODP_2048
    return lenient(
        MainModeMethod,
        encryption=encryption,
        integrity=integrity,
        group=group,
        lifetime_seconds=record.lifetime_seconds,
        lifetime_kilobytes=record.lifetime_kilobytes,
        quick_mode_limit=record.quick_mode_limit,
    )


def write_main_mode(main_mode: MainMode, old: blobs.IsakmpBlob | None) -> blobs.IsakmpBlob:
    """The blob of `main_mode`. Fields of `old` that mean the same, or that the model has no name for, are kept."""
    if old is None:
        records = tuple(_write_main_mode_method(method, main_mode, None) for method in main_mode.methods)
        return blobs.IsakmpBlob(
            methods=records,
            lifetime_seconds=main_mode.lifetime_seconds,
            quick_mode_limit=main_mode.quick_mode_limit,
            master_pfs=int(main_mode.pfs),
        )
    before = read_main_mode(old)
    alike = {_algorithms(method): record for method, record in reversed(_pairs(before, old))}
    same = _by_method(_pairs(before, old)) if _times(before) == _times(main_mode) else {}
    methods = [
        next(same.get(method, iter(())), None)
        or _write_main_mode_method(method, main_mode, alike.get(_algorithms(method)))
        for method in main_mode.methods
    ]
    lifetime = old.lifetime_seconds
    if before.lifetime_seconds != main_mode.lifetime_seconds:
        # older writers leave the lifetime to the methods
        lifetime = lifetime and main_mode.lifetime_seconds
    blob = dataclasses.replace(
        old,
        methods=tuple(methods),
        lifetime_seconds=lifetime,
        quick_mode_limit=main_mode.quick_mode_limit,
        master_pfs=old.master_pfs if before.pfs == main_mode.pfs else int(main_mode.pfs),
    )
    if not methods or _lifetime(blob) == main_mode.lifetime_seconds:
        return blob
    # the first record decides, and a kept one may have no lifetime
    first = dataclasses.replace(methods[0], lifetime_seconds=main_mode.lifetime_seconds)
    return dataclasses.replace(blob, methods=(first, *methods[1:]))


def _pairs(main_mode: MainMode, blob: blobs.IsakmpBlob) -> list[tuple[MainModeMethod, blobs.MainModeRecord]]:
    return list(zip(main_mode.methods, blob.methods, strict=True))


def _by_method(
    pairs: list[tuple[MainModeMethod, blobs.MainModeRecord]],
) -> dict[MainModeMethod, t.Iterator[blobs.MainModeRecord]]:
    """The records of each method in order. A method may appear twice, with different junk."""
    found: dict[MainModeMethod, list[blobs.MainModeRecord]] = {}
    for method, record in pairs:
        found.setdefault(method, []).append(record)
    return {method: iter(records) for method, records in found.items()}


def _algorithms(method: MainModeMethod) -> tuple[str, str, int]:
    return method.encryption, method.integrity, method.group


def _times(main_mode: MainMode) -> tuple[int, int]:
    return main_mode.lifetime_seconds, main_mode.quick_mode_limit


def _write_main_mode_method(
    method: MainModeMethod, main_mode: MainMode, alike: blobs.MainModeRecord | None
) -> blobs.MainModeRecord:
    """A record. Fields without a name in the model come from a record with the same algorithms."""

    def own(value: int | None, common: int) -> int:
        return common if value is None else value

    record = alike or blobs.MainModeRecord(
        encryption=number_of(ENCRYPTION_IDS, method.encryption),
        hash=number_of(INTEGRITY_IDS, method.integrity),
        group=_GROUP_IDS.get(method.group, method.group),
    )
    return dataclasses.replace(
        record,
        quick_mode_limit=own(method.quick_mode_limit, main_mode.quick_mode_limit),
        lifetime_kilobytes=own(method.lifetime_kilobytes, 0),
        lifetime_seconds=own(method.lifetime_seconds, main_mode.lifetime_seconds),
    )
