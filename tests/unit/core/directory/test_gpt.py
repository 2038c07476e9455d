# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""GPT.INI: its version, and the command for people who change it by hand."""

from __future__ import annotations

import codecs
import os
import subprocess

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.gpt import (
    SIZE_LIMIT,
    GptChange,
    GptUnreachable,
    gpt_command,
    gpt_path,
    not_written,
    parse_gpt_ini,
    unsigned,
    write_gpt_ini,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.state import Gpo
from hypothesis import given
from hypothesis import strategies as st
from winhost.engine_powershell import find_pwsh

GUID = "{31B2F340-016D-11D2-945F-00C04FB984F9}"
PATH = rf"\\ad.example.test\sysvol\ad.example.test\Policies\{GUID}"
GPO = Gpo(dn=f"CN={GUID},CN=Policies,CN=System,DC=ad,DC=example,DC=test", id=GUID, name="Servers", path=PATH)
CHANGE = GptChange(gpo=GPO, old=5, new=6)
ENCODINGS = {
    "ASCII": (b"", "latin-1"),
    "UTF-8": (codecs.BOM_UTF8, "utf-8"),
    "UTF-16": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "UTF-16 BE": (codecs.BOM_UTF16_BE, "utf-16-be"),
}
versions = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("[General]\r\nVersion=65537\r\n", 65537),
        ("[General]\r\nVersion=0", 0),
        ("[general]\n version = 7 \n", 7),
        ("[General]\r\ndisplayName=x\r\nVersion=3\r\n", 3),
        ("[Other]\r\nVersion=1\r\n[General]\r\nVersion=2\r\nVersion=4\r\n", 2),
        ("[General]\r\nVersion=-65535\r\n", 4294901761),
        ("[General]\r\n", 0),
        ("Version=1\r\n", 0),
        ("", 0),
    ],
)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_version_is_read_as_windows_reads_it(text, version, encoding):
    mark, name = ENCODINGS[encoding]
    assert parse_gpt_ini(mark + text.encode(name)) == version


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[General]\r\nVersion=5\r\n", "[General]\r\nVersion=6\r\n"),
        ("[General]\nVersion=5", "[General]\nVersion=6"),
        ("; é\r\n[General]\r\n version =  5  \r\nx=1\r\n", "; é\r\n[General]\r\n version =  6  \r\nx=1\r\n"),
        ("[A]\r\nVersion=5\r\n[General]\r\nVersion=5\r\n", "[A]\r\nVersion=5\r\n[General]\r\nVersion=6\r\n"),
        ("[General]\r\nx=1\r\n", "[General]\r\nVersion=6\r\nx=1\r\n"),
        ("[General]", "[General]\r\nVersion=6\r\n"),
        ("[A]\nVersion=5", "[A]\nVersion=5\n[General]\nVersion=6\n"),
        ("", "[General]\r\nVersion=6\r\n"),
    ],
)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_only_the_version_changes(before, after, encoding):
    mark, name = ENCODINGS[encoding]
    assert write_gpt_ini(mark + before.encode(name), 6) == mark + after.encode(name)


@given(st.sampled_from(list(ENCODINGS)), st.text(st.characters(codec="latin-1"), max_size=80), versions)
def test_any_file_has_the_version_that_was_written(encoding, text, version):
    mark, name = ENCODINGS[encoding]
    data = mark + text.encode(name)
    try:
        parse_gpt_ini(data)
    except GptUnreachable:
        return
    written = write_gpt_ini(data, version)
    assert parse_gpt_ini(written) == version
    assert write_gpt_ini(written, version) == written


