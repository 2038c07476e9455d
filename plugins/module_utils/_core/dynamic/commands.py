# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of ``netsh ipsec dynamic`` that add a dynamic rule, and the name by which the host knows it.

Every text is ASCII and stands in quotation marks; what cannot be written exactly is refused.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing as t

from ..model import (
    Action,
    AuthMethod,
    Certificate,
    Filter,
    Group,
    Kerberos,
    MainMode,
    ModelError,
    PresharedKey,
)
from ..model.dynamic import DynamicRule
from ..netsh.filters import write_address, write_filter
from ..netsh.methods import write_main_mode_methods, write_security_methods
from ..netsh.values import write_flag
from ..source.words import LONGEST_LINE

NAME_PREFIX: t.Final = "ipsec.windows-"
NAME: t.Final = re.compile(r"ipsec\.windows-[0-9a-f]{12}")
"""The names of the policies of our rules, which netsh shows in every language."""

_GROUPS: t.Final = {Group.MODP_768: "GRP1", Group.MODP_1024: "GRP2", Group.MODP_2048: "GRP3"}
_INBOUND_OUTBOUND: t.Final = "actioninbound={} actionoutbound={}"


@dataclasses.dataclass(frozen=True, slots=True)
class Commands:
    """What netsh is given for a rule, below ``ipsec dynamic``. It may hold a pre-shared key.

    `policies` are whole commands. Each of `rules` is one rule of netsh: what identifies it, a tab, and its settings.
    """

    policies: tuple[str, ...] = dataclasses.field(repr=False)
    rules: tuple[str, ...] = dataclasses.field(repr=False)

    @property
    def selectors(self) -> tuple[str, ...]:
        """What identifies each rule of netsh, which has no name."""
        return tuple(rule.partition("\t")[0] for rule in self.rules)


def name_of(rule: DynamicRule, salt: str, revision: int) -> str:
    """The name of a rule whose addresses are known: a digest of its commands without the key, different on each host
    (`salt`) and for each `revision`, which tells rules apart that differ only in their key.
    """
    keyless = tuple(PresharedKey("-") if isinstance(method, PresharedKey) else method for method in rule.authentication)
    commands = commands_of(dataclasses.replace(rule, authentication=keyless), NAME_PREFIX)
    text = "\n".join((salt, str(revision), *commands.policies, *commands.rules))
    return NAME_PREFIX + hashlib.sha256(text.encode()).hexdigest()[:12]


def commands_of(rule: DynamicRule, name: str) -> Commands:
    """The commands for a rule whose addresses are known and that `check_dynamic` accepts. Raises `ModelError`."""
    policies = [_main_mode_policy(rule, name)]
    if rule.negotiates:
        policies.append(_quick_mode_policy(rule, name))
    settings = {item.action: _settings(rule, item.action, name) for item in rule.filters}
    rules = tuple(f"{_selector(item.filter, rule)}\t{settings[item.action]}" for item in rule.filters)
    found = Commands(tuple(policies), rules)
    for command in (*found.policies, *(f"add rule {rule_}" for rule_ in found.rules)):
        if len(command) > LONGEST_LINE:
            raise ModelError(
                f"a command of netsh would have {len(command)} characters; it may have at most {LONGEST_LINE}"
            )
    return found


def _main_mode_policy(rule: DynamicRule, name: str) -> str:
    main_mode = rule.main_mode
    minutes = main_mode.lifetime_seconds // 60
    return (
        f"add mmpolicy name={quoted(name)} qmpermm={_quick_modes(main_mode)} mmlifetime={minutes} "
        f"softsaexpirationtime={rule.soft_lifetime} mmsecmethods={quoted(write_main_mode_methods(main_mode.methods))}"
    )


def _quick_modes(main_mode: MainMode) -> int:
    """Master key PFS is one quick mode for each main mode."""
    return 1 if main_mode.pfs else main_mode.quick_mode_limit


def _quick_mode_policy(rule: DynamicRule, name: str) -> str:
    methods, pfs = write_security_methods(rule.methods)
    group = "NOPFS" if not pfs else "GRPMM" if rule.pfs_group is None else _GROUPS[rule.pfs_group]
    return (
        f"add qmpolicy name={quoted(name)} soft={write_flag(rule.soft)} pfsgroup={group} qmsecmethods={quoted(methods)}"
    )


def _selector(filter_: Filter, rule: DynamicRule) -> str:
    """The arguments that identify the rule of netsh for a filter. A mirrored filter has one text for both spellings."""
    found = _arguments(filter_)
    if filter_.mirrored:
        found = min(found, _arguments(filter_.turned()))
    words = [*found, f"mirrored={write_flag(filter_.mirrored)}", f"conntype={rule.connection_type}"]
    if rule.tunnel is not None:
        words.append(f"tunneldstaddress={write_address(rule.tunnel)}")
    return " ".join(words)


def _arguments(filter_: Filter) -> list[str]:
    """The ends, the protocol and the ports of a filter."""
    words = [word for word in write_filter(filter_.undescribed()) if not word.startswith("mirrored=")]
    given = {word.partition("=")[0] for word in words}
    return words + [f"{name}=0" for name in ("srcport", "dstport") if name not in given]


def _settings(rule: DynamicRule, action: Action, name: str) -> str:
    words = [f"mmpolicy={quoted(name)}"]
    if action is not Action.NEGOTIATE:
        return " ".join((*words, _INBOUND_OUTBOUND.format(action, action)))
    inbound = Action.PERMIT if rule.inpass else action
    words += [f"qmpolicy={quoted(name)}", _INBOUND_OUTBOUND.format(inbound, action)]
    methods = rule.authentication
    words.append(f"kerberos={write_flag(any(isinstance(method, Kerberos) for method in methods))}")
    words += [authentication_word(method) for method in methods if not isinstance(method, Kerberos)]
    return " ".join(words)


def authentication_word(method: AuthMethod) -> str:
    """The argument for a method other than kerberos. Raises `ModelError`."""
    match method:
        case PresharedKey(str() as key):
            return f"psk={quoted(key, 'the pre-shared key')}"
        case Certificate(ca=ca):
            # inside quotes, netsh reads \' as a quotation mark
            if "\\'" in ca or re.search(r"\s(?:certmap|excludecaname):", ca, re.IGNORECASE):
                raise ModelError("netsh cannot express the name of the certificate authority")
            if ca != ca.strip():
                raise ModelError(
                    "the name of the certificate authority has a blank at an end, which netsh may read differently"
                )
            written = "\\'".join(quoted(part, "the name of the certificate authority")[1:-1] for part in ca.split('"'))
            return f'rootca="{written} certmap:no excludecaname:no"'
    raise ModelError("netsh cannot express an authentication method")


def quoted(value: str, what: str = "a text") -> str:
    """`value` in quotation marks. Raises `ModelError`, which does not show it, for what netsh may read differently."""
    if not value.isascii() or not value.isprintable():
        raise ModelError(f"{what} has characters that netsh may read differently; use printable ASCII characters only")
    if '"' in value:
        raise ModelError(f"{what} contains a quotation mark, which netsh cannot express")
    if "\\'" in value or value.endswith("\\"):
        raise ModelError(f"{what} contains \\' or ends with a backslash, which netsh may read differently")
    return f'"{value}"'
