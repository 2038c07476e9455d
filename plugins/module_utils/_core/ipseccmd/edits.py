# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a command of static mode changes: options that are given replace what is stored, others leave it as it is."""

from __future__ import annotations

from ..model import DEFAULT_SECURITY_METHODS, Action, SecurityMethod
from ..model.edits import DeletePolicy, Edit, EditPolicy
from ..model.wanted import WantedDefaultResponse, WantedMainMode, WantedRule
from .commands import Parameters, WritePolicy


def edit_of(command: WritePolicy, notes: list[str]) -> Edit:
    """What `command` does to the policies of a store. What it ignores is added to `notes`."""
    if command.delete:
        return DeletePolicy(command.policy, command.rules)
    parameters = command.parameters
    rule = default_response = None
    if parameters.default_response:
        default_response = WantedDefaultResponse(True, _methods(parameters), parameters.authentication or None)
        if command.rules:
            notes.append("-r is ignored with -f default: the default response rule has no name")
    elif command.rules:
        rule = _rule(command.rules[0], parameters)
    return EditPolicy(
        policy=command.policy,
        poll_interval=None if command.poll_interval is None else command.poll_interval * 60,
        main_mode=_main_mode(parameters),
        default_response=default_response,
        assigned=command.assign,
        rule=rule,
        creates=rule is not None or default_response is not None,
    )


def _methods(parameters: Parameters) -> tuple[SecurityMethod, ...] | None:
    """The methods of -n; the manual's defaults where -n lists none."""
    if parameters.negotiation is None:
        return None
    return tuple(offer.method for offer in parameters.negotiation.offers) or DEFAULT_SECURITY_METHODS


def _rule(name: str, parameters: Parameters) -> WantedRule:
    negotiation = parameters.negotiation
    negotiates = negotiation is None or negotiation.action is Action.NEGOTIATE
    return WantedRule(
        name=name,
        filters=tuple(spec.filter for spec in parameters.filters) or None,
        action=negotiation.action if negotiation else None,
        methods=_methods(parameters) if negotiates else None,
        inpass=negotiation.inpass if negotiation and negotiates else None,
        # ignored with block and pass
        soft=True if parameters.soft and negotiates else None,
        authentication=parameters.authentication or None,
        tunnel=parameters.tunnel,
        connection_type=parameters.connection_type,
    )


def _main_mode(parameters: Parameters) -> WantedMainMode | None:
    rekey = parameters.main_mode_rekey
    found = WantedMainMode(
        methods=parameters.main_mode_methods or None,
        lifetime_seconds=rekey.seconds if rekey else None,
        quick_mode_limit=rekey.quick_modes if rekey else None,
        pfs=True if parameters.main_mode_pfs else None,
    )
    return None if found == WantedMainMode() else found