@given(st.binary(max_size=60).map(lambda data: data + b"[General]\r\nVersion=5\r\n") | st.binary(max_size=60))
def test_any_bytes_are_read_or_an_error(data):
    try:
        version = parse_gpt_ini(data)
    except GptUnreachable:
        return
    assert 0 <= version < 2**32
    assert parse_gpt_ini(write_gpt_ini(data, 7)) == 7


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_other_bytes_stay_as_they_are(before, after):
    before, after = before.replace(b"[", b"(").replace(b"\xff", b"").replace(b"\xfe", b""), after.replace(b"=", b"-")
    data = before + b"\r\n[General]\r\nVersion=5\r\n" + after
    assert write_gpt_ini(data, 6) == before + b"\r\n[General]\r\nVersion=6\r\n" + after


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[General]\r\nVersion=abc\r\n", "the file has the version 'abc', which is not a number"),
        (b"[General]\r\nVersion=\r\n", "the file has the version '', which is not a number"),
        (b"[General]\r\nVersion=\x1b\r\n", r"the file has the version '\u001b', which is not a number"),
        (codecs.BOM_UTF16_LE + b"[", "the file is not text in UTF-16, although it starts like that"),
        (b" " * (SIZE_LIMIT + 1), "the file has 65537 bytes, more than 65536"),
    ],
)
def test_another_file_is_not_touched(data, reason):
    with pytest.raises(GptUnreachable) as error:
        parse_gpt_ini(data)
    assert error.value.reason == reason


@pytest.mark.parametrize(("version", "expected"), [(0, 0), (65537, 65537), (-65535, 4294901761)])
def test_the_directory_has_the_version_with_a_sign(version, expected):
    assert unsigned(version) == expected


def test_the_file_is_read_on_the_server_that_ldap_uses():
    assert gpt_path(GPO, "dc1.ad.example.test") == (
        rf"\\dc1.ad.example.test\sysvol\ad.example.test\Policies\{GUID}\GPT.INI"
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        r"\\ad.example.test\sysvol",
        rf"\\ad.example.test\c$\ad.example.test\Policies\{GUID}",
        rf"\\ad.example.test\sysvol\..\Policies\{GUID}",
        rf"\\ad.example.test\sysvol\a/../b\Policies\{GUID}",
        rf"\\ad.example.test\sysvol\ad.example.test\Policies\{GUID}\..",
        r"\\ad.example.test\sysvol\ad.example.test\Policies\{00000000-0000-0000-0000-000000000000}",
        rf"C:\Windows\SYSVOL\sysvol\ad.example.test\Policies\{GUID}",
    ],
)
def test_a_path_outside_of_sysvol_is_not_used(path):
    gpo = Gpo(dn=GPO.dn, id=GUID, name="Servers", path=path)
    with pytest.raises(GptUnreachable, match="gPCFileSysPath is"):
        gpt_path(gpo, "dc1")
    assert not_written(GptChange(gpo=gpo, old=1, new=2), "dc1", "it is down").endswith(
        "set Version=2 in the file GPT.INI of this Group Policy object"
    )


def test_the_warning_has_the_reason_and_the_command():
    file = rf"'\\dc1.ad.example.test\sysvol\ad.example.test\Policies\{GUID}\GPT.INI'"
    assert not_written(CHANGE, "dc1.ad.example.test", "dc1.ad.example.test takes no connections") == (
        "GPT.INI of the Group Policy object 'Servers' could not be changed: dc1.ad.example.test takes no connections. "
        "Hosts may not notice the change before the file has the new version; run this command in PowerShell as a "
        rf"domain administrator: (Get-Content -LiteralPath {file}) -replace '^\s*Version\s*=.*', 'Version=6' | "
        f"Set-Content -LiteralPath {file}"
    )


def test_a_quotation_mark_in_a_path_stays_in_it():
    gpo = Gpo(dn=GPO.dn, id=GUID, name="x", path=f"\\\\d\\sysvol\\a'; calc '\u2019\\Policies\\{GUID}")
    command = gpt_command(GptChange(gpo=gpo, old=1, new=2), "dc1")
    assert f"'\\\\dc1\\sysvol\\a''; calc ''\u2019\u2019\\Policies\\{GUID}\\GPT.INI'" in command


def test_the_command_changes_only_the_version(tmp_path):
    if find_pwsh() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no pwsh on PATH")
    file = tmp_path / "GPT.INI"
    file.write_bytes(b"[General]\r\nVersion=5\r\ndisplayName=New Group Policy Object\r\n")
    command = gpt_command(CHANGE, "dc1").replace(gpt_path(GPO, "dc1"), str(file))
    subprocess.run(["pwsh", "-NoProfile", "-Command", command], check=True, timeout=120)
    lines = file.read_bytes().splitlines()
    assert lines == [b"[General]", b"Version=6", b"displayName=New Group Policy Object"]
