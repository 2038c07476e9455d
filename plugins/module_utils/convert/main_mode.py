# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Main mode: its methods, lifetimes, master PFS."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import blobs
from ..model import MainMode, MainModeMethod
from .common import ENCRYPTION_IDS, INTEGRITY_IDS, lenient, name_of, number_of

GROUP_IDS: t.Final = {1: 1, 2: 2, 14: 0x10000001}
_RANDOM_FUNCTIONS: t.Final = {1: ("des", "md5"), 2: ("des", "sha"), 3: ("3des", "md5"), 4: ("3des", "sha")}


def read_main_mode(blob: blobs.IsakmpBlob) -> MainMode:
    """The lifetime is that of the first method, which wins over the policy-wide one; other methods keep theirs where it
    differs.
    """
    first = blob.methods[0].lifetime_seconds if blob.methods else 0
    lifetime = first or blob.lifetime_seconds or MainMode().lifetime_seconds
    return lenient(
        MainMode,
        tuple(_read_main_mode_method(record, lifetime, blob.quick_mode_limit) for record in blob.methods),
        lifetime,
        blob.quick_mode_limit,
        blob.master_pfs != 0,
    )


def _read_main_mode_method(record: blobs.MainModeRecord, lifetime: int, limit: int) -> MainModeMethod:
    encryption, integrity = name_of(ENCRYPTION_IDS, record.encryption), name_of(INTEGRITY_IDS, record.hash)
    group = next((group for group, number in GROUP_IDS.items() if number == record.group), record.group)
    if record.random_function in _RANDOM_FUNCTIONS:
        encryption, integrity = _RANDOM_FUNCTIONS[record.random_function]
        group = 14
    return lenient(
        MainModeMethod,
        encryption,
        integrity,
        group,
        None if record.lifetime_seconds in (0, lifetime) else record.lifetime_seconds,
        record.lifetime_kilobytes or None,
        None if record.quick_mode_limit == limit else record.quick_mode_limit,
    )


def write_main_mode(main_mode: MainMode, old: blobs.IsakmpBlob | None) -> blobs.IsakmpBlob:
    """The blob of `main_mode`: of `old` all is kept that means the same, and all that the model cannot name."""
    if old is None:
        records = tuple(_write_main_mode_method(method, main_mode, None) for method in main_mode.methods)
        return blobs.IsakmpBlob(records, main_mode.lifetime_seconds, main_mode.quick_mode_limit, int(main_mode.pfs))
    before = read_main_mode(old)
    alike = {_algorithms(method): record for method, record in reversed(_pairs(before, old))}
    same = _by_method(_pairs(before, old)) if _times(before) == _times(main_mode) else {}
    return dataclasses.replace(
        old,
        methods=tuple(
            next(same.get(method, iter(())), None)
            or _write_main_mode_method(method, main_mode, alike.get(_algorithms(method)))
            for method in main_mode.methods
        ),
        # old writers leave the lifetime to the methods
        lifetime_seconds=old.lifetime_seconds
        if before.lifetime_seconds == main_mode.lifetime_seconds
        else old.lifetime_seconds and main_mode.lifetime_seconds,
        quick_mode_limit=main_mode.quick_mode_limit,
        master_pfs=old.master_pfs if before.pfs == main_mode.pfs else int(main_mode.pfs),
    )


def _pairs(main_mode: MainMode, blob: blobs.IsakmpBlob) -> list[tuple[MainModeMethod, blobs.MainModeRecord]]:
    return list(zip(main_mode.methods, blob.methods, strict=True))


def _by_method(
    pairs: list[tuple[MainModeMethod, blobs.MainModeRecord]],
) -> dict[MainModeMethod, t.Iterator[blobs.MainModeRecord]]:
    """The records of each method in their order: a method may stand twice, each time with other junk."""
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
    """A record; what has no name here comes from one with the same algorithms."""

    def own(value: int | None, common: int) -> int:
        return common if value is None else value

    record = alike or blobs.MainModeRecord(
        encryption=number_of(ENCRYPTION_IDS, method.encryption),
        hash=number_of(INTEGRITY_IDS, method.integrity),
        group=GROUP_IDS.get(method.group, method.group),
    )
    return record._replace(
        quick_mode_limit=own(method.quick_mode_limit, main_mode.quick_mode_limit),
        lifetime_kilobytes=own(method.lifetime_kilobytes, 0),
        lifetime_seconds=own(method.lifetime_seconds, main_mode.lifetime_seconds),
    )
