# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of `netsh ipsec dynamic` in a script: each rule becomes a dynamic rule of ours with one filter.

The names of main-mode and quick-mode policies only connect the commands of a script. What a command leaves out has the
manual's default: netsh does not document others.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import one_of
from ..model import (
    DEFAULT_AUTHENTICATION,
    DEFAULT_SECURITY_METHODS,
    MINUTES_LIMIT,
    U32,
    Action,
    AuthMethod,
    ConnectionType,
    DnsName,
    Filter,
    Group,
    HostAddress,
    MainMode,
    SecurityMethod,
    defaults,
)
from ..model.dynamic import (
    CONFIG_PROPERTIES,
    AddDynamic,
    DeleteDynamic,
    DynamicChange,
    DynamicFilter,
    DynamicRule,
    FlushDynamic,
    Identity,
    SetConfig,
    config_value,
)
from ..model.main_mode import DEFAULT_MAIN_MODE
from ..shape.placed import PlacedChange
from ..source.text import Text
from ..store.casing import fold
from .filters import read_filter
from .grammar import NetshCommand
from .methods import read_authentication, read_main_mode_methods, read_security_methods, with_pfs
from .reading import given, read_endpoint
from .values import read_flag, read_name, read_number, read_word

_PFS: t.Final[t.Mapping[str, tuple[bool, Group | None]]] = {
    "grp1": (True, Group.MODP_768),
    "grp2": (True, Group.MODP_1024),
    "grp3": (True, Group.MODP_2048),
    "grpmm": (True, None),
    "nopfs": (False, None),
}
_PAIRS: t.Final = {
    (Action.PERMIT, Action.PERMIT): Action.PERMIT,
    (Action.BLOCK, Action.BLOCK): Action.BLOCK,
    (Action.NEGOTIATE, Action.NEGOTIATE): Action.NEGOTIATE,
    # inpass
    (Action.PERMIT, Action.NEGOTIATE): Action.NEGOTIATE,
}
"""What the actions for inbound and outbound packets make of a filter."""
_ACTIONS: t.Final = "expected permit, block or negotiate"
_DIAGNOSTICS: t.Final = ("ipsecdiagnostics", "ikelogging", "ipsecloginterval")
_DONE: t.Final = {Action.PERMIT: "permitted", Action.BLOCK: "blocked", Action.NEGOTIATE: "negotiated"}


