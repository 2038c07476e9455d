# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Findings in a policy: what is weak today, and what current Windows ignores. docs/findings.md lists the codes."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..hints import some
from ..model import (
    Action,
    Ah,
    Encryption,
    Esp,
    Group,
    Integrity,
    MainModeMethod,
    Policy,
    PresharedKey,
    Rule,
    SecurityMethod,
)
from .coverage import closed_over_ipv6, open_over_ipv6

_SHOWN: t.Final = 5
_KEY_IN_REGISTRY: t.Final = "every administrator of the host can read the pre-shared key in the registry"
_KEY_IN_DOMAIN: t.Final = (
    "everyone who can read the policy in the directory can read the pre-shared key, often all members"
)


class Severity(enum.StrEnum):
    """How much a finding matters. `HIGH`: traffic can be read, changed or sent by others; `MEDIUM`: an attacker with
    some means or access can do so; `LOW`: a precaution is missing, or a setting has no effect.
    """

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Code(enum.StrEnum):
    """The codes of all findings."""

    WEAK_DES = "weak-des"
    WEAK_3DES = "weak-3des"
    WEAK_MD5 = "weak-md5"
    WEAK_GROUP = "weak-group"
    NO_INTEGRITY = "no-integrity"
    PRESHARED_KEY = "preshared-key"
    NO_PFS = "no-pfs"
    ONE_WAY_NEGOTIATE = "one-way-negotiate"
    DEFAULT_RESPONSE_IGNORED = "default-response-ignored"
    OPEN_OVER_IPV6 = "open-over-ipv6"
    SERVICE_STOPPED = "service-stopped"
    SERVICE_NOT_AT_BOOT = "service-not-at-boot"
    DOMAIN_POLICY_WINS = "domain-policy-wins"
    NOT_READABLE_BY_MEMBERS = "not-readable-by-members"
    GPO_PARTS_DISAGREE = "gpo-parts-disagree"


