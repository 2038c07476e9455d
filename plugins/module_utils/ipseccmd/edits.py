# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a command of static mode changes: options that are given replace what is there, others leave it."""

from __future__ import annotations

from ..model import DEFAULT_SECURITY_METHODS, SecurityMethod
from ..shape.edits import DeletePolicy, Edit, EditPolicy
from ..shape.wanted import WantedDefaultResponse, WantedMainMode, WantedRule
from .commands import Negotiation, Parameters, Write


def edit_of(command: Write, notes: list[str]) -> Edit:
    """What `command` does to the policies of one store."""
    if command.delete:
        return DeletePolicy(command.policy, command.rules)
    parameters = command.parameters
    rule = default_response = None
    if parameters.default_response:
        default_response = WantedDefaultResponse(True, _methods(parameters), parameters.authentication or None)
        if command.rules:
            notes.append("-r is ignored beside -f default: the default response rule has no name")
    elif command.rules:
        rule = _rule(command.rules[0], parameters)
    return EditPolicy(
        command.policy,
        None if command.poll_interval is None else command.poll_interval * 60,
        _main_mode(parameters),
        default_response,
        command.assign,
        rule,
        creates=rule is not None or default_response is not None,
    )


def _methods(parameters: Parameters) -> tuple[SecurityMethod, ...] | None:
    """The methods of -n, which has the manual's where it lists none."""
    if parameters.negotiation is None:
        return None
    return tuple(offer.method for offer in parameters.negotiation.offers) or DEFAULT_SECURITY_METHODS


def _rule(name: str, parameters: Parameters) -> WantedRule:
    negotiation = parameters.negotiation
    negotiates = negotiation is None or negotiation.action == "negotiate"
    return WantedRule(
        name,
        filters=tuple(spec.filter for spec in parameters.filters) or None,
        action=negotiation.action if negotiation else None,
        methods=_methods(parameters) if negotiates else None,
        inpass=_inpass(negotiation) if negotiates else None,
        # beside block and pass it is ignored
        soft=True if parameters.soft and negotiates else None,
        authentication=parameters.authentication or None,
        tunnel=parameters.tunnel,
        connection_type=parameters.connection_type,
    )


def _inpass(negotiation: Negotiation | None) -> bool | None:
    return None if negotiation is None else negotiation.inpass


def _main_mode(parameters: Parameters) -> WantedMainMode | None:
    rekey = parameters.main_mode_rekey
    found = WantedMainMode(
        parameters.main_mode_methods or None,
        rekey.seconds if rekey else None,
        rekey.quick_modes if rekey else None,
        True if parameters.main_mode_pfs else None,
    )
    return None if found == WantedMainMode() else found
