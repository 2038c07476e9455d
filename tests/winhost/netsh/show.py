# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What `show` prints. It never shows a pre-shared key."""

from __future__ import annotations

import ipaddress
import typing as t

from ..dynamic import Authentication, DynamicRule, MainModePolicy, Offer, QuickModePolicy
from ..policy import Address
from .texts import translate


class Page:
    """Lines in a language."""

    def __init__(self, language: str) -> None:
        self._language = language
        self.lines: list[str] = []

    def title(self, text: str) -> None:
        self.lines += ["", translate(text, self._language), "-" * 40]

    def fields(self, *fields: tuple[str, object]) -> None:
        self.lines += [f"{translate(label, self._language):<36}: {value}" for label, value in fields] + [""]

    def word(self, text: str) -> str:
        return translate(text, self._language)

    def flag(self, value: bool) -> str:
        return self.word("yes" if value else "no")


def main_mode_policies(page: Page, policies: t.Iterable[MainModePolicy]) -> None:
    page.title("Mainmode Policies")
    for policy in policies:
        page.fields(
            ("Policy Name", policy.name),
            ("Mainmode LifeTime (minutes)", policy.lifetime),
            ("Quickmodes per Mainmode", policy.quick_modes),
            ("Soft SA Expiration (seconds)", policy.soft_lifetime),
            ("Security Methods", " ".join("-".join(map(str, method)) for method in policy.methods)),
        )


def quick_mode_policies(page: Page, policies: t.Iterable[QuickModePolicy]) -> None:
    page.title("Quickmode Policies")
    for policy in policies:
        page.fields(
            ("Policy Name", policy.name),
            ("Soft", page.flag(policy.soft)),
            ("PFS Group", policy.pfs),
            ("Security Methods", " ".join(map(_offer, policy.offers))),
        )


def _offer(offer: Offer) -> str:
    text = "+".join(f"{protocol.upper()}[{','.join(names)}]" for protocol, *names in offer.algorithms)
    times = "/".join(f"{n}{unit}" for n, unit in ((offer.kilobytes, "k"), (offer.seconds, "s")) if n)
    return f"{text}:{times}" if times else text


def rules(page: Page, found: t.Iterable[DynamicRule]) -> None:
    """Each rule with the names of its policies."""
    page.title("Dynamic Rules")
    for rule in found:
        page.fields(*_filter(page, rule), ("Mainmode Policy", rule.main_mode.name), *_negotiation(page, rule))


def filters(page: Page, title: str, found: t.Iterable[DynamicRule]) -> None:
    page.title(title)
    for rule in found:
        page.fields(*_filter(page, rule))


def _negotiation(page: Page, rule: DynamicRule) -> list[tuple[str, object]]:
    fields: list[tuple[str, object]] = []
    if rule.quick_mode is not None:
        fields.append(("Quickmode Policy", rule.quick_mode.name))
    return [
        *fields,
        ("Inbound Action", page.word(rule.inbound)),
        ("Outbound Action", page.word(rule.outbound)),
        ("Authentication", ", ".join(_authentication(page, method) for method in rule.authentication)),
    ]


def _authentication(page: Page, method: Authentication) -> str:
    name = f" {method.text}" if method.kind == "certificate" else ""
    return page.word(method.kind) + name


def _filter(page: Page, rule: DynamicRule) -> list[tuple[str, object]]:
    selector = rule.selector
    return [
        ("Source Address", address(page, selector.source)),
        ("Destination Address", address(page, selector.destination)),
        ("Protocol", selector.protocol or page.word("any")),
        ("Source Port", selector.source_port),
        ("Destination Port", selector.destination_port),
        ("Mirrored", page.flag(selector.mirrored)),
        ("Connection Type", page.word(selector.connection_type)),
        ("Tunnel Destination", selector.tunnel or page.word("none")),
    ]


def address(page: Page, end: Address) -> str:
    kind = ipaddress.IPv4Address if end.versions == (4,) else ipaddress.IPv6Address
    if end.kind == "range":
        return f"{kind(end.value)}-{kind(end.last)}"
    if end.kind == "net":
        return f"{kind(end.value)}/{end.mask.bit_count()}"
    return page.word(end.kind)