@dataclasses.dataclass(frozen=True, slots=True)
class _MainModePolicy:
    main_mode: MainMode = DEFAULT_MAIN_MODE
    soft_lifetime: int = defaults.SOFT_LIFETIME

    def changed(self, command: NetshCommand) -> _MainModePolicy:
        """The policy with what a command gives. Raises `SourceError`."""
        minutes = given(command, "mmlifetime", read_number, 1, MINUTES_LIMIT)
        return _replaced(
            self,
            main_mode=_replaced(
                self.main_mode,
                methods=given(command, "mmsecmethods", read_main_mode_methods),
                lifetime_seconds=None if minutes is None else minutes * 60,
                quick_mode_limit=given(command, "qmpermm", read_number, 0, U32),
            ),
            soft_lifetime=given(command, "softsaexpirationtime", read_number, 1, U32),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _QuickModePolicy:
    methods: tuple[SecurityMethod, ...] = DEFAULT_SECURITY_METHODS
    pfs: tuple[bool, Group | None] = (False, None)
    soft: bool = False

    def changed(self, command: NetshCommand) -> _QuickModePolicy:
        """The policy with what a command gives. Raises `SourceError`."""
        group = given(command, "pfsgroup", read_word, tuple(_PFS), "expected GRP1, GRP2, GRP3, GRPMM or NOPFS")
        return _replaced(
            self,
            methods=given(command, "qmsecmethods", read_security_methods),
            pfs=None if group is None else _PFS[group],
            soft=given(command, "soft", read_flag),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _NetshRule:
    """A rule of netsh. `command` adds it or was the last to change it, at `place`."""

    command: NetshCommand
    place: str
    filter: Filter
    tunnel: HostAddress | DnsName | None
    connection_type: ConnectionType
    mmpolicy: Text | None = None
    qmpolicy: Text | None = None
    inbound: Action = Action.NEGOTIATE
    outbound: Action = Action.NEGOTIATE
    authentication: tuple[AuthMethod, ...] = DEFAULT_AUTHENTICATION

    @property
    def identity(self) -> Identity:
        rule = DynamicRule(
            filters=(DynamicFilter(self.filter),), tunnel=self.tunnel, connection_type=self.connection_type
        )
        return rule.identity


_Value = t.TypeVar("_Value", _MainModePolicy, _QuickModePolicy, _NetshRule, MainMode)


def _replaced(value: _Value, **new: t.Any) -> _Value:
    """`value` with the fields that are not None."""
    return dataclasses.replace(value, **{name: item for name, item in new.items() if item is not None})


_Policy = t.TypeVar("_Policy", _MainModePolicy, _QuickModePolicy)


class _Policies(t.Generic[_Policy]):
    """The main-mode or the quick-mode policies of a script by name; case does not matter. `what` is their word, and
    `plain` one for which nothing is given.
    """

    def __init__(self, what: str, plain: _Policy) -> None:
        self.what = what
        self._plain: _Policy = plain
        self._found: dict[str, _Policy] = {}

    def add(self, name: Text) -> _Policy:
        """A new policy, which `put` stores. Raises `SourceError`."""
        if fold(read_name(name)) in self._found:
            raise name.error(0, f"the script has created this {self.what}; adding it again fails")
        return self._plain

    def find(self, name: Text) -> _Policy:
        """Raises `SourceError`."""
        found = self._found.get(fold(name.value))
        if found is None:
            raise name.error(
                0,
                f"no earlier command creates this {self.what}, and those of the host are not known here; "
                f"create it with 'add {self.what}'",
            )
        return found

    def put(self, name: Text, value: _Policy) -> None:
        self._found[fold(name.value)] = value

    def delete(self, name: Text | None) -> None:
        """Forget one policy, or all of them."""
        if name is None:
            self._found.clear()
        else:
            del self._found[fold(name.value)]


class DynamicScript:
    """Follows the commands of a script. What differs from the text is added to `notes`."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._main = _Policies("mmpolicy", _MainModePolicy())
        self._quick = _Policies("qmpolicy", _QuickModePolicy())
        # of rules, the changes have the identity: later commands may still change them
        self._rules: dict[Identity, _NetshRule] = {}
        self._changes: list[PlacedChange | Identity] = []
        self._executors: t.Final[t.Mapping[tuple[str, str], t.Callable[[NetshCommand, str], None]]] = {
            ("add", "mmpolicy"): lambda command, place: self._set_policy(self._main, command),
            ("set", "mmpolicy"): lambda command, place: self._set_policy(self._main, command),
            ("delete", "mmpolicy"): lambda command, place: self._delete_policy(self._main, command, place),
            ("add", "qmpolicy"): lambda command, place: self._set_policy(self._quick, command),
            ("set", "qmpolicy"): lambda command, place: self._set_policy(self._quick, command),
            ("delete", "qmpolicy"): lambda command, place: self._delete_policy(self._quick, command, place),
            ("add", "rule"): self._add_rule,
            ("set", "rule"): self._set_rule,
            ("delete", "rule"): self._delete_rule,
            ("delete", "all"): self._delete_all,
            ("set", "config"): self._set_config,
            ("show", ""): lambda command, place: self._note(command, place, "'show' changes nothing and is left out"),
        }

    def run(self, command: NetshCommand, place: str = "") -> None:
        """Follow a command, which is the item `place` of a list or a line of a script. Raises `SourceError`."""
        self._executors[command.verb, command.object](command, place)

    def changes(self) -> tuple[PlacedChange, ...]:
        """What the commands change, in order, each rule as later commands leave it."""
        found = []
        for change in self._changes:
            if isinstance(change, PlacedChange):
                found.append(change)
            else:
                rule = self._rules[change]
                found.append(_placed(AddDynamic(self._build(rule)), rule.command, rule.place))
        return tuple(found)

    def _note(self, command: NetshCommand, place: str, problem: str) -> None:
        self._notes.append(f"{place or f'line {command.text.line()}'}: {problem}")

    def _set_policy(self, policies: _Policies[t.Any], command: NetshCommand) -> None:
        name = command["name"]
        old = policies.add(name) if command.verb == "add" else policies.find(name)
        policies.put(name, old.changed(command))

    def _delete_policy(self, policies: _Policies[t.Any], command: NetshCommand, place: str) -> None:
        name = command.get("name")
        if name is None:
            self._note(
                command, place, f"each {policies.what} of the host stays, because only those of the script are known"
            )
        else:
            policies.find(name)
        users = [getattr(rule, policies.what) for rule in self._rules.values()]
        if any(user and (name is None or fold(user.value) == fold(name.value)) for user in users):
            raise (name or command.text).error(
                0, f"a rule of the script uses the {policies.what}; delete the rule first"
            )
        policies.delete(name)

    def _add_rule(self, command: NetshCommand, place: str) -> None:
        rule = self._read_rule(command, place)
        rule = self._changed(rule, command)
        if rule.identity in self._rules:
            raise command["srcaddr"].error(0, "the script already adds a rule for this traffic; adding it again fails")
        self._rules[rule.identity] = rule
        self._changes.append(rule.identity)

    def _set_rule(self, command: NetshCommand, place: str) -> None:
        rule = self._read_rule(command, place)
        old = self._rules.get(rule.identity)
        if old is None:
            raise command["srcaddr"].error(
                0,
                "no earlier command adds a rule for this traffic, and those of the host are not known here; write a "
                "changed rule as a task of ipsec_dynamic",
            )
        self._rules[rule.identity] = self._changed(dataclasses.replace(old, command=command, place=place), command)

    def _delete_rule(self, command: NetshCommand, place: str) -> None:
        identity = self._read_rule(command, place).identity
        if self._rules.pop(identity, None) is not None:
            self._changes.remove(identity)
        self._changes.append(_placed(DeleteDynamic(identity), command, place))

    def _read_rule(self, command: NetshCommand, place: str) -> _NetshRule:
        """The traffic that a command is about. Raises `SourceError`."""
        notes: list[str] = []
        filter_ = read_filter(command, notes)
        for note in notes:
            self._note(command, place, note)
        for name, ports in (("srcport", filter_.source_port), ("dstport", filter_.destination_port)):
            if ports is not None and ports.first != ports.last:
                raise command[name].error(0, "a dynamic rule has one port, not a range; use one rule for each port")
        tunnel = given(command, "tunneldstaddress", read_endpoint)
        if tunnel is not None and filter_.mirrored:
            raise command["tunneldstaddress"].error(
                0,
                "a tunnel needs mirrored=no, and a second rule for the other direction, with its own tunneldstaddress=",
            )
        kind = given(command, "conntype", read_word, tuple(ConnectionType), "expected all, lan or dialup")
        return _NetshRule(
            command=command,
            place=place,
            filter=filter_,
            tunnel=tunnel,
            connection_type=ConnectionType(kind or defaults.CONNECTION_TYPE),
        )

    def _changed(self, rule: _NetshRule, command: NetshCommand) -> _NetshRule:
        """The rule with what a command gives. Raises `SourceError`."""
        actions = {
            name: None if (word := given(command, name, read_word, tuple(Action), _ACTIONS)) is None else Action(word)
            for name in ("actioninbound", "actionoutbound")
        }
        found = _replaced(
            rule,
            mmpolicy=command.get("mmpolicy"),
            qmpolicy=command.get("qmpolicy"),
            inbound=actions["actioninbound"],
            outbound=actions["actionoutbound"],
            authentication=read_authentication(command),
        )
        self._build(found)
        return found

    def _build(self, rule: _NetshRule) -> DynamicRule:
        """The dynamic rule with its policies as they are now. Raises `SourceError`."""
        command = rule.command
        action = _PAIRS.get((rule.inbound, rule.outbound))
        if action is None:
            place = command.get("actioninbound") or command.get("actionoutbound") or command.text
            raise place.error(
                0,
                f"inbound packets are {_DONE[rule.inbound]} here, and outbound packets {_DONE[rule.outbound]}; a rule "
                "does the same with both, or has actioninbound=permit and actionoutbound=negotiate",
            )
        main = self._main.find(t.cast(Text, rule.mmpolicy))
        quick = None if rule.qmpolicy is None else self._quick.find(rule.qmpolicy)
        traffic: dict[str, t.Any] = {
            "filters": (DynamicFilter(rule.filter, action),),
            "tunnel": rule.tunnel,
            "connection_type": rule.connection_type,
        }
        place = command.get("tunneldstaddress") or command["srcaddr"]
        if action is not Action.NEGOTIATE:
            return place.at(DynamicRule, **traffic)
        if quick is None:
            raise command.text.error(len(command.text), "a rule that negotiates needs qmpolicy=")
        pfs, group = quick.pfs
        return place.at(
            DynamicRule,
            **traffic,
            methods=with_pfs(quick.methods, pfs),
            pfs_group=group,
            inpass=rule.inbound is Action.PERMIT,
            soft=quick.soft,
            authentication=rule.authentication,
            main_mode=main.main_mode,
            soft_lifetime=main.soft_lifetime,
        )

    def _delete_all(self, command: NetshCommand, place: str) -> None:
        self._main.delete(None)
        self._quick.delete(None)
        self._rules.clear()
        # the earlier changes of rules have no effect then
        self._changes = [change for change in self._changes if _is_setting(change)]
        self._changes.append(_placed(FlushDynamic(), command, place))

    def _set_config(self, command: NetshCommand, place: str) -> None:
        place_of_name, place_of_value = command["property"], command["value"]
        name = place_of_name.value.casefold()
        if name in _DIAGNOSTICS:
            raise place_of_name.error(
                0,
                "this is for finding faults, not a setting to keep; set it with netsh on the host while you need it",
            )
        read_word(place_of_name, CONFIG_PROPERTIES, f"expected {one_of(CONFIG_PROPERTIES)}")
        value = place_of_value.at(config_value, name, place_of_value.value)
        self._changes.append(_placed(SetConfig({name: value}), command, place))


def _placed(change: DynamicChange, command: NetshCommand, place: str) -> PlacedChange:
    return PlacedChange(change, command=command.text, place=place)


def _is_setting(change: PlacedChange | Identity) -> bool:
    return isinstance(change, PlacedChange) and isinstance(change.change, SetConfig)
