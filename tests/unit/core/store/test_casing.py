# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of the comparison of names, with the upper-case table of an NTFS volume as the reference."""

from __future__ import annotations

import os
import pathlib
import shutil
import struct
import subprocess

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from hypothesis import given
from hypothesis import strategies as st

UNITS = 1 << 16
texts = st.text(st.characters(exclude_categories=()), max_size=8)


def _units(text: str) -> tuple[int, ...]:
    data = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack(f"<{len(data) // 2}H", data)


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("ipsecPolicy", "IPSECPOLICY"),
        ("Größe", "GRÖßE"),
        ("дом", "ДОМ"),
        ("S\u0131n\u0131r", "S\u0131N\u0131R"),
        ("\u0130", "\u0130"),
        ("\u212a", "\u212a"),
        ("\u017f", "\u017f"),
        ("\xdf\u1e9e", "\xdf\u1e9e"),
        ("\u03c3\u03c2", "\u03a3\u03c2"),
        ("\xff", "\u0178"),
        ("\ufb01", "\ufb01"),
        ("\U00010428", "\U00010428"),
    ],
    ids=[
        "ascii",
        "umlaut and sharp s",
        "cyrillic",
        "dotless i",
        "capital i with a dot",
        "kelvin sign",
        "long s",
        "sharp s and its capital",
        "sigma and final sigma",
        "y with diaeresis",
        "ligature",
        "deseret",
    ],
)
def test_examples(name, folded):
    assert fold(name) == folded


@given(texts, texts)
def test_each_code_unit_is_mapped_by_itself(one, other):
    assert fold(one + other) == fold(one) + fold(other)
    assert len(_units(fold(one))) == len(_units(one))
    assert fold(fold(one)) == fold(one)


def _upcase_table(image: bytes) -> tuple[int, ...]:
    """The content of the file $UpCase of an NTFS volume: the upper-case unit of each UTF-16 unit."""
    sector, clusters = struct.unpack_from("<HB", image, 0x0B)
    cluster = sector * clusters
    (table,) = struct.unpack_from("<Q", image, 0x30)
    (size,) = struct.unpack_from("<b", image, 0x40)
    size = size * cluster if size > 0 else 1 << -size
    # $UpCase is file 10
    start = table * cluster + 10 * size
    record = bytearray(image[start : start + size])
    assert record[:4] == b"FILE"
    # the last two bytes of each sector are stored in the update sequence
    sequence, count = struct.unpack_from("<HH", record, 4)
    for number in range(1, count):
        record[number * 512 - 2 : number * 512] = record[sequence + 2 * number : sequence + 2 * number + 2]
    (at,) = struct.unpack_from("<H", record, 0x14)
    while True:
        kind, length, non_resident = struct.unpack_from("<IIB", record, at)
        assert kind != 0xFFFFFFFF, "$UpCase has no data"
        if kind == 0x80:
            break
        at += length
    assert non_resident
    (runs,) = struct.unpack_from("<H", record, at + 0x20)
    (length,) = struct.unpack_from("<Q", record, at + 0x30)
    data = b"".join(image[first * cluster : (first + number) * cluster] for first, number in _runs(record[at + runs :]))
    assert length == 2 * UNITS
    return struct.unpack(f"<{UNITS}H", data[:length])


def _runs(data: bytes) -> list[tuple[int, int]]:
    """The runs of clusters of a file: the first cluster and the number of clusters."""
    found = []
    at = first = 0
    while head := data[at]:
        sizes = head & 15, head >> 4
        number = int.from_bytes(data[at + 1 : at + 1 + sizes[0]], "little")
        at += 1 + sizes[0]
        first += int.from_bytes(data[at : at + sizes[1]], "little", signed=True)
        at += sizes[1]
        found.append((first, number))
    return found


@pytest.mark.judge
def test_the_table_is_that_of_ntfs(tmp_path):
    mkntfs = shutil.which("mkntfs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if mkntfs is None:
        problem = "there is no mkntfs; it is in the package ntfs-3g (Debian: apt install ntfs-3g)"
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)
    image: pathlib.Path = tmp_path / "ntfs.img"
    with image.open("wb") as file:
        file.truncate(8 << 20)
    options = ("--force", "--quick", "--quiet", "--partition-start", "0", "--heads", "255", "--sectors-per-track", "63")
    subprocess.run([mkntfs, *options, image], check=True, capture_output=True, timeout=60)
    table = _upcase_table(image.read_bytes())
    wrong = {f"U+{unit:04X}": f"U+{upper:04X}" for unit, upper in enumerate(table) if fold(chr(unit)) != chr(upper)}
    assert wrong == {}
