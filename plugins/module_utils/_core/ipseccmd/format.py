# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands of ipseccmd as the shortest lines that the manual allows."""

from __future__ import annotations

import typing as t

from ..model import AuthMethod, Certificate, Kerberos, ModelError, PresharedKey
from ..model.dynamic import SIGNS
from ..notation.filters import format_filter
from ..notation.negotiation import format_negotiation
from ..source.text import SourceError
from ..source.words import quote
from .commands import AddRule, Command, DeleteRules, FilterSpec, Help, Parameters, Query, Rekey, Show, WritePolicy
from .parse import parse_command, poll_interval


def format_command(command: Command) -> str:
    """The line of a command. Raises `ModelError` for what the language cannot express."""
    line = " ".join(["ipseccmd", *_words(command)])
    try:
        read = parse_command(line, [])
    except SourceError as error:
        raise ModelError(f"a command of ipseccmd cannot express this: {error.problem}") from None
    if read != command:
        raise ModelError("a command of ipseccmd cannot express all of this, or only in another mode")
    return line


def _words(command: Command) -> t.Iterator[str]:
    if isinstance(command, AddRule | WritePolicy | Show) and command.computer is not None:
        yield _value(f"\\\\{command.computer}")
    match command:
        case Help():
            yield "/?"
        case DeleteRules():
            yield "-u"
        case Show():
            yield "show"
            yield from (
                ["all"] if command.what == set(Query) else [str(query) for query in Query if query in command.what]
            )
        case AddRule():
            yield from _parameters(command.parameters)
        case WritePolicy():
            yield from _parameters(command.parameters)
            yield from _policy(command)


def _value(text: str) -> str:
    """A value as one word, in quotation marks also where it would look like an option."""
    return quote(text, always=text[:1] in ("-", "/"))


def _parameters(parameters: Parameters) -> t.Iterator[str]:
    if parameters.default_response:
        yield "-f default"
    elif parameters.filters:
        yield " ".join(["-f", *map(format_filter_spec, parameters.filters)])
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


def format_filter_spec(spec: FilterSpec) -> str:
    """One filter of -f. Raises `ModelError`."""
    text = format_filter(spec.filter)
    if spec.action is None:
        return _value(text)
    before, after = SIGNS[spec.action]
    return f"{before}{text}{after}"


def _auth_method(method: AuthMethod) -> str:
    match method:
        case Kerberos():
            return "k"
        case PresharedKey(key) if key is not None:
            return quote(f"p:{key}")
        case Certificate(ca=ca):
            return quote(f"c:{ca}")
    raise ModelError("an authentication method cannot be written: its key or its type is not known")


def _rekey(rekey: Rekey) -> str:
    numbers = ((rekey.quick_modes, "Q"), (rekey.seconds, "S"))
    return "/".join(f"{number}{unit}" for number, unit in numbers if number is not None)


def _policy(command: WritePolicy) -> t.Iterator[str]:
    yield "-w " + _value(command.store if command.location is None else f"{command.store}:{command.location}")
    name = command.policy
    if command.poll_interval is not None:
        name += f":{command.poll_interval}"
    elif poll_interval(name) is not None:
        raise ModelError(
            f"the name of the policy '{name}' ends like a poll interval, and a command would read it as one: give the "
            "poll interval too, or rename the policy"
        )
    yield f"-p {_value(name)}"
    for rule in command.rules:
        yield f"-r {_value(rule)}"
    if command.assign is not None:
        yield "-x" if command.assign else "-y"
    if command.delete:
        yield "-o"
