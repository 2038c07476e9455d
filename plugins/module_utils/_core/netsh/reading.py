# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads the values of a command of `netsh ipsec static`, whatever a script or a host has."""

from __future__ import annotations

import typing as t

from ..model import MINUTES_LIMIT, U32, Action, ConnectionType, DnsName, HostAddress
from ..model.wanted import WantedMainMode
from ..shape.domains import read_domain
from ..source.text import Text
from .commands import (
    ActionCommand,
    AddFilter,
    DeleteEverything,
    DeleteFilters,
    Deletion,
    FileCommand,
    ListCommand,
    NoChange,
    PolicyCommand,
    ResponseCommand,
    RuleCommand,
    ScriptCommand,
    ScriptVerb,
    StoreCommand,
    Thing,
)
from .filters import read_address, read_filter, read_pattern
from .grammar import Nameless, NetshCommand
from .methods import read_authentication, read_main_mode_methods, read_security_methods
from .values import read_description, read_flag, read_name, read_number, read_word

_T = t.TypeVar("_T")


def read_command(command: NetshCommand) -> ScriptCommand:
    """What a command means. Raises `SourceError` for a value that is not valid."""
    return _READERS[command.verb, command.object](command)


def given(command: NetshCommand, name: str, read: t.Callable[..., _T], *args: t.Any) -> _T | None:
    """The value of an argument; None where it is omitted."""
    value = command.get(name)
    return None if value is None else read(value, *args)


def _names(command: NetshCommand) -> dict[str, t.Any]:
    """The verb and the names of an object."""
    for name in ("name", "newname"):
        given(command, name, read_name)
    return {"verb": ScriptVerb(command.verb), "name": command["name"], "newname": command.get("newname")}


def _policy(command: NetshCommand) -> PolicyCommand:
    minutes = given(command, "pollinginterval", read_number, 1, MINUTES_LIMIT)
    lifetime = given(command, "mmlifetime", read_number, 1, MINUTES_LIMIT)
    main_mode = WantedMainMode(
        methods=given(command, "mmsecmethods", read_main_mode_methods),
        lifetime_seconds=None if lifetime is None else lifetime * 60,
        quick_mode_limit=given(command, "qmpermm", read_number, 0, U32),
        pfs=given(command, "mmpfs", read_flag),
    )
    return PolicyCommand(
        **_names(command),
        description=given(command, "description", read_description),
        assign=given(command, "assign", read_flag),
        assign_place=command.get("assign"),
        gpo=_gpo(command),
        poll_interval=None if minutes is None else minutes * 60,
        main_mode=main_mode,
        default_rule=given(command, "activatedefaultrule", read_flag),
    )


def _gpo(command: NetshCommand) -> Text | None:
    given(command, "gponame", read_name)
    return command.get("gponame")


def _list(command: NetshCommand) -> ListCommand:
    return ListCommand(**_names(command), description=given(command, "description", read_description))


def _filter(command: NetshCommand) -> AddFilter:
    notes: list[str] = []
    filter_ = read_filter(command, notes)
    return AddFilter(command["filterlist"], filter_, tuple(notes))


def _filters(command: NetshCommand) -> DeleteFilters:
    notes: list[str] = []
    pattern = read_pattern(command, notes)
    return DeleteFilters(command["filterlist"], pattern, tuple(notes))


def _action(command: NetshCommand) -> ActionCommand:
    action = given(command, "action", read_word, tuple(Action), "expected permit, block or negotiate")
    return ActionCommand(
        **_names(command),
        description=given(command, "description", read_description),
        action=None if action is None else Action(action),
        methods=given(command, "qmsecmethods", read_security_methods),
        pfs=given(command, "qmpfs", read_flag),
        inpass=given(command, "inpass", read_flag),
        soft=given(command, "soft", read_flag),
    )


def _rule(command: NetshCommand) -> RuleCommand:
    return RuleCommand(
        **_names(command),
        policy=command["policy"],
        filter_list=command.get("filterlist"),
        filter_action=command.get("filteraction"),
        description=given(command, "description", read_description),
        enabled=given(command, "activate", read_flag),
        connection_type=given(command, "conntype", read_word, tuple(ConnectionType), "expected all, lan or dialup"),
        tunnel=given(command, "tunnel", read_endpoint),
        tunnel_place=command.get("tunnel"),
        authentication=read_authentication(command),
    )


def read_endpoint(value: Text) -> HostAddress | DnsName:
    """Raises `SourceError`."""
    address = read_address(value)
    # the word may be a part of a key that has blanks, but no quotation marks
    if isinstance(value, Nameless) and isinstance(address, DnsName):
        raise value.error(0, "a tunnel endpoint without tunnel= is one address")
    if not isinstance(address, HostAddress | DnsName):
        raise value.error(0, "a tunnel endpoint is one address or DNS name")
    return address


def _response(command: NetshCommand) -> ResponseCommand:
    if (gpo := command.get("gponame")) is not None:
        raise gpo.error(
            0,
            "a Group Policy object assigns a whole policy: use 'set policy' with gponame= and assign=yes or assign=no",
        )
    return ResponseCommand(
        policy=command["policy"],
        enabled=given(command, "activate", read_flag),
        methods=given(command, "qmsecmethods", read_security_methods),
        pfs=given(command, "qmpfs", read_flag),
        authentication=read_authentication(command),
    )


def _deletion(command: NetshCommand) -> Deletion:
    thing = {"policy": Thing.POLICY, "filterlist": Thing.LIST, "filteraction": Thing.ACTION, "rule": Thing.RULE}
    if not command.everything:
        read_name(command["name"])
    return Deletion(
        text=command.text,
        thing=thing[command.object],
        name=None if command.everything else command["name"],
        policy=command.get("policy"),
    )


def _store(command: NetshCommand) -> StoreCommand:
    location = read_word(command["location"], ("local", "domain"), "expected local or domain")
    domain = command.get("domain")
    if location == "domain":
        return StoreCommand(domain or command["location"], given(command, "domain", read_domain))
    if domain is not None:
        raise domain.error(0, "domain= needs location=domain")
    return StoreCommand()


def _file(command: NetshCommand) -> FileCommand:
    return FileCommand(command.text, command.verb)


_READERS: t.Final[t.Mapping[tuple[str, str], t.Callable[[NetshCommand], ScriptCommand]]] = {
    ("show", ""): _file,
    ("exportpolicy", ""): _file,
    ("importpolicy", ""): _file,
    ("set", "store"): _store,
    # how netsh runs its own scripts; nothing is stored
    ("set", "batch"): lambda command: NoChange(),
    ("add", "policy"): _policy,
    ("set", "policy"): _policy,
    ("delete", "policy"): _deletion,
    ("add", "filterlist"): _list,
    ("set", "filterlist"): _list,
    ("delete", "filterlist"): _deletion,
    ("add", "filter"): _filter,
    ("delete", "filter"): _filters,
    ("add", "filteraction"): _action,
    ("set", "filteraction"): _action,
    ("delete", "filteraction"): _deletion,
    ("add", "rule"): _rule,
    ("set", "rule"): _rule,
    ("delete", "rule"): _deletion,
    ("set", "defaultrule"): _response,
    ("delete", "all"): lambda command: DeleteEverything(command.text),
}
