# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The reader and writer of .reg files, and the command `reg`."""

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


def test_a_real_export_is_the_same_after_import_and_export():
    found: tree.Tree = {}
    tree.apply_changes(found, regfile.parse(REAL.read_bytes()))
    root = next(key for key in found if key.lower() == ROOT.lower())
    assert regfile.export(found, root) == REAL.read_bytes()


def test_an_import():
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


def test_unusual_input_that_regedit_accepts():
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


def test_all_kinds_of_texts_survive_export_and_import():
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


@pytest.mark.parametrize(("one", "other"), [("k", "\u212a"), ("i", "\u0131"), ("\xe5", "\u212b"), ("\xdf", "\u1e9e")])
def test_names_are_compared_by_code_units(one, other):
    lines = [rf"[HKEY_LOCAL_MACHINE\A\{name}]" for name in (one, other)]
    values = [f'"{name}"="{name}"' for name in (one, other)]
    found = _tree(*lines, *values)
    assert found.keys() == {"HKLM", r"HKLM\A", rf"HKLM\A\{one}", rf"HKLM\A\{other}"}
    assert found[rf"HKLM\A\{other}"] == {one: (1, one), other: (1, other)}
    assert _tree(r"[HKEY_LOCAL_MACHINE\å]", r"[HKEY_LOCAL_MACHINE\Å]").keys() == {"HKLM", "HKLM\\\xe5"}


def test_the_older_format_and_other_encodings():
    text = 'REGEDIT4\r\n[HKEY_LOCAL_MACHINE\\A]\r\n"n"=hex(2):61,62,00\r\n"ä"="ö"\r\n'
    for data in (text.encode("utf-8-sig"), text.encode("cp1252")):
        found: tree.Tree = {}
        tree.apply_changes(found, regfile.parse(data))
        assert found[r"HKLM\A"] == {"n": (2, "ab"), "ä": (1, "ö")}


@pytest.mark.parametrize("header", ["Windows Registry Editor Version 5.00", "REGEDIT4"])
def test_a_file_without_a_mark_is_in_the_western_code_page(header):
    text = f'{header}\r\n[HKEY_LOCAL_MACHINE\\A]\r\n"ä"="€\x81"\r\n'
    # valid UTF-8, which regedit does not recognize
    (wide,) = (change for change in regfile.parse(text.encode()) if change[0] == "set")
    assert wide == ("set", r"HKLM\A", "Ã¤", 1, "â‚¬Â\x81")
    (narrow,) = (change for change in regfile.parse(text.encode("latin-1", "replace").replace(b"?", b"\x80"))[1:])
    assert narrow == ("set", r"HKLM\A", "ä", 1, "€\x81")


@pytest.mark.parametrize(
    ("line", "kind", "data"),
    [
        ("hex(4):01", 4, b"\1"),
        ("hex(4):", 4, b""),
        ("hex(4):01,00,00,00", 4, 1),
        ("hex(4):01,02,03,04,05,06,07,08", 4, bytes(range(1, 9))),
        ("hex(b):01,00,00,00", 11, b"\1\0\0\0"),
        ("hex(b):02,00,00,00,00,00,00,00", 11, 2),
    ],
)
def test_numbers_of_any_size_are_imported_and_exported(line, kind, data):
    found = _tree(r"[HKEY_LOCAL_MACHINE\A]", f'"n"={line}')
    assert found[r"HKLM\A"] == {"n": (kind, data)}
    again: tree.Tree = {}
    tree.apply_changes(again, regfile.parse(regfile.export(found, r"HKLM\A")))
    assert again == found


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["[HKEY_NOWHERE\\A]"], "line 3: 'HKEY_NOWHERE' is not a hive"),
        (["[HKEY_LOCAL_MACHINE\\A"], "line 3: expected ']' at the end of a key"),
        (['"n"="x"'], "line 3: expected a key before the first value"),
        (["[HKEY_LOCAL_MACHINE\\A]", "n=1"], 'line 4: expected "name"=data'),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"="x'], "line 4: expected a closing quotation mark"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=dword:123456789'], "line 4: a dword must have"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=hex:zz'], "line 4: bytes must have two"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=hex:01,\\'], "the file ends within a value"),
        (["[HKEY_LOCAL_MACHINE\\A]", '"n"=5'], "line 4: expected a text"),
    ],
)
def test_an_error_has_its_line(lines, words):
    data = _file(*lines)
    if "ends within" in words:
        data = data[: -len("\r\n".encode("utf-16-le"))]
    with pytest.raises(regfile.RegFileError) as caught:
        regfile.parse(data)
    assert words in str(caught.value)


def test_other_files_are_refused():
    for data in (b"", b"nonsense", b"\xff\xfeW", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(regfile.RegFileError, match="line 1"):
            regfile.parse(data)


def test_the_reg_command(tmp_path):
    Host(tmp_path / "win1", "win1", "127.0.0.1")

    def reg(*words):
        return subprocess.run([TESTS / "winhost" / "reg", *words], capture_output=True, text=True, check=False)

    state = ("--state", str(tmp_path))
    assert reg("import", *state, str(REAL)).returncode == 0
    assert reg("export", *state, "--host", "win1", str(tmp_path / "out.reg")).returncode == 0
    exported = (tmp_path / "out.reg").read_bytes().decode("utf-16")
    assert sorted(exported.splitlines()) == sorted(REAL.read_bytes().decode("utf-16").splitlines())
    for words, message in (
        (("export", *state, "--host", "win2", "x.reg"), "has no host win2"),
        (("import", *state, str(TESTS / "conftest.py")), "line 1: expected 'Windows Registry Editor Version 5.00'"),
        (("import", *state, "missing.reg"), "missing.reg"),
    ):
        done = reg(*words)
        assert done.returncode == 1
        assert done.stderr.startswith("reg: ")
        assert message in done.stderr
