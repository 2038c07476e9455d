# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Decoding the bytes of a batch file."""

from __future__ import annotations

import codecs

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import decode
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from hypothesis import given
from hypothesis import strategies as st

DECODED = [
    (b"rem \xc3\xa9", None, "rem é"),
    (codecs.BOM_UTF8 + b"rem \xc3\xa9", None, "rem é"),
    (codecs.BOM_UTF8 + b"rem \xc3\xa9", "cp1252", "rem é"),
    (codecs.BOM_UTF16_LE + "rem é".encode("utf-16-le"), None, "rem é"),
    (codecs.BOM_UTF16_BE + "rem é".encode("utf-16-be"), None, "rem é"),
    ("rem é".encode("utf-16-le"), None, "rem é"),
    ("rem é".encode("utf-16-be"), None, "rem é"),
    ("a".encode("utf-16-le"), None, "a"),
    ("rem é".encode("utf-16-le") + b"\n", None, "rem é"),
    (codecs.BOM_UTF16_LE + b"a", None, ""),
    ("rem é".encode("utf-16"), "utf-16", "rem é"),
    (b"rem \xe9", "cp1252", "rem é"),
    (b"rem \xe9", "1252", "rem é"),
    (b"rem \x82", "850", "rem é"),
    ("策略".encode("gbk"), "936", "策略"),
    ("策略".encode("big5"), "cp950", "策略"),
    ("方針".encode("cp932"), "cp932", "方針"),
    ("정책".encode("cp949"), "949", "정책"),
    (b"rem \x82", " CP850 ", "rem é"),
    (b"rem \xc3\xa9", "65001", "rem é"),
    ("é".encode("utf-16-le"), "1200", "é"),
    (b"", None, ""),
    (b"a", None, "a"),
    (codecs.BOM_UTF8 * 2 + b"a", None, "a"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "encoding", "text"), DECODED)
def test_decode(data: bytes, encoding: str | None, text: str) -> None:
    assert decode(data, encoding) == text


UNDECODED = [
    (b"rem\r\nrem \xe9 SECRET", None, "byte 5 of line 2 is not valid utf-8; set encoding to the encoding of the"),
    ("é".encode() + b"\xe9", None, "byte 3 of line 1 is not valid utf-8"),
    ("策略".encode("gbk"), None, "cp936 (Simplified Chinese), cp950 (Traditional Chinese), cp932 (Japanese), cp949"),
    (b"a\n\x81", "cp1252", "byte 1 of line 2 is not valid cp1252"),
    (b"a\n\xe9", "utf8", "byte 1 of line 2 is not valid utf-8; set encoding to the encoding of the file"),
    (b"a\0\n\0\0\xd8a\0", None, "byte 1 of line 2 is not valid utf-16-le"),
    (b"a", "latin-99", "'latin-99' is not a known encoding; use one such as cp1252"),
    (b"a", "99999", "'99999' is not a known encoding"),
    (b"a", "a\0b", "is not a known encoding"),
    (b"a", "\ud800", "is not a known encoding"),
    (b"a", "", "is not a known encoding"),
    *((b"a", name, "is not a text encoding; use one such as cp1252") for name in ("rot13", "base64", "hex", "zlib")),
    *((b"a", name, "is not a text encoding") for name in ("idna", "punycode", "unicode_escape", "undefined")),
]  # fmt: skip


@pytest.mark.parametrize(("data", "encoding", "problem"), UNDECODED)
def test_invalid_bytes_and_unknown_encodings_are_refused(data: bytes, encoding: str | None, problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        decode(data, encoding)
    assert problem in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(), st.sampled_from([None, "1252", "850", "utf-8", "utf-16", "932", "utf-7"]))
def test_any_bytes_are_decoded_or_refused(data: bytes, encoding: str | None) -> None:
    try:
        text = decode(data, encoding)
    except ModelError:
        return
    assert "\ufeff" not in text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff")))
def test_utf_16_text_is_decoded(text: str) -> None:
    assert decode(text.encode("utf-16")) == text
