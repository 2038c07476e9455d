# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands of ipseccmd as the shortest lines that the manual accepts. Raises `ModelError` for what it cannot say."""

from __future__ import annotations

import typing as t

from ..model import AuthMethod, Certificate, Kerberos, ModelError, PresharedKey
from ..source import SourceError
from ..words import quote
from .commands import QUERIES, AddRule, Command, DeleteRules, FilterSpec, Help, Parameters, Rekey, Show, Write
from .filters import format_filter
from .methods import format_negotiation
from .parse import parse_command, poll_interval


def format_command(command: Command) -> str:
    line = " ".join(["ipseccmd", *_words(command)])
    try:
        said = parse_command(line, [])
    except SourceError as error:
        raise ModelError(f"this cannot be written as a command of ipseccmd: {error.problem}") from None
    if said != command:
        raise ModelError("a command of ipseccmd cannot say all of this, or says it in another mode")
    return line


def _words(command: Command) -> t.Iterator[str]:
    if isinstance(command, AddRule | Write | Show) and command.computer is not None:
        yield _value(f"\\\\{command.computer}")
    match command:
        case Help():
            yield "/?"
        case DeleteRules():
            yield "-u"
        case Show():
            yield "show"
            yield from ["all"] if command.what == set(QUERIES) else [name for name in QUERIES if name in command.what]
        case AddRule():
            yield from _parameters(command.parameters)
        case Write():
            yield from _parameters(command.parameters)
            yield from _policy(command)


def _value(text: str) -> str:
    """A value as one word; in quotation marks also where it would be taken for an option."""
    return quote(text, always=text[:1] in ("-", "/"))


def _parameters(parameters: Parameters) -> t.Iterator[str]:
    if parameters.default_response:
        yield "-f default"
    elif parameters.filters:
        yield " ".join(["-f", *(_filter(spec) for spec in parameters.filters)])
    if parameters.negotiation is not None:
        yield f"-n {format_negotiation(parameters.negotiation)}"
    if parameters.tunnel is not None:
        yield f"-t {_value(str(parameters.tunnel))}"
    if parameters.authentication:
        yield " ".join(["-a", *map(_auth_method, parameters.authentication)])
    if parameters.main_mode_methods:
        yield " ".join(["-1s", *map(str, parameters.main_mode_methods)])
    if parameters.main_mode_rekey is not None:
        yield f"-1k {_rekey(parameters.main_mode_rekey)}"
    if parameters.main_mode_pfs:
        yield "-1p"
    if parameters.main_mode_filters:
        yield " ".join(["-1f", *(_value(format_filter(filter_)) for filter_ in parameters.main_mode_filters)])
    if parameters.soft_lifetime is not None:
        yield f"-1e {parameters.soft_lifetime}"
    if parameters.soft:
        yield "-soft"
    if parameters.confirm:
        yield "-c"
    if parameters.connection_type is not None:
        yield f"-{parameters.connection_type}"


def _filter(spec: FilterSpec) -> str:
    text = format_filter(spec.filter)
    if spec.action is None:
        return _value(text)
    return f"({text})" if spec.action == "permit" else f"[{text}]"


def _auth_method(method: AuthMethod) -> str:
    match method:
        case Kerberos():
            return "k"
        case PresharedKey(key) if key is not None:
            return quote(f"p:{key}")
        case Certificate(ca):
            return quote(f"c:{ca}")
    raise ModelError("an authentication method has no text: the key is not known, or the type is not")


def _rekey(rekey: Rekey) -> str:
    numbers = ((rekey.quick_modes, "Q"), (rekey.seconds, "S"))
    return "/".join(f"{number}{unit}" for number, unit in numbers if number is not None)


def _policy(command: Write) -> t.Iterator[str]:
    yield "-w " + _value(command.store if command.location is None else f"{command.store}:{command.location}")
    name = command.policy
    if command.poll_interval is not None:
        name += f":{command.poll_interval}"
    elif poll_interval(name) is not None:
        raise ModelError(
            f"the policy's name '{name}' ends like a poll interval, so that a command would take it for one: give the "
            "poll interval too, or rename the policy"
        )
    yield f"-p {_value(name)}"
    for rule in command.rules:
        yield f"-r {_value(rule)}"
    if command.assign is not None:
        yield "-x" if command.assign else "-y"
    if command.delete:
        yield "-o"
