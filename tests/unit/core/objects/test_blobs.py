# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of the five ipsecData formats, with blobs of Windows 2000 and of current Windows."""

from __future__ import annotations

import dataclasses
import inspect
import ipaddress
import itertools
import random
import re
import types
import typing as t

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.blobs import (
    filter as filter_format,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.blobs import (
    isakmp,
    negotiation_policy,
    nfa,
    policy,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.filters import write_filters
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.main_mode import write_main_mode
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.negotiation_policy import (
    write_security_methods,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.nfa import (
    write_authentication,
    write_tunnel,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from hypothesis import given
from hypothesis import strategies as st
from unit import strategies
from unit.stores import BLOBS, microsoft_defaults, windows_2022

VERSION_OBJECT = "{6a1f5c6f-72b7-11d2-acf0-0060b0ecca17}"


def _vectors():
    for store in (windows_2022(), microsoft_defaults()):
        for path in store.paths():
            value = store.get(path, "ipsecData")
            if value is not None and VERSION_OBJECT not in path.lower():
                yield path, BLOBS[Graph(store).class_of(fold(path))], value.data


def _guid() -> bytes:
    return bytes(range(16))


VECTORS = {path: (form, data) for path, form, data in _vectors()}


def _changed(value: t.Any) -> t.Iterator[t.Any]:
    """`value` with one field changed, for each field at any depth, and then changed back."""
    for name, old in _fields(value):
        for new in _others(old):
            other = _replace(value, name, new)
            yield other, _replace(other, name, old)


def _fields(value: t.Any) -> list[tuple[str, t.Any]]:
    names = value._fields if hasattr(value, "_fields") else [f.name for f in dataclasses.fields(value)]
    return [(name, getattr(value, name)) for name in names]


def _replace(value: t.Any, name: str, new: t.Any) -> t.Any:
    return value._replace(**{name: new}) if hasattr(value, "_replace") else dataclasses.replace(value, **{name: new})


def _others(old: t.Any) -> t.Iterator[t.Any]:
    if isinstance(old, bool) or old is None:
        return
    if isinstance(old, int):
        yield old ^ 1
    elif isinstance(old, bytes) and old:
        yield bytes([old[0] ^ 1]) + old[1:]
    elif isinstance(old, str):
        yield "x" + old
    elif isinstance(old, tuple) and not hasattr(old, "_fields"):
        for i, item in enumerate(old):
            if isinstance(item, int):
                yield (*old[:i], item ^ 1, *old[i + 1 :])
            else:
                for other, _back in _changed(item):
                    yield (*old[:i], other, *old[i + 1 :])
    elif dataclasses.is_dataclass(old) or hasattr(old, "_fields"):
        for other, _back in _changed(old):
            yield other


def _variants(form: type[t.Any], data: bytes) -> list[bytes]:
    """A blob without the extra byte and with each of two extra bytes."""
    value = form.unpack(data)
    body = data[: len(data) - len(value.trailing)]
    return [body, body + b"\0", body + b"\x7f"]


def test_there_are_vectors_of_both_generations():
    assert len(VECTORS) == 30
    assert {form for form, _data in VECTORS.values()} == set(BLOBS.values())


@pytest.mark.parametrize("path", VECTORS)
def test_a_real_blob_survives(path):
    form, data = VECTORS[path]
    value = form.unpack(data)
    assert value.pack() == data
    assert form.unpack(value.pack()) == value


@pytest.mark.parametrize("path", VECTORS)
def test_every_field_changes_the_blob(path):
    form, data = VECTORS[path]
    value = form.unpack(data)
    count = 0
    for other, back in _changed(value):
        count += 1
        assert other.pack() != data
        assert back.pack() == data
    assert count


@pytest.mark.parametrize("path", VECTORS)
def test_no_field_holds_the_whole_blob(path):
    form, data = VECTORS[path]

    def biggest(value: t.Any) -> int:
        if isinstance(value, bytes):
            return len(value)
        if isinstance(value, str):
            return 2 * len(value)
        if isinstance(value, tuple) or dataclasses.is_dataclass(value):
            parts = (
                [v for _n, v in _fields(value)] if not isinstance(value, tuple) or hasattr(value, "_fields") else value
            )
            return max(map(biggest, parts), default=0)
        return 0

    assert biggest(form.unpack(data)) <= 20 < len(data)


@pytest.mark.parametrize("path", VECTORS)
def test_a_cut_blob_is_an_error_with_its_offset(path):
    form, data = VECTORS[path]
    whole = {len(_variants(form, data)[0])}
    value = form.unpack(data)
    if isinstance(value, blobs.NfaBlob) and value.alternate is not None:
        # the section and its flags are optional, and the first byte of the section may be the extra byte
        without_flags = dataclasses.replace(value.alternate, flags=None)
        cut = len(dataclasses.replace(value, alternate=None, trailing=b"").pack())
        whole |= {cut, cut + 1, len(dataclasses.replace(value, alternate=without_flags, trailing=b"").pack())}
    for size in range(len(data)):
        if size in whole:
            assert form.unpack(data[:size]).pack() == data[:size]
            continue
        with pytest.raises(blobs.BlobError) as caught:
            form.unpack(data[:size])
        assert 0 <= caught.value.offset <= size


@pytest.mark.parametrize("path", VECTORS)
def test_a_blob_with_more_than_one_extra_byte_is_an_error(path):
    form, data = VECTORS[path]
    body = _variants(form, data)[0]
    for more in (b"\0\0", bytes(16), bytes(40)):
        with pytest.raises(blobs.BlobError):
            form.unpack(body + more)


@pytest.mark.parametrize("path", VECTORS)
def test_a_blob_is_read_with_and_without_the_extra_byte(path):
    form, data = VECTORS[path]
    body, *_others = variants = _variants(form, data)
    values = [form.unpack(variant) for variant in variants]
    assert [value.trailing for value in values] == [b"", b"\0", b"\x7f"]
    assert [value.pack() for value in values] == variants
    assert {dataclasses.replace(value, trailing=b"") for value in values} == {form.unpack(body)}


def _sections() -> dict[str, t.Any]:
    """Blobs with the optional sections, most of which no vector has."""
    kerberos = blobs.AuthRecord(5, bytes(2))
    alternate = blobs.AlternateAuthentication((kerberos,), (1,))
    ranged = model.Filter(
        source=model.ME,
        destination=model.AddressRange(ipaddress.IPv4Address("192.0.2.1"), ipaddress.IPv4Address("192.0.2.5")),
    )
    return {
        "alternate methods": blobs.NfaBlob(
            methods=(kerberos,), alternate=dataclasses.replace(alternate, flags=None), trailing=b"\0"
        ),
        "alternate methods with flags": blobs.NfaBlob(methods=(kerberos,), alternate=alternate),
        "ipv6 tunnel": blobs.NfaBlob(methods=(kerberos,), ipv6_tunnel=bytes(range(16))),
        "version 2": write_filters([ranged, model.Filter(source=model.ME, destination=model.ANY)], None, _guid),
    }


@pytest.mark.parametrize("name", _sections())
def test_optional_sections_are_read_with_and_without_the_extra_byte(name):
    value = _sections()[name]
    for trailing in (b"", b"\0"):
        other = dataclasses.replace(value, trailing=trailing)
        assert type(value).unpack(other.pack()) == other


@pytest.mark.parametrize(("excess", "trailing"), [*itertools.product((0, 4), (b"", b"\0", b"\x7f"))])
def test_both_lengths_of_a_filter_list_are_read_with_and_without_the_extra_byte(excess, trailing):
    filters = [model.Filter(source=model.ME, destination=model.ANY)]
    for wanted in ([], filters):
        blob = dataclasses.replace(write_filters(wanted, None, _guid), length_excess=excess, trailing=trailing)
        assert blobs.FilterBlob.unpack(blob.pack()) == blob


LENGTHS_AND_COUNTS = [
    (blobs.PolicyBlob, 16),
    (blobs.IsakmpBlob, 16),
    (blobs.IsakmpBlob, 80),
    (blobs.NegotiationPolicyBlob, 16),
    (blobs.NegotiationPolicyBlob, 20),
    (blobs.FilterBlob, 16),
    (blobs.FilterBlob, 20),
    (blobs.FilterBlob, 24),
    (blobs.NfaBlob, 16),
    (blobs.NfaBlob, 20),
    (blobs.NfaBlob, 28),
]


@pytest.mark.parametrize(("form", "offset"), LENGTHS_AND_COUNTS)
def test_wrong_lengths_and_counts_are_errors(form, offset):
    data = next(d for f, d in VECTORS.values() if f is form and len(d) > offset + 4)
    for number in (0xFFFFFFFF, 0x7FFFFFFF, 0x01000000, int.from_bytes(data[offset : offset + 4], "little") + 1):
        with pytest.raises(blobs.BlobError):
            form.unpack(data[:offset] + (number & 0xFFFFFFFF).to_bytes(4, "little") + data[offset + 4 :])


def test_an_offer_of_more_algorithms_than_fit_is_an_error():
    data = write_security_methods([model.DEFAULT_SECURITY_METHODS[0]], False, None).pack()
    with pytest.raises(blobs.BlobError, match="at byte 40: an offer has 4 algorithms, but at most 3 fit"):
        blobs.NegotiationPolicyBlob.unpack(data[:40] + b"\4" + data[41:])


@pytest.mark.parametrize("form", BLOBS.values())
def test_random_bytes_are_an_error(form):
    generator = random.Random(4)
    for size in (0, 1, 16, 20, 24, 100, 1000):
        noise = generator.randbytes(size)
        for data in (noise, form.ID + noise):
            with pytest.raises(blobs.BlobError):
                form.unpack(data)


@given(st.binary(max_size=300), st.sampled_from(list(BLOBS.values())), st.integers(0, 300))
def test_accepted_bytes_are_packed_unchanged(noise, form, position):
    data = next(d for f, d in VECTORS.values() if f is form)
    mixed = data[:position] + noise + data[position + len(noise) :]
    try:
        value = form.unpack(mixed)
    except blobs.BlobError:
        return
    assert value.pack() == mixed


@given(st.lists(strategies.filters(), max_size=4, unique=True))
def test_new_filter_lists_survive(filters):
    blob = write_filters(filters, None, _guid)
    assert blobs.FilterBlob.unpack(blob.pack()) == blob


@given(strategies.method_lists, st.booleans())
def test_new_offers_survive(methods, soft):
    blob = write_security_methods(methods, soft, None)
    assert blobs.NegotiationPolicyBlob.unpack(blob.pack()) == blob


@given(strategies.main_modes)
def test_new_main_modes_survive(main_mode):
    blob = write_main_mode(main_mode, None)
    assert blobs.IsakmpBlob.unpack(blob.pack()) == blob


@given(strategies.rules())
def test_new_nfas_survive(rule):
    blob = write_authentication(write_tunnel(blobs.NfaBlob(methods=()), rule.tunnel), rule.authentication)
    assert blobs.NfaBlob.unpack(blob.pack()) == blob


@given(st.lists(strategies.auth_methods, max_size=3), st.none() | st.binary(min_size=16, max_size=16), st.booleans())
def test_the_sections_after_an_nfa_survive(methods, tunnel, alternate):
    records = tuple(blobs.AuthRecord(5, bytes(i)) for i in range(len(methods)))
    section = blobs.AlternateAuthentication(records, tuple(range(len(records)))) if alternate else None
    blob = blobs.NfaBlob(methods=records, alternate=section, ipv6_tunnel=tunnel)
    assert blobs.NfaBlob.unpack(blob.pack()) == blob


def test_new_blobs_have_the_form_of_current_windows():
    filters = write_filters([], None, lambda: bytes(16)).pack()
    assert len(filters) == 24
    methods = write_security_methods([], True, None).pack()
    assert len(methods) == 16 + 4 + 4 + 80 + 1
    assert not any(methods[24:])


SECTIONS = {
    policy: "2.2.1.1.1",
    isakmp: "2.2.1.2.1",
    nfa: "2.2.1.3.1",
    negotiation_policy: "2.2.1.4.1",
    filter_format: "2.2.1.5.1",
}


def _public(module: types.ModuleType) -> t.Iterator[tuple[str, t.Any]]:
    """The public classes and functions of a module, and the public methods of its classes."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", "") != module.__name__ or not callable(value):
            continue
        yield name, value
        if inspect.isclass(value):
            for method, found in vars(value).items():
                function = getattr(found, "__func__", getattr(found, "fget", found))
                if not method.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{method}", function


@pytest.mark.parametrize("module", SECTIONS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_docstrings_name_the_section_of_the_specification(module):
    found = dict(_public(module))
    assert any(name.endswith(".unpack") for name in found)
    section = re.compile(rf"(?<![\d.]){re.escape(SECTIONS[module])}(?![\d.]\d)")
    assert [name for name, value in found.items() if not section.search(value.__doc__ or "")] == []
    assert [name for name in found if name.endswith("pack") and "Raises" not in found[name].__doc__] == []
