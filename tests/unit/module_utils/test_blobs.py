# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import dataclasses
import random
import typing as t

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils import blobs, model
from ansible_collections.ipsec.windows.plugins.module_utils.convert.filters import write_filters
from ansible_collections.ipsec.windows.plugins.module_utils.convert.main_mode import write_main_mode
from ansible_collections.ipsec.windows.plugins.module_utils.convert.negotiation_policy import write_security_methods
from ansible_collections.ipsec.windows.plugins.module_utils.convert.nfa import write_authentication, write_tunnel
from hypothesis import given
from hypothesis import strategies as st
from unit import strategies
from unit.stores import microsoft_defaults, windows_2022

CLASSES = {
    "ipsecpolicy": blobs.PolicyBlob,
    "ipsecisakmppolicy": blobs.IsakmpBlob,
    "ipsecnfa": blobs.NfaBlob,
    "ipsecnegotiationpolicy": blobs.NegotiationPolicyBlob,
    "ipsecfilter": blobs.FilterBlob,
}
VERSION_OBJECT = "{6a1f5c6f-72b7-11d2-acf0-0060b0ecca17}"


def _vectors():
    for store in (windows_2022(), microsoft_defaults()):
        for path in store.paths():
            value = store.get(path, "ipsecData")
            if value is not None and VERSION_OBJECT not in path.lower():
                yield path, CLASSES[path.partition("{")[0].lower()], value.data


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


def test_there_are_vectors_of_both_generations():
    assert len(VECTORS) == 30


@pytest.mark.parametrize("path", VECTORS)
def test_a_real_blob_survives(path):
    form, data = VECTORS[path]
    value = form.unpack(data)
    assert value.pack() == data
    assert form.unpack(value.pack()) == value


@pytest.mark.parametrize("path", VECTORS)
def test_every_field_says_something_of_its_own(path):
    form, data = VECTORS[path]
    value = form.unpack(data)
    count = 0
    for other, back in _changed(value):
        count += 1
        assert other.pack() != data
        assert back.pack() == data
    assert count


@pytest.mark.parametrize("path", VECTORS)
def test_no_field_holds_the_blob(path):
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
def test_a_cut_blob_is_an_error_that_knows_where(path):
    form, data = VECTORS[path]
    # what stands behind the counted part of an NFA is optional
    whole = 16 + 4 + int.from_bytes(data[16:20], "little") + 1 if form is blobs.NfaBlob else None
    for size in range(len(data)):
        if size != whole:
            with pytest.raises(blobs.BlobError) as caught:
                form.unpack(data[:size])
            assert 0 <= caught.value.offset <= size


@pytest.mark.parametrize("path", VECTORS)
def test_a_lengthened_blob_is_an_error(path):
    form, data = VECTORS[path]
    with pytest.raises(blobs.BlobError):
        form.unpack(data + bytes(40))


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
def test_lengths_and_counts_that_lie_are_errors(form, offset):
    data = next(d for f, d in VECTORS.values() if f is form and len(d) > offset + 4)
    for number in (0xFFFFFFFF, 0x7FFFFFFF, 0x01000000, int.from_bytes(data[offset : offset + 4], "little") + 1):
        with pytest.raises(blobs.BlobError):
            form.unpack(data[:offset] + (number & 0xFFFFFFFF).to_bytes(4, "little") + data[offset + 4 :])


def test_an_offer_of_more_algorithms_than_fit_is_an_error():
    data = write_security_methods([model.DEFAULT_SECURITY_METHODS[0]], False, None).pack()
    with pytest.raises(blobs.BlobError, match="an offer of 4 algorithms; at most 3 fit"):
        blobs.NegotiationPolicyBlob.unpack(data[:40] + b"\4" + data[41:])


@pytest.mark.parametrize("form", CLASSES.values())
def test_random_bytes_are_an_error(form):
    generator = random.Random(4)
    for size in (0, 1, 16, 20, 24, 100, 1000):
        noise = generator.randbytes(size)
        for data in (noise, form.ID + noise):
            with pytest.raises(blobs.BlobError):
                form.unpack(data)


@given(st.binary(max_size=300), st.sampled_from(list(CLASSES.values())), st.integers(0, 300))
def test_bytes_that_are_accepted_come_back(noise, form, position):
    data = next(d for f, d in VECTORS.values() if f is form)
    mixed = data[:position] + noise + data[position + len(noise) :]
    try:
        value = form.unpack(mixed)
    except blobs.BlobError:
        return
    assert value.pack() == mixed


@given(st.lists(strategies.filters(), max_size=4, unique=True))
def test_new_filter_lists_survive(filters):
    blob = write_filters(filters, None, lambda: bytes(range(16)))
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
    blob = write_authentication(write_tunnel(blobs.NfaBlob(()), rule.tunnel), rule.authentication)
    assert blobs.NfaBlob.unpack(blob.pack()) == blob


@given(st.lists(strategies.auth_methods, max_size=3), st.none() | st.binary(min_size=16, max_size=16), st.booleans())
def test_the_sections_behind_an_nfa_survive(methods, tunnel, alternate):
    records = tuple(blobs.AuthRecord(5, bytes(i)) for i in range(len(methods)))
    section = blobs.AlternateAuthentication(records, tuple(range(len(records)))) if alternate else None
    blob = blobs.NfaBlob(records, alternate=section, ipv6_tunnel=tunnel)
    assert blobs.NfaBlob.unpack(blob.pack()) == blob


def test_new_blobs_have_the_form_of_today():
    filters = write_filters([], None, lambda: bytes(16)).pack()
    assert len(filters) == 24
    methods = write_security_methods([], True, None).pack()
    assert len(methods) == 16 + 4 + 4 + 80 + 1
    assert not any(methods[24:])
