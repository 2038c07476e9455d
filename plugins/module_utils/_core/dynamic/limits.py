# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What netsh cannot say of a dynamic rule, in whichever form it was written."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ..model import (
    U32,
    Address,
    AuthMethod,
    Certificate,
    DnsName,
    Family,
    Filter,
    HostAddress,
    Interface,
    Kerberos,
    MainMode,
    ModelError,
    PresharedKey,
    SecurityMethod,
)
from ..model.dynamic import DynamicRule
from ..netsh.filters import write_filter
from ..netsh.methods import write_main_mode_methods, write_security_methods
from .commands import authentication_word

_ORDER: t.Final = (Kerberos, PresharedKey, Certificate)
"""The order in which netsh offers authentication methods."""
_IPV4: t.Final = ipaddress.IPv4Address("192.0.2.1")
_IPV6: t.Final = ipaddress.IPv6Address("2001:db8::1")


class DynamicLimitError(ModelError):
    """Something that netsh cannot say. `part` is the part of the rule, as in ``filters[0].destination_port``; `problem`
    is the message without it.
    """

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(f"{part}: {problem}")
        self.part = part
        self.problem = problem


def check_dynamic(rule: DynamicRule) -> None:
    """Raise `DynamicLimitError` for a rule that netsh cannot say exactly. DNS names and interfaces are looked up later,
    so they are accepted.
    """
    for index, item in enumerate(rule.filters):
        _check_filter(item.filter, f"filters[{index}]")
    _check_methods(rule.methods)
    _check_authentication(rule.authentication)
    _check_main_mode(rule.main_mode)
    if not 1 <= rule.soft_lifetime <= U32:
        raise DynamicLimitError("soft_lifetime", f"this must be 1 to {U32} seconds, not {rule.soft_lifetime}")


def _at(part: str, do: t.Callable[..., object], *args: object) -> None:
    """Call `do`, whose errors get the part."""
    try:
        do(*args)
    except ModelError as error:
        raise DynamicLimitError(part, str(error)) from None


def _check_filter(filter_: Filter, part: str) -> None:
    for name, ports in (("source_port", filter_.source_port), ("destination_port", filter_.destination_port)):
        if ports is not None and ports.first != ports.last:
            raise DynamicLimitError(
                f"{part}.{name}",
                f"a dynamic rule cannot have a range of ports, such as {ports}; use one filter for each port, or a "
                "stored policy",
            )
    if filter_.description:
        raise DynamicLimitError(f"{part}.description", "the filters of a dynamic rule have no descriptions")
    source, destination = filter_.source, filter_.destination
    looked_up = dataclasses.replace(
        filter_, source=_example(source, destination), destination=_example(destination, source)
    )
    _at(part, write_filter, looked_up)


def _example(address: Address, other: Address) -> Address:
    """An address that a name or an interface may have; other addresses as they are."""
    if not isinstance(address, DnsName | Interface):
        return address
    known = address.address if isinstance(address, DnsName) else None
    family = known.family if known is not None else other.family
    return HostAddress(_IPV6 if family is Family.IPV6 else _IPV4)


def _check_methods(methods: tuple[SecurityMethod, ...]) -> None:
    if len({method.pfs for method in methods}) > 1:
        raise DynamicLimitError(
            "security_methods", "only some of the security methods have PFS; a dynamic rule has it for all or none"
        )
    _at("security_methods", write_security_methods, methods)


def _check_authentication(methods: tuple[AuthMethod, ...]) -> None:
    ranks: list[int] = []
    for index, method in enumerate(methods):
        part = f"authentication[{index}]"
        rank = next((rank for rank, kind in enumerate(_ORDER) if isinstance(method, kind)), None)
        if rank is None:
            raise DynamicLimitError(part, "a dynamic rule cannot have this authentication method")
        if rank in ranks and not isinstance(method, Certificate):
            what = "a second pre-shared key" if isinstance(method, PresharedKey) else "kerberos twice"
            raise DynamicLimitError(part, f"a dynamic rule cannot have {what}")
        if ranks and rank < ranks[-1]:
            raise DynamicLimitError(
                part,
                "a dynamic rule cannot have another order of authentication methods than kerberos, the pre-shared key, "
                "certificates; write them in this order",
            )
        ranks.append(rank)
        # a key that is null, as facts show it, is put in later
        if method not in (Kerberos(), PresharedKey(None)):
            _at(part, authentication_word, method)


def _check_main_mode(main_mode: MainMode) -> None:
    _at("main_mode.methods", write_main_mode_methods, main_mode.methods)
    if main_mode.lifetime_seconds % 60:
        raise DynamicLimitError(
            "main_mode.lifetime_seconds",
            f"the main-mode lifetime of a dynamic rule is whole minutes, and {main_mode.lifetime_seconds} seconds are "
            f"not; use {_near(main_mode.lifetime_seconds)} seconds",
        )
    if main_mode.pfs and main_mode.quick_mode_limit not in (0, 1):
        raise DynamicLimitError(
            "main_mode.quick_mode_limit",
            "master key PFS is one quick mode for each main mode, so the limit of quick modes cannot be "
            f"{main_mode.quick_mode_limit}; leave one of the two out",
        )


def _near(seconds: int) -> str:
    """The whole minutes around a number of seconds."""
    before = seconds // 60 * 60
    return f"{before} or {before + 60}" if before else "60"