SEVERITIES: t.Final = {
    Code.WEAK_DES: Severity.HIGH,
    Code.WEAK_3DES: Severity.LOW,
    Code.WEAK_MD5: Severity.MEDIUM,
    Code.WEAK_GROUP: Severity.HIGH,
    Code.NO_INTEGRITY: Severity.HIGH,
    Code.PRESHARED_KEY: Severity.MEDIUM,
    Code.NO_PFS: Severity.LOW,
    Code.ONE_WAY_NEGOTIATE: Severity.MEDIUM,
    Code.DEFAULT_RESPONSE_IGNORED: Severity.LOW,
    Code.OPEN_OVER_IPV6: Severity.MEDIUM,
    Code.SERVICE_STOPPED: Severity.HIGH,
    Code.SERVICE_NOT_AT_BOOT: Severity.MEDIUM,
    Code.DOMAIN_POLICY_WINS: Severity.LOW,
    Code.NOT_READABLE_BY_MEMBERS: Severity.HIGH,
    Code.GPO_PARTS_DISAGREE: Severity.HIGH,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a policy, its host or its domain that the administrator should know. `rules` are the titles of
    the rules that it is about; there are none for a finding about the policy as a whole. `policy` is the name of the
    policy if the finding is about a host or a domain. `remedy` says what to do.
    """

    code: Code
    text: str
    remedy: str
    rules: tuple[str, ...] = ()
    policy: str | None = None

    @property
    def severity(self) -> Severity:
        return SEVERITIES[self.code]

    def warning(self) -> str:
        """The finding as one warning."""
        where = ""
        if self.rules:
            where = f" ({'rule' if len(self.rules) == 1 else 'rules'} {some(self.rules, _SHOWN)})"
        return f"{self.code}: {self.text}{where}; {self.remedy}"


def lint(policy: Policy, of_domain: bool = False) -> list[Finding]:
    """The findings in the enabled rules, each code at most once, except OPEN_OVER_IPV6, which is once for each rule.
    `of_domain` says that the policy is in a directory.
    """
    rules = [rule for rule in policy.rules if rule.enabled]
    negotiating = [rule for rule in rules if rule.action.action is Action.NEGOTIATE]
    found = [
        *_algorithms(negotiating, policy.main_mode.methods),
        *_of_rules(
            Code.NO_INTEGRITY,
            [rule for rule in negotiating if any(map(_without_integrity, rule.action.methods))],
            "a security method has no integrity check, so packets can be changed on the way",
            "use a hash, as in esp[3des,sha]",
        ),
        *_of_rules(
            Code.PRESHARED_KEY,
            [rule for rule in negotiating if any(isinstance(m, PresharedKey) for m in rule.authentication)],
            _KEY_IN_DOMAIN if of_domain else _KEY_IN_REGISTRY,
            "use kerberos or certificates where possible",
        ),
        *_of_rules(
            Code.ONE_WAY_NEGOTIATE,
            [rule for rule in negotiating if rule.tunnel is None and _has_one_direction(rule)],
            "a filter secures one direction only; the answers are not secured, so the connection does not work with a "
            "peer that requires IPsec",
            "set mirrored: true in the filter, or write + instead of = in the notation of ipseccmd",
        ),
    ]
    if not policy.main_mode.pfs:
        found += _of_rules(
            Code.NO_PFS,
            [rule for rule in negotiating if not any(m.pfs for m in rule.action.methods)],
            "there is no perfect forward secrecy, so a leaked main-mode key exposes all of its sessions",
            "add PFS to the security methods",
        )
    if policy.default_response is not None and policy.default_response.enabled:
        found.append(
            Finding(
                code=Code.DEFAULT_RESPONSE_IGNORED,
                text="the default response rule is enabled, but Windows Vista and later ignore it",
                remedy="use a rule with filters instead",
            )
        )
    closed = closed_over_ipv6(rules)
    for rule in rules:
        if rule.action.action is Action.BLOCK and (traffic := open_over_ipv6(rule, closed)):
            found.append(
                Finding(
                    code=Code.OPEN_OVER_IPV6,
                    text=f"{some(traffic, _SHOWN)} {'is' if len(traffic) == 1 else 'are'} blocked over IPv4 only",
                    remedy="add filters with any/ipv6 and me/ipv6",
                    rules=(_short_title(rule),),
                )
            )
    return found


def _short_title(rule: Rule) -> str:
    return rule.title.removeprefix("rule ")


def _of_rules(code: Code, rules: t.Sequence[Rule], text: str, remedy: str) -> t.Iterator[Finding]:
    if rules:
        yield Finding(code=code, text=text, remedy=remedy, rules=tuple(map(_short_title, rules)))


def _has_one_direction(rule: Rule) -> bool:
    """Whether the rule has a filter for one direction and none for the answers."""
    if all(filter_.mirrored for filter_ in rule.filters):
        return False
    there: set[tuple[object, ...]] = set()
    back: set[tuple[object, ...]] = set()
    for filter_ in rule.filters:
        source = (filter_.source, filter_.source_port)
        destination = (filter_.destination, filter_.destination_port)
        there.add((filter_.protocol, source, destination))
        back.add((filter_.protocol, destination, source))
        if filter_.mirrored:
            there.add((filter_.protocol, destination, source))
    return not back <= there


def _without_integrity(method: SecurityMethod) -> bool:
    return all(algorithm.integrity == Integrity.NONE for algorithm in method.algorithms)


def _algorithms(rules: t.Sequence[Rule], main: t.Sequence[MainModeMethod]) -> t.Iterator[Finding]:
    """Weak algorithms. Main mode counts only if a rule negotiates."""

    def quick(weak: t.Callable[[Ah | Esp], bool]) -> bool:
        return any(weak(a) for rule in rules for method in rule.action.methods for a in method.algorithms)

    def offering(in_quick_mode: bool, in_main_mode: bool) -> str:
        in_main_mode = in_main_mode and bool(rules)
        if not in_quick_mode:
            return "main mode offers" if in_main_mode else ""
        return f"security methods{' and main mode' if in_main_mode else ''} offer"

    places_offer = offering(
        quick(lambda a: isinstance(a, Esp) and a.encryption == Encryption.DES),
        any(m.encryption == Encryption.DES for m in main),
    )
    if places_offer:
        yield Finding(
            code=Code.WEAK_DES, text=f"{places_offer} DES, which can be broken in hours", remedy="use 3des only"
        )
    places_offer = offering(
        quick(lambda a: isinstance(a, Esp) and a.encryption == Encryption.TRIPLE_DES),
        any(m.encryption == Encryption.TRIPLE_DES for m in main),
    )
    if places_offer:
        yield Finding(
            code=Code.WEAK_3DES,
            text=f"{places_offer} 3DES, which is deprecated, although the policy store has nothing stronger",
            remedy="for AES, use connection security rules of Windows Defender Firewall",
        )
    places_offer = offering(
        quick(lambda a: a.integrity == Integrity.MD5), any(m.integrity == Integrity.MD5 for m in main)
    )
    if places_offer:
        yield Finding(code=Code.WEAK_MD5, text=f"{places_offer} MD5, which is no longer trusted", remedy="use sha only")
    if places_offer := offering(False, any(m.group == Group.MODP_768 for m in main)):
        yield Finding(
            code=Code.WEAK_GROUP,
            text=f"{places_offer} Diffie-Hellman group 1, which has only 768 bits and can be broken",
            remedy="use group 14, or 2 where older peers need it",
        )
