# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policies to command lines of ipseccmd."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import (
    DEFAULT_AUTHENTICATION,
    DEFAULT_SECURITY_METHODS,
    Action,
    Address,
    AuthMethod,
    ConnectionType,
    DnsName,
    Group,
    MainMode,
    ModelError,
    PresharedKey,
    Rule,
    SecurityMethod,
    defaults,
)
from ..model.wanted import RulesMode, State, Wanted, WantedMainMode
from ..notation.filters import format_filter
from ..notation.methods import Offer
from ..notation.negotiation import Negotiation
from ..shape import keys
from ..shape.domains import DomainStore
from ..shape.parse import parse_task
from ..source.words import LONGEST_LINE
from .commands import FilterSpec, Parameters, Rekey, StoreKind, WritePolicy
from .format import format_command


def write_lines(
    policies: t.Iterable[t.Mapping[str, t.Any]], notes: list[str], domain: DomainStore | None = None
) -> list[str]:
    """The lines that create these policies, each of which has the keys of a task of ipsec_policy. They are for the
    policies of `domain`; None is the registry.

    What the language cannot express and does not affect traffic, such as a description, is left out and added to
    `notes`. Raises one `ModelError` for everything else that it cannot express.
    """
    lines: list[str] = []
    problems: list[str] = []
    for policy in policies:
        wanted, state, rules_mode = parse_task(policy)
        store = StoreKind.REGISTRY if domain is None else StoreKind.DIRECTORY
        place = WritePolicy(
            parameters=Parameters(), store=store, location=None if domain is None else domain.name, policy=""
        )
        if domain is not None and policy.get(keys.GPOS):
            notes.append(
                f"the policy '{wanted.name}' loses its Group Policy objects; assign it with gpos of ipsec_policy"
            )
        lines += _PolicyLines(wanted, state, rules_mode, place, problems, notes).lines()
    if problems:
        raise ModelError("ipseccmd cannot express all of this:\n" + "\n".join(f"  {problem}" for problem in problems))
    # not an error, as the module ipseccmd accepts longer lines
    if any(len(line) > LONGEST_LINE for line in lines):
        notes.append(f"a line is longer than the {LONGEST_LINE} characters that cmd.exe accepts")
    return lines


