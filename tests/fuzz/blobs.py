# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The codec: any bytes as the data of an object. The first byte selects one of the five kinds."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Certificate, ModelError, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.filters import (
    StoredFilterList,
    write_filters,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.main_mode import (
    read_main_mode,
    write_main_mode,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.negotiation_policy import (
    ACTION_GUIDS,
    read_negotiation_policy,
    read_security_methods,
    write_security_methods,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.nfa import (
    read_authentication,
    read_connection_type,
    read_tunnel,
    write_auth_method,
    write_authentication,
    write_connection_type,
    write_tunnel,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import ObjectClass
from unit import stores

from .inputs import CORE, TOKEN, check_hidden

_CLASSES: t.Final = tuple(stores.BLOBS)
SUBJECT: t.Final = (f"{CORE}/objects/blobs/*.py", f"{CORE}/objects/convert/*.py")
WORDS: t.Final = (
    blobs.FilterBlob.V2_ID,
    blobs.NfaBlob.ALTERNATE_ID,
    blobs.NfaBlob.FLAGS_ID,
    blobs.NfaBlob.IPV6_TUNNEL_ID,
)


def check(data: bytes) -> None:
    """Bytes are refused with a `BlobError`, or `pack` returns the same bytes. Their meaning, written over them, changes
    nothing, and written as a new object it is the same.
    """
    if not data:
        return
    class_, data = _CLASSES[data[0] % len(_CLASSES)], data[1:]
    try:
        blob = stores.BLOBS[class_].unpack(data)
    except blobs.BlobError as error:
        assert 0 <= error.offset <= len(data), "the offset of the error is outside the blob"
        return
    assert blob.pack() == data, "pack returns other bytes than unpack read"
    _CHECKS.get(class_, lambda _blob: None)(blob)


def _check_isakmp(blob: blobs.IsakmpBlob) -> None:
    main_mode = read_main_mode(blob)
    assert write_main_mode(main_mode, blob) == blob, "main mode changes when written over itself"
    assert read_main_mode(_again(write_main_mode(main_mode, None))) == main_mode, "main mode changes in a new object"


def _check_nfa(blob: blobs.NfaBlob) -> None:
    methods, tunnel = read_authentication(blob), read_tunnel(blob)
    check_hidden(f"{blob!r}{methods!r}{methods!s}", methods, "a representation")
    assert write_authentication(blob, methods) == blob, "authentication changes when written over itself"
    assert write_tunnel(blob, tunnel) == blob, "the tunnel changes when written over itself"
    assert write_connection_type(read_connection_type(blob)) == blob.interface_type
    fresh = blobs.NfaBlob(methods=tuple(map(write_auth_method, methods)))
    assert [_plain(method) for method in read_authentication(_again(fresh))] == list(map(_plain, methods)), (
        "authentication changes in a new object"
    )
    if tunnel is not None:
        assert read_tunnel(_again(write_tunnel(fresh, tunnel))) == tunnel, "the tunnel changes in a new object"


def _plain(method: t.Any) -> t.Any:
    """A method without the flags that only the alternate section has."""
    return Certificate(ca=method.ca, odd=method.odd) if isinstance(method, Certificate) else method


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
    assert read_security_methods(fresh) == methods, "security methods change in a new object"


def _check_filters(blob: blobs.FilterBlob) -> None:
    try:
        found = StoredFilterList.read(blob)
    except ModelError:
        return
    filters = found.filters
    if len(set(filters)) == len(filters):
        assert write_filters(filters, found, lambda: bytes(16)) == blob, "filters change when written over themselves"
    fresh = _again(write_filters(filters, None, lambda: bytes(16)))
    assert set(StoredFilterList.read(fresh).filters) == set(filters), "filters change in a new object"


def _again(blob: t.Any) -> t.Any:
    """The blob, packed and unpacked again."""
    found = type(blob).unpack(blob.pack())
    assert found == blob, "a packed blob is read as another one"
    return found


_CHECKS: t.Final[dict[ObjectClass, t.Callable[[t.Any], None]]] = {
    ObjectClass.ISAKMP: _check_isakmp,
    ObjectClass.NFA: _check_nfa,
    ObjectClass.ACTION: _check_action,
    ObjectClass.FILTER: _check_filters,
}


def seeds() -> t.Iterator[bytes]:
    """The blobs of the real stores, and those that they lack: keys, tunnels, filters of version 2."""
    for found in (stores.windows_2022(), stores.microsoft_defaults(), _other_objects()):
        for path in found.paths():
            value = found.get(path, "ipsecData")
            class_ = next((c for c in _CLASSES if path.lower().startswith(f"{c}{{".lower())), None)
            if value is not None and class_ is not None:
                yield bytes([_CLASSES.index(class_)]) + t.cast(bytes, value.data)
    methods = (write_auth_method(PresharedKey(TOKEN)), write_auth_method(Certificate(ca="CN=CA")))
    flags = (0, blobs.AuthFlag.MAP_TO_ACCOUNT)
    alternate = blobs.AlternateAuthentication(methods, flags)
    nfa = blobs.NfaBlob(methods=methods, alternate=alternate, ipv6_tunnel=b"\x20" * 16)
    for class_, blob in ((ObjectClass.POLICY, blobs.PolicyBlob(0)), (ObjectClass.NFA, nfa)):
        for trailing in (blob.trailing, b""):
            yield bytes([_CLASSES.index(class_)]) + dataclasses.replace(blob, trailing=trailing).pack()


def _other_objects() -> stores.Store:
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
