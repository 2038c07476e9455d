# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of the simulated host's own reader of a policy store."""

from __future__ import annotations

import ast
import dataclasses
import pathlib
import struct

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from unit import stores
from winhost import policy

CLASSES = {name.lower(): form for name, form in stores.BLOBS.items()}
FILTERS = [
    "0+192.0.2.1",
    {"source": "me/ipv6", "destination": "2001:db8::1-2001:db8::9"},
    {"source": "me", "destination": "192.0.2.5-192.0.2.9", "protocol": "tcp", "destination_port": "80-90"},
]
POLICY = {
    "name": "P",
    "default_response": {"enabled": True},
    "rules": [
        {"name": "R", "filters": FILTERS, "authentication": [{"preshared_key": "a key"}], "soft": True},
        {"name": "T", "filters": ["0=*"], "tunnel": "2001:db8::1", "security_methods": ["ah[sha]"]},
        {"name": "Block", "filters": ["0+198.51.100.1", "0+198.51.100.2"], "action": "block"},
    ],
}


def _written():
    return stores.to_tree(stores.change(stores.Store(), POLICY, assigned=True).store)


TREES = {
    "written": _written,
    "windows-2022": lambda: stores.to_tree(stores.windows_2022()),
    "microsoft": lambda: stores.to_tree(stores.microsoft_defaults()),
}


def _forms(found):
    """The keys that have a blob, each with the class of the blob."""
    for key, values in found.items():
        form = CLASSES.get(key.rpartition("\\")[2].partition("{")[0].lower())
        if form is not None and values.get("ipsecData", (0, b""))[1][:16] == form.ID:
            yield key, form


def _with_data(found, change):
    """The same registry with another blob in each object."""
    result = {key: dict(values) for key, values in found.items()}
    for key, form in _forms(found):
        kind, data = found[key]["ipsecData"]
        result[key]["ipsecData"] = (kind, change(form.unpack(data)).pack())
    return result


@pytest.mark.parametrize("trailing", [b"", b"\0", b"\x7f"], ids=["no byte", "zero", "other byte"])
@pytest.mark.parametrize("name", TREES)
def test_a_policy_is_the_same_with_and_without_the_extra_byte(name, trailing):
    found = TREES[name]()
    assert {form for _key, form in _forms(found)} == set(CLASSES.values())
    other = _with_data(found, lambda blob: dataclasses.replace(blob, trailing=trailing))
    assert {form.unpack(other[key]["ipsecData"][1]).trailing for key, form in _forms(other)} == {trailing}
    assert policy.policies(other) == policy.policies(found)
    assert policy.read(other) == policy.read(found)


@pytest.mark.parametrize("trailing", [b"", b"\0"], ids=["no byte", "zero"])
def test_a_filter_list_is_the_same_with_both_lengths(trailing):
    def change(blob):
        if isinstance(blob, blobs.FilterBlob):
            return dataclasses.replace(blob, length_excess=4, trailing=trailing)
        return blob

    found = _written()
    other = _with_data(found, change)
    assert other != found
    assert policy.policies(other) == policy.policies(found)


def test_the_number_of_filters_in_the_version_2_section_wins():
    def change(blob):
        if isinstance(blob, blobs.FilterBlob) and blob.v2 is not None:
            return dataclasses.replace(blob, count=0)
        return blob

    found = _written()
    other = _with_data(found, change)
    assert other != found
    assert policy.policies(other) == policy.policies(found)


def test_a_policy_is_read_completely():
    written = _written()
    (found,) = policy.policies(written)
    rules = {rule.name: rule for rule in found.rules}
    assert policy.read(written) == policy.InForce("local", found)
    assert [rule.default_response for rule in found.rules].count(True) == 1
    rule = rules["R"]
    assert (rule.action, rule.soft, rule.authentication) == ("negotiate", True, (("preshared key", "a key"),))
    assert [f.destination.kind for f in rule.filters] == ["net", "range", "range"]
    assert [f.destination_ports for f in rule.filters] == [(0, 65535), (0, 65535), (80, 90)]
    assert rules["T"].tunnel == "2001:db8::1"
    assert (rules["Block"].action, len(rules["Block"].filters)) == ("block", 2)
    assert "a key" not in repr(found)


def _put(at, number):
    return lambda data: data[:at] + struct.pack("<I", number) + data[at + 4 :]


@pytest.mark.parametrize(
    ("class_", "change", "message"),
    [
        ("ipsecPolicy", lambda data: data[:20], "the data ends at byte 20, but 4 bytes are expected from byte 20"),
        ("ipsecPolicy", lambda data: bytes(16) + data[16:], "its ipsecData does not start with the GUID 22202163-"),
        ("ipsecISAKMPPolicy", lambda data: data[:-65], "bytes are expected from byte"),
        ("ipsecNFA", _put(16, 1), "the data length is 1, but the data takes"),
        ("ipsecNFA", lambda data: data + bytes(20), "an unknown section begins at byte"),
        ("ipsecNegotiationPolicy", _put(40, 4), "an offer has 4 algorithms, but at most 3 fit"),
        ("ipsecFilter", _put(16, 1), "the data length is 1, but the data has"),
        ("ipsecFilter", lambda data: data + bytes(2), "the data length is"),
        ("ipsecFilter", _put(20, 99), "bytes are expected from byte"),
    ],
    ids=[
        "cut policy",
        "policy with another GUID",
        "cut main mode",
        "rule with a wrong length",
        "rule with an unknown section",
        "action with too many algorithms",
        "filters with a wrong length",
        "filters with two extra bytes",
        "filters with a wrong number",
    ],
)
def test_an_unreadable_object_is_an_error_with_its_key(class_, change, message):
    one = {**POLICY, "rules": [{"name": "R", "filters": ["0+192.0.2.1"]}], "default_response": None}
    found = stores.to_tree(stores.change(stores.Store(), one, assigned=True).store)
    key = next(key for key in found if f"\\{class_}{{".lower() in key.lower())
    kind, data = found[key]["ipsecData"]
    found[key]["ipsecData"] = (kind, change(data))
    with pytest.raises(policy.StoreError) as caught:
        policy.read(found)
    assert key in str(caught.value)
    assert message in str(caught.value)


def test_the_reader_is_independent_of_the_collection():
    tree = ast.parse(pathlib.Path(policy.__file__).read_text())
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert sorted(imported) == ["__future__", "dataclasses", "ipaddress", "struct", "tree", "typing", "uuid"]