class _PolicyLines:
    """The lines of one policy: `problems` collects what they cannot express, `notes` what they leave out. `plain` is a
    command with nothing but the store.
    """

    def __init__(
        self,
        wanted: Wanted,
        state: State,
        rules_mode: RulesMode,
        plain: WritePolicy,
        problems: list[str],
        notes: list[str],
    ) -> None:
        self.wanted = wanted
        self.plain = plain
        self.absent = state is State.ABSENT
        # a policy that exists already may have other values than the defaults
        self.merges = rules_mode is RulesMode.MERGE
        self.problems = problems
        self.notes = notes
        self.title = f"policy '{wanted.name}'"

    def lines(self) -> list[str]:
        before = len(self.problems)
        commands = list(self._commands())
        if len(self.problems) > before:
            return []
        try:
            return [format_command(command) for command in commands]
        except ModelError as error:
            self.problems.append(f"the {self.title}: {error}")
            return []

    def _commands(self) -> t.Iterator[WritePolicy]:
        wanted = self.wanted
        if wanted.name is None:
            self.problems.append(f"the policy {wanted.id}, which has no name here")
            return
        plain = dataclasses.replace(self.plain, policy=wanted.name)
        if self.absent:
            yield dataclasses.replace(plain, delete=True)
            return
        self._lose(self.title, description=wanted.description)
        found = [self._rule(plain, rule) for rule in wanted.rules or ()]
        response = wanted.default_response
        if response is not None and response.enabled:
            methods = response.methods or DEFAULT_SECURITY_METHODS
            authentication = response.authentication or DEFAULT_AUTHENTICATION
            parameters = self._parameters(f"{self.title}, default response", methods, False, authentication)
            found.append(dataclasses.replace(plain, parameters=dataclasses.replace(parameters, default_response=True)))
        elif response is not None and self.merges:
            self.problems.append(f"the {self.title}: a default response rule that is switched off")
        assigned = self._assigned()
        if not found:
            if assigned is None:
                self.problems.append(f"the {self.title} without rules")
                return
            found = [plain]
        found[0] = self._with_main_mode(found[0])
        if wanted.poll_interval is not None:
            if wanted.poll_interval % 60:
                self.problems.append(f"the {self.title}: a poll interval of {wanted.poll_interval} seconds")
            found[0] = dataclasses.replace(found[0], poll_interval=wanted.poll_interval // 60)
        found[-1] = dataclasses.replace(found[-1], assign=assigned)
        yield from found

    def _assigned(self) -> bool | None:
        """What -x or -y says, which lines for a domain cannot have."""
        if self.plain.store is StoreKind.REGISTRY:
            return self.wanted.assigned
        if self.wanted.assigned:
            self.problems.append(
                f"the {self.title} as the assigned one: a policy of a domain is assigned to Group Policy objects"
            )
        return None

    def _lose(self, title: str, **values: str | None) -> None:
        """Note values that no line can have."""
        self.notes += [f"the {title} loses its {what.replace('_', ' ')}" for what, value in values.items() if value]

    def _with_main_mode(self, command: WritePolicy) -> WritePolicy:
        wanted = self.wanted.main_mode
        if wanted is None:
            return command
        default = WantedMainMode() if self.merges else MainMode()
        if self.merges and wanted.pfs is False:
            self.problems.append(f"the {self.title}: main mode without PFS, which a command cannot switch off")
        for method in wanted.methods or ():
            own = (method.lifetime_seconds, method.lifetime_kilobytes, method.quick_mode_limit)
            if method.odd or method.group == Group.MODP_2048 or own != (None, None, None):
                self.problems.append(
                    f"the {self.title}: the main-mode method {method} with its group or its own lifetimes"
                )
        seconds = None if wanted.lifetime_seconds == default.lifetime_seconds else wanted.lifetime_seconds
        quick_modes = None if wanted.quick_mode_limit == default.quick_mode_limit else wanted.quick_mode_limit
        methods = None if wanted.methods == default.methods else wanted.methods
        parameters = dataclasses.replace(
            command.parameters,
            main_mode_methods=methods or (),
            main_mode_rekey=Rekey(quick_modes, seconds) if seconds is not None or quick_modes is not None else None,
            main_mode_pfs=wanted.pfs or False,
        )
        if parameters != command.parameters and not command.rules and not command.parameters.default_response:
            self.problems.append(f"the {self.title}: main mode without a rule")
        return dataclasses.replace(command, parameters=parameters)

    def _rule(self, plain: WritePolicy, rule: Rule) -> WritePolicy:
        title = f"{rule.title} of the {self.title}"
        if not rule.name:
            self.problems.append(f"the {title}: ipseccmd identifies a rule by its name; add the name")
        if not rule.enabled:
            self.problems.append(f"the {title}: a rule that is not enabled")
        connection_type = next((kind for kind in ConnectionType if kind == rule.connection_type), None)
        if connection_type is None:
            self.problems.append(f"the {title}: a connection type that only a store can hold")
        self._lose(
            title,
            description=rule.description,
            name_of_the_filter_list=rule.filter_list if rule.filter_list != rule.name else None,
            name_of_the_filter_action=rule.filter_action if rule.filter_action != rule.name else None,
        )
        parameters = self._parameters(title, rule.action.methods, rule.action.inpass, rule.authentication)
        if rule.action.action is not Action.NEGOTIATE:
            parameters = dataclasses.replace(parameters, negotiation=Negotiation(rule.action.action))
        parameters = dataclasses.replace(
            parameters,
            filters=tuple(self._filters(title, rule)),
            tunnel=rule.tunnel and _by_name(rule.tunnel),
            soft=rule.action.soft,
            connection_type=None if connection_type == defaults.CONNECTION_TYPE else connection_type,
        )
        return dataclasses.replace(plain, parameters=parameters, rules=(rule.name,))

    def _filters(self, title: str, rule: Rule) -> t.Iterator[FilterSpec]:
        if any(filter_.description for filter_ in rule.filters):
            self._lose(title, descriptions_of_filters="some")
        for filter_ in rule.filters:
            found = dataclasses.replace(
                filter_,
                source=_by_name(filter_.source),
                destination=_by_name(filter_.destination),
                description="",
            )
            try:
                format_filter(found)
            except ModelError as error:
                self.problems.append(f"the {title}: {error}")
            yield FilterSpec(found)

    def _parameters(
        self,
        title: str,
        methods: tuple[SecurityMethod, ...],
        inpass: bool,
        authentication: tuple[AuthMethod, ...],
    ) -> Parameters:
        """The parameters of -n and -a, without defaults."""
        offers = () if methods == DEFAULT_SECURITY_METHODS else tuple(map(Offer, methods))
        if any(offer.method.odd for offer in offers):
            self.problems.append(f"the {title}: security methods that only a store can hold")
        for method in authentication:
            if isinstance(method, PresharedKey) and method.key is None:
                self.problems.append(f"the {title}: a pre-shared key that is null, as facts show it; put the key in")
            elif getattr(method, "odd", False):
                self.problems.append(f"the {title}: an authentication method that only a store can hold")
        return Parameters(
            negotiation=Negotiation(Action.NEGOTIATE, offers, inpass) if offers or inpass else None,
            authentication=() if authentication == DEFAULT_AUTHENTICATION else authentication,
        )


_Address = t.TypeVar("_Address", bound=Address)


def _by_name(address: _Address) -> _Address:
    """A DNS name without its stored address: a line makes Windows look it up again."""
    return dataclasses.replace(address, address=None) if isinstance(address, DnsName) else address
