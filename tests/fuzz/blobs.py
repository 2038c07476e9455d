# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The codec: any bytes as the data of each of the five kinds of object. The first byte says which."""

from __future__ import annotations

import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils import blobs
from ansible_collections.ipsec.windows.plugins.module_utils.convert.filters import FilterList, write_filters
from ansible_collections.ipsec.windows.plugins.module_utils.convert.main_mode import read_main_mode, write_main_mode
from ansible_collections.ipsec.windows.plugins.module_utils.convert.negotiation_policy import (
    ACTION_GUIDS,
    read_negotiation_policy,
    read_security_methods,
    write_security_methods,
)
from ansible_collections.ipsec.windows.plugins.module_utils.convert.nfa import (
    read_authentication,
    read_connection_type,
    read_tunnel,
    write_auth_method,
    write_authentication,
    write_connection_type,
    write_tunnel,
)
from ansible_collections.ipsec.windows.plugins.module_utils.graph import ObjectClass
from ansible_collections.ipsec.windows.plugins.module_utils.model import Certificate, ModelError, PresharedKey
from unit import stores

from .inputs import TOKEN, check_hidden

FORMS: t.Final = {
    ObjectClass.POLICY: blobs.PolicyBlob,
    ObjectClass.ISAKMP: blobs.IsakmpBlob,
    ObjectClass.NFA: blobs.NfaBlob,
    ObjectClass.ACTION: blobs.NegotiationPolicyBlob,
    ObjectClass.FILTER: blobs.FilterBlob,
}
_CLASSES: t.Final = tuple(FORMS)
SUBJECT: t.Final = ("plugins/module_utils/blobs/*.py", "plugins/module_utils/convert/*.py")
WORDS: t.Final = (
    blobs.FilterBlob.V2_ID,
    blobs.NfaBlob.ALTERNATE_ID,
    blobs.NfaBlob.FLAGS_ID,
    blobs.NfaBlob.IPV6_TUNNEL_ID,
)


def check(data: bytes) -> None:
    """Bytes are refused with a `BlobError`, or come out of `pack` as they were; what they mean, written over them,
    changes none.
    """
    if not data:
        return
    class_, data = _CLASSES[data[0] % len(_CLASSES)], data[1:]
    try:
        blob = FORMS[class_].unpack(data)
    except blobs.BlobError as error:
        assert 0 <= error.offset <= len(data), "the error is outside of the blob"
        return
    assert blob.pack() == data, "pack gives other bytes than unpack took"
    _CHECKS.get(class_, lambda _blob: None)(blob)


def _check_isakmp(blob: blobs.IsakmpBlob) -> None:
    main_mode = read_main_mode(blob)
    assert write_main_mode(main_mode, blob) == blob, "main mode, written over itself, changes"
    assert read_main_mode(_again(write_main_mode(main_mode, None))) == main_mode, "main mode means something else anew"


def _check_nfa(blob: blobs.NfaBlob) -> None:
    methods, tunnel = read_authentication(blob), read_tunnel(blob)
    check_hidden(f"{blob!r}{methods!r}{methods!s}", methods, "a representation")
    assert write_authentication(blob, methods) == blob, "authentication, written over itself, changes"
    assert write_tunnel(blob, tunnel) == blob, "the tunnel, written over itself, changes"
    assert write_connection_type(read_connection_type(blob)) == blob.interface_type
    fresh = blobs.NfaBlob(tuple(map(write_auth_method, methods)))
    assert [_plain(method) for method in read_authentication(_again(fresh))] == list(map(_plain, methods)), (
        "authentication means something else anew"
    )
    if tunnel is not None:
        assert read_tunnel(_again(write_tunnel(fresh, tunnel))) == tunnel, "the tunnel means something else anew"


def _plain(method: t.Any) -> t.Any:
    """A method without the flags that only the alternate section has."""
    return Certificate(method.ca, odd=method.odd) if isinstance(method, Certificate) else method


def _check_action(blob: blobs.NegotiationPolicyBlob) -> None:
    try:
        methods = read_security_methods(blob)
    except ModelError:
        return
    for (action, inpass), guid in ACTION_GUIDS.items():
        found = read_negotiation_policy(blob, guid)
        assert (found.action, found.inpass) == (action, inpass)
    soft = any(not offer.algorithm_count for offer in blob.offers)
    fresh = _again(write_security_methods(methods, soft, None))
    assert read_security_methods(fresh) == methods, "security methods mean something else anew"


def _check_filters(blob: blobs.FilterBlob) -> None:
    try:
        found = FilterList.read(blob)
    except ModelError:
        return
    filters = found.filters
    if len(set(filters)) == len(filters):
        assert write_filters(filters, found, lambda: bytes(16)) == blob, "filters, written over themselves, change"
    fresh = _again(write_filters(filters, None, lambda: bytes(16)))
    assert set(FilterList.read(fresh).filters) == set(filters), "filters mean something else anew"


def _again(blob: t.Any) -> t.Any:
    """The blob as it comes out of its bytes."""
    found = type(blob).unpack(blob.pack())
    assert found == blob, "what was written is not read"
    return found


_CHECKS: t.Final[dict[ObjectClass, t.Callable[[t.Any], None]]] = {
    ObjectClass.ISAKMP: _check_isakmp,
    ObjectClass.NFA: _check_nfa,
    ObjectClass.ACTION: _check_action,
    ObjectClass.FILTER: _check_filters,
}


def seeds() -> t.Iterator[bytes]:
    """The blobs of the real stores, and what those lack: keys, tunnels, filters of version 2."""
    store = stores.windows_2022(), stores.microsoft_defaults()
    for found in (*store, _lacking()):
        for path in found.paths():
            value = found.get(path, "ipsecData")
            class_ = next((c for c in _CLASSES if path.lower().startswith(f"{c}{{".lower())), None)
            if value is not None and class_ is not None:
                yield bytes([_CLASSES.index(class_)]) + t.cast(bytes, value.data)
    yield bytes([_CLASSES.index(ObjectClass.POLICY)]) + blobs.PolicyBlob(0).pack()
    methods = (write_auth_method(PresharedKey(TOKEN)), write_auth_method(Certificate("CN=CA")))
    flags = (0, blobs.AlternateAuthentication.MAP_TO_ACCOUNT)
    nfa = blobs.NfaBlob(methods, alternate=blobs.AlternateAuthentication(methods, flags), ipv6_tunnel=b"\x20" * 16)
    yield bytes([_CLASSES.index(ObjectClass.NFA)]) + nfa.pack()


def _lacking() -> t.Any:
    rules = [
        {
            "name": "R",
            "filters": [
                {"source": "192.0.2.1-192.0.2.9", "destination": "any", "protocol": "tcp", "destination_port": "5-9"},
                {"source": "2001:db8::/32", "destination": "dns", "description": "d"},
            ],
            "security_methods": ["ah[md5] 3600S"],
            "authentication": [{"preshared_key": TOKEN}, {"certificate": "CN=CA"}],
        },
        {"name": "T", "filters": ["0=192.0.2.1"], "tunnel": "2001:db8::1"},
    ]
    return stores.change(stores.Store(), {"name": "P", "rules": rules}).store
