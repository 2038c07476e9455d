# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pathlib
import subprocess

import pytest
from winhost import regfile, tree
from winhost.host import Host

TESTS = pathlib.Path(__file__).parent.parent.parent
REAL = TESTS / "data" / "windows-2022.reg"
ROOT = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"


def _file(*lines: str) -> bytes:
    return "\r\n".join(["Windows Registry Editor Version 5.00", "", *lines, ""]).encode("utf-16")


def _tree(*lines: str) -> tree.Tree:
    found: tree.Tree = {}
    tree.apply_changes(found, regfile.parse(_file(*lines)))
    return found


def test_a_real_export_comes_out_byte_for_byte():
    found: tree.Tree = {}
    tree.apply_changes(found, regfile.parse(REAL.read_bytes()))
    root = next(key for key in found if key.lower() == ROOT.lower())
    assert regfile.export(found, root) == REAL.read_bytes()


def test_what_an_import_does():
    found = _tree(
        r"[HKEY_LOCAL_MACHINE\A]",
        '"text"="a \\"b\\" \\\\c"',
        '"gone"="x"',
        "@=dword:0000002a",
        '"bytes"=hex:01,02,\\',
        "  03",
        '"strings"=hex(7):61,00,00,00,62,00,00,00,00,00',
        "; a comment",
        '"gone"=-',
        r"[HKEY_LOCAL_MACHINE\A\B]",
        r"[-HKEY_LOCAL_MACHINE\A\B]",
    )
    assert found == {
        "HKLM": {},
        r"HKLM\A": {
            "text": (1, 'a "b" \\c'),
            "": (4, 42),
            "bytes": (3, b"\1\2\3"),
            "strings": (7, ["a", "b"]),
        },
    }


def test_what_regedit_takes_beyond_the_ordinary():
    found = _tree(
        "; a comment that ends like hex ,\\",
        r"[HKEY_LOCAL_MACHINE\A]",
        '"two lines"="a',
        '  "quoted"'.replace('"', '\\"'),
        'b"',
        r"[-HKEY_LOCAL_MACHINE\B]",
        '"of a deleted key"="ignored"',
    )
    assert found[r"HKLM\A"] == {"two lines": (1, 'a\r\n  "quoted"\r\nb')}


def test_texts_of_any_kind_come_back():
    values = {
        "empty among others": (7, ["a", "", "b"]),
        "one empty": (7, [""]),
        "none": (7, []),
        "two lines": (1, "a\r\nb"),
        "a NUL": (1, "a\0b"),
    }
    found: tree.Tree = {}
    tree.apply_changes(found, regfile.parse(regfile.export({r"HKLM\A": values}, r"HKLM\A")))
    assert found[r"HKLM\A"] == values


def test_the_older_format_and_other_encodings():
    text = 'REGEDIT4\r\n[HKEY_LOCAL_MACHINE\\A]\r\n"n"=hex(2):61,62,00\r\n"ä"="ö"\r\n'
    for data in (text.encode(), text.encode("utf-8-sig"), text.encode("cp1252")):
        found: tree.Tree = {}
        tree.apply_changes(found, regfile.parse(data))
        assert found[r"HKLM\A"] == {"n": (2, "ab"), "ä": (1, "ö")}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["[HKEY_NOWHERE\\A]"], "line 3: 'HKEY_NOWHERE' is no hive"),
        (["[HKEY_LOCAL_MACHINE\\A"], "line 3: a key ends with ']'"),
        (['"n"="x"'], "line 3: a value needs a key above it"),
        (["[HKEY_LOCAL_MACHINE\\A]", "n=1"], 'line 4: a value is "name"=data'),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"="x'], "line 4: a text ends with a quotation mark"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=dword:123456789'], "line 4: a dword is"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=hex:zz'], "line 4: bytes are two"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=hex(4):01'], "line 4: a number of type 4 has 4 bytes"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=hex:01,\\'], "the file ends in the middle"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=5'], "line 4: this is none of"),
    ],
)
def test_a_mistake_has_its_line(lines, words):
    data = _file(*lines)
    if "in the middle" in words:
        data = data[: -len("\r\n".encode("utf-16-le"))]
    with pytest.raises(regfile.RegFileError) as caught:
        regfile.parse(data)
    assert words in str(caught.value)


def test_other_files_are_refused():
    for data in (b"", b"nonsense", b"\xff\xfeW", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(regfile.RegFileError, match="line 1"):
            regfile.parse(data)


def test_the_command_reg(tmp_path):
    Host(tmp_path / "win1", "win1", "127.0.0.1")

    def reg(*words):
        return subprocess.run([TESTS / "winhost" / "reg", *words], capture_output=True, text=True, check=False)

    state = ("--state", str(tmp_path))
    assert reg("import", *state, str(REAL)).returncode == 0
    assert reg("export", *state, "--host", "win1", str(tmp_path / "out.reg")).returncode == 0
    exported = (tmp_path / "out.reg").read_bytes().decode("utf-16")
    assert sorted(exported.splitlines()) == sorted(REAL.read_bytes().decode("utf-16").splitlines())
    for words, message in (
        (("export", *state, "--host", "win2", "x.reg"), "there is no host win2"),
        (("import", *state, str(TESTS / "conftest.py")), "line 1: a registry file begins with"),
        (("import", *state, "missing.reg"), "missing.reg"),
    ):
        done = reg(*words)
        assert done.returncode == 1
        assert done.stderr.startswith("reg: ")
        assert message in done.stderr
