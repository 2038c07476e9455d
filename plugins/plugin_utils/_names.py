# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""DNS names in filters of a domain's policies: the controller looks them up, as there is no host to ask."""

from __future__ import annotations

import concurrent.futures
import socket
import typing as t

from ..module_utils._core.directory.errors import DirectoryError
from ..module_utils._core.hints import some

_AT_ONCE: t.Final = 16
_SHOWN: t.Final = 5


def refuse_interfaces(interfaces: t.Sequence[str]) -> None:
    """Raise `DirectoryError` if there are GUIDs of interfaces."""
    if interfaces:
        raise DirectoryError(
            f"{some(list(interfaces), _SHOWN)} is an interface of one host, and a policy of a domain is for all its "
            "members; use an address or a network, or the word me"
        )


def look_up(names: t.Sequence[str], domain: str) -> dict[str, list[str]]:
    """The addresses of names, as the controller finds them; none for a name that it does not find. A name without a dot
    is one of the domain.
    """
    if not names:
        return {}
    # a name server that does not answer takes seconds for each name
    with concurrent.futures.ThreadPoolExecutor(min(_AT_ONCE, len(names))) as pool:
        return dict(zip(names, pool.map(lambda name: _addresses(name, domain), names), strict=True))


def _addresses(name: str, domain: str) -> list[str]:
    whole = name if "." in name else f"{name}.{domain}"
    try:
        found = socket.getaddrinfo(whole, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for _family, _type, _protocol, _name, address in found))
