# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The search for pre-shared keys finds them in every readable form."""

from __future__ import annotations

import base64
import gzip
import json
import os
import pathlib
import subprocess
import sys
import textwrap
import urllib.parse
import zlib

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.regfile import regedit_file
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from integration.key_search import KEY, NEW_KEY, Processes, shows, where

WIDE = KEY.encode("utf-16-le")
STORE = Store({"ipsecNFA": {"ipsecData": Value.binary(b"\0\1x" + WIDE)}})
REG_FILE = regedit_file([Create("ipsecNFA"), Set("ipsecNFA", "ipsecData", STORE.get("ipsecNFA", "ipsecData"))])
MANIFEST = json.dumps({"params": {"complex_args": {"request": json.dumps({"operations": pack(STORE.text())})}}})


def _base64(data, shift=0):
    return base64.b64encode(b"x" * shift + data).decode()


FORMS = [
    KEY,
    NEW_KEY,
    WIDE.decode("latin-1"),
    KEY.encode("utf-16-be").decode("latin-1"),
    json.dumps({"key": NEW_KEY}),
    "".join(f"\\u{ord(c):04x}" for c in KEY),
    "".join(f"&#{ord(c)};" for c in KEY),
    urllib.parse.quote(KEY),
    "".join(f"%{b:02X}" for b in KEY.encode()),
    KEY.encode().hex(),
    WIDE.hex(" ").upper(),
    WIDE.hex("-"),
    "".join(f"\\x{b:02x}" for b in WIDE),
    ", ".join(f"0x{b:02X}" for b in WIDE),
    REG_FILE.decode("utf-16"),
    REG_FILE.decode("latin-1"),
    *(_base64(KEY.encode(), shift) for shift in range(3)),
    *(_base64(WIDE, shift) for shift in range(3)),
    f"operations{_base64(WIDE)}",
    base64.urlsafe_b64encode(b"\xff\xfe\xff" + WIDE).decode(),
    _base64(b"\xff\xfe\xff" + WIDE).replace("/", "\\/").replace("+", "\\u002b"),
    urllib.parse.quote(_base64(b"\xff\xfe\xff" + WIDE), safe=""),
    "\n".join(textwrap.wrap(_base64(b"y" * 90 + WIDE), 76)),
    STORE.text(),
    pack(STORE.text()),
    pack(STORE.text()).replace("/", "\\/"),
    pack(STORE.text())[:-8],
    _base64(zlib.compress(WIDE)),
    _base64(gzip.compress(WIDE.hex().encode(), mtime=0)),
    MANIFEST,
    _base64(MANIFEST.encode()),
    _base64(MANIFEST.encode("utf-16-le"), 1),
]


@pytest.mark.parametrize("text", FORMS, ids=range(len(FORMS)))
def test_a_key_is_found(text):
    assert shows(text)
    assert shows(f'msg: "{text}" and more')


def test_texts_without_a_key():
    nothing = Store({"ipsecNFA": {"ipsecData": Value.binary(b"\0\1x" + "password".encode("utf-16-le"))}})
    for text in ("", "Tr0ub4", nothing.text(), pack(nothing.text()), json.dumps(nothing.text())):
        assert not shows(text)


def test_names_and_contents_of_files_are_searched(tmp_path):
    (tmp_path / "good").write_text("nothing")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "bad").write_bytes(WIDE)
    (tmp_path / f"{KEY[:9]}.tmp").touch()
    assert where(tmp_path) == ["Tr0ub4dor.tmp", "below/bad"]
    assert where(tmp_path, tmp_path / "below") == ["Tr0ub4dor.tmp"]


@pytest.mark.parametrize("place", ["arguments", "environment"])
def test_processes_are_searched(place):
    words = [KEY] if place == "arguments" else []
    environment = {"HIDDEN": _base64(WIDE)} if place == "environment" else {}
    with Processes() as processes:
        subprocess.run(
            [sys.executable, "-c", "import time; time.sleep(0.5)", *words],
            check=True,
            env={**os.environ, **environment},
        )
    assert processes.show()


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.remove('file')",
        "import shutil; shutil.rmtree('folder')",
        "open('file', 'w').write('other')",
        "open('new', 'w').write('other'); import os; os.replace('new', 'file')",
    ],
)
def test_a_removed_file_is_kept(tmp_path, code):
    work, kept = tmp_path / "work", tmp_path / "kept"
    (work / "folder").mkdir(parents=True)
    kept.mkdir()
    for path in (work / "file", work / "folder" / "file"):
        path.write_text(KEY)
    kept_files = pathlib.Path(__file__).parent / "kept_files"
    environment = {**os.environ, "PYTHONPATH": str(kept_files), "IPSEC_KEPT_FILES": str(kept)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=work, env=environment)
    assert where(kept)
