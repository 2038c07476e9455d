# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policies to commands of `netsh ipsec static`."""

from __future__ import annotations

import typing as t

from ..model import (
    DEFAULT_AUTHENTICATION,
    NAME_LIMIT,
    AuthMethod,
    ModelError,
    NegotiationPolicy,
    Rule,
    SecurityMethod,
    defaults,
)
from ..model.gpos import GposMode
from ..model.wanted import RulesMode, State, Wanted, WantedDefaultResponse, WantedMainMode
from ..shape import keys
from ..shape.domains import DomainStore
from ..shape.gpos import parse_gpos
from ..shape.parse import parse_task
from ..source.words import LONGEST_LINE
from ..store.casing import fold
from .filters import write_address, write_filter
from .methods import write_authentication, write_main_mode_methods, write_security_methods
from .values import write_flag, write_text

_PREFIX: t.Final = "ipsec static"
_PROGRAM: t.Final = "netsh "
_T = t.TypeVar("_T")


def write_netsh(policies: t.Sequence[t.Mapping[str, t.Any]], domain: DomainStore | None = None) -> list[str]:
    """The commands that create the policies, for a batch file; with `domain`, in the store of that domain, for a script
    of ``netsh -f``: a store is chosen for one session only. Raises one `ModelError` for everything that netsh cannot
    express.
    """
    writer = _ScriptWriter(domain)
    for index, policy in enumerate(policies):
        writer.policy(policy, f"policies[{index}]")
    if writer.problems:
        raise ModelError(
            "netsh cannot express all of this:\n" + "\n".join(f"  {problem}" for problem in writer.problems)
        )
    return [*writer.lines, *writer.last]


def _open_store(domain: DomainStore) -> str:
    name = "" if domain.name is None else f" domain={domain.name}"
    return f"{_PREFIX} set store location=domain{name}"


class _Names:
    """Names of filter lists or of filter actions, one for each content."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, t.Hashable], str] = {}
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def take(self, wanted: str, content: t.Hashable) -> tuple[str, bool]:
        """The name for `content`, which is `wanted` or a similar one, and whether it is new."""
        key = (fold(wanted), content)
        if key in self._given:
            return self._given[key], False
        name = wanted
        while fold(name) in self._taken:
            number = self._numbers[fold(wanted)] = self._numbers.get(fold(wanted), 1) + 1
            ending = f" ({number})"
            name = wanted[: NAME_LIMIT - len(ending)] + ending
        self._taken.add(fold(name))
        self._given[key] = name
        return name, True


class _ScriptWriter:
    """Lines, and problems with their places. `last` are the lines that assign a policy, once it is complete."""

    def __init__(self, domain: DomainStore | None) -> None:
        self._in_domain = domain is not None
        self._prefix = _PREFIX if domain else _PROGRAM + _PREFIX
        self.lines: list[str] = [] if domain is None else [_open_store(domain)]
        self.last: list[str] = []
        self.problems: list[str] = []
        self._lists = _Names()
        self._actions = _Names()
        self._policies: set[str] = set()
        # those that assign a policy in the lines so far
        self._gpos: set[str] = set()

    def policy(self, value: t.Mapping[str, t.Any], place: str) -> None:
        task = self._try(place, parse_task, value)
        if task is None:
            return
        wanted, state, rules_mode = task
        if wanted.name is None:
            self._refuse(place, "netsh identifies a policy by its name; add the name")
            return
        place = f"{place} ({wanted.name})"
        self._take_name(wanted.name, place)
        name = self._text(wanted.name, f"{place}.name")
        if state is State.ABSENT:
            self._add(place, "delete policy", f"name={name}")
            return
        if wanted.odd:
            self._refuse(place, "the policy has values that only a store can hold")
        self._policy(wanted, name, place, merge=rules_mode is RulesMode.MERGE)
        if self._in_domain:
            self._assign_in_domain(wanted, value, name, place)
        elif wanted.assigned:
            if self.last:
                self._refuse(f"{place}.assigned", "only one policy can be assigned")
            self.last.append(f"{self._prefix} set policy name={name} assign=yes")

    def _assign_in_domain(self, wanted: Wanted, value: t.Mapping[str, t.Any], name: str, place: str) -> None:
        if value.get(keys.GPOS) is None:
            if wanted.assigned:
                self._refuse(f"{place}.assigned", "a policy of a domain is assigned to Group Policy objects: add gpos")
            return
        try:
            gpos = parse_gpos(value[keys.GPOS], value.get(keys.GPOS_MODE), f"{place}.{keys.GPOS}")
        except ModelError as error:
            self.problems.append(str(error))
            return
        assigns = gpos.mode is not GposMode.REMOVE
        for gpo in gpos.gpos:
            if fold(gpo) in self._gpos and assigns:
                self._refuse(gpos.place, "another policy has the same Group Policy object, which assigns only one")
            self._gpos.add(fold(gpo))
            shown = self._text(gpo, gpos.place)
            self.last.append(f"{self._prefix} set policy name={name} gponame={shown} assign={write_flag(assigns)}")

    def _take_name(self, name: str, place: str) -> None:
        if fold(name) in self._policies:
            self._refuse(f"{place}.name", "another policy has the same name")
        self._policies.add(fold(name))

    def _policy(self, wanted: Wanted, name: str, place: str, merge: bool) -> None:
        words = [f"name={name}"]
        if wanted.description or (merge and wanted.description is not None):
            words.append(f"description={self._text(wanted.description, f'{place}.description')}")
        if wanted.main_mode is not None:
            words += self._main_mode(wanted.main_mode, f"{place}.main_mode")
        response = wanted.default_response
        if response is not None and response == WantedDefaultResponse(response.enabled):
            words.append(f"activatedefaultrule={write_flag(response.enabled)}")
            response = None
        if wanted.poll_interval is not None:
            words.append(
                f"pollinginterval={self._minutes(wanted.poll_interval, f'{place}.poll_interval', 'poll interval')}"
            )
        if wanted.assigned is False and not self._in_domain:
            words.append("assign=no")
        if not merge or words[1:]:
            self._add(place, "set policy" if merge else "add policy", *words)
        if response is not None:
            self._default_response(response, name, f"{place}.default_response")
        self._rules(wanted.rules or (), name, place)

    def _main_mode(self, main_mode: WantedMainMode, place: str) -> list[str]:
        if main_mode.odd:
            self._refuse(place, "only a stored policy can have these main mode settings")
        words = []
        if main_mode.pfs is not None:
            words.append(f"mmpfs={write_flag(main_mode.pfs)}")
        if main_mode.quick_mode_limit is not None:
            words.append(f"qmpermm={main_mode.quick_mode_limit}")
        if main_mode.lifetime_seconds is not None:
            minutes = self._minutes(main_mode.lifetime_seconds, f"{place}.lifetime_seconds", "lifetime")
            words.append(f"mmlifetime={minutes}")
        if main_mode.methods is not None:
            methods = self._try(f"{place}.methods", write_main_mode_methods, main_mode.methods)
            words.append(f"mmsecmethods={self._text(methods or '', place)}")
        return words

    def _minutes(self, seconds: int, place: str, what: str) -> int:
        if seconds % 60:
            self._refuse(place, f"the {what} of {seconds} seconds is not a whole number of minutes, which netsh needs")
        return seconds // 60

    def _default_response(self, response: WantedDefaultResponse, name: str, place: str) -> None:
        words = [f"policy={name}", f"activate={write_flag(response.enabled)}"]
        if response.methods is not None:
            words += self._methods(response.methods, f"{place}.security_methods")
        self._add(
            place, "set defaultrule", *words, *self._authentication(response.authentication, f"{place}.authentication")
        )

    def _methods(self, methods: tuple[SecurityMethod, ...], place: str) -> list[str]:
        found = self._try(place, write_security_methods, methods)
        if found is None:
            return []
        text, pfs = found
        return [f"qmpfs={write_flag(pfs)}", f"qmsecmethods={self._text(text, place)}"]

    def _authentication(self, methods: tuple[AuthMethod, ...] | None, place: str) -> list[str]:
        return [] if methods is None else self._try(place, write_authentication, methods) or []

    def _rules(self, rules: tuple[Rule, ...], policy: str, place: str) -> None:
        seen: set[str] = set()
        for index, rule in enumerate(rules):
            at = f"{place}.rules[{index}] ({rule.name})" if rule.name else f"{place}.rules[{index}]"
            if not rule.name.strip():
                self._refuse(at, "netsh identifies a rule by its name; add the name")
            elif fold(rule.name) in seen:
                self._refuse(at, "another rule of the policy has the same name")
            seen.add(fold(rule.name))
            self._rule(rule, policy, at)

    def _rule(self, rule: Rule, policy: str, place: str) -> None:
        if rule.odd:
            self._refuse(place, "the rule has values that only a store can hold")
        filter_list = self._filter_list(rule, place)
        filter_action = self._filter_action(rule, place)
        words = [
            f"name={self._text(rule.name, f'{place}.name')}",
            f"policy={policy}",
            f"filterlist={filter_list}",
            f"filteraction={filter_action}",
        ]
        if rule.tunnel is not None:
            words.append(f"tunnel={self._try(f'{place}.tunnel', write_address, rule.tunnel)}")
        if rule.connection_type != defaults.CONNECTION_TYPE:
            words.append(f"conntype={rule.connection_type}")
        if not rule.enabled:
            words.append("activate=no")
        if rule.description:
            words.append(f"description={self._text(rule.description, f'{place}.description')}")
        # netsh's own default
        authentication = None if rule.authentication == DEFAULT_AUTHENTICATION else rule.authentication
        self._add(place, "add rule", *words, *self._authentication(authentication, f"{place}.authentication"))

    def _filter_list(self, rule: Rule, place: str) -> str:
        """The name of a list with the filters of the rule, which is created if it does not exist yet."""
        name, new = self._lists.take(_name(rule.filter_list, rule), frozenset(rule.filters))
        shown = self._text(name, f"{place}.filter_list")
        if new:
            self._add(place, "add filterlist", f"name={shown}")
            for index, filter_ in enumerate(rule.filters):
                words = self._try(f"{place}.filters[{index}]", write_filter, filter_)
                self._add(place, "add filter", f"filterlist={shown}", *(words or ()))
        return shown

    def _filter_action(self, rule: Rule, place: str) -> str:
        """The name of an action like that of the rule, which is created if it does not exist yet."""
        name, new = self._actions.take(_name(rule.filter_action, rule), rule.action)
        shown = self._text(name, f"{place}.filter_action")
        if new:
            words = [f"name={shown}", f"action={rule.action.action}"]
            self._add(place, "add filteraction", *words, *self._negotiation(rule.action, place))
        return shown

    def _negotiation(self, action: NegotiationPolicy, place: str) -> list[str]:
        words = [f"{key}=yes" for key in ("inpass", "soft") if getattr(action, key)]
        return words + self._methods(action.methods, f"{place}.security_methods") if action.methods else words

    def _add(self, place: str, command: str, *words: str) -> None:
        line = " ".join((self._prefix, command, *words))
        if len(line) > LONGEST_LINE:
            self._refuse(place, f"'{command}' has {len(line)} characters; a command may have at most {LONGEST_LINE}")
        self.lines.append(line)

    def _refuse(self, place: str, problem: str) -> None:
        self.problems.append(f"{place}: {problem}")

    def _try(self, place: str, build: t.Callable[..., _T], value: object) -> _T | None:
        """The result of `build`; None, and a problem, if it fails."""
        try:
            return build(value)
        except ModelError as error:
            self._refuse(place, str(error))
            return None

    def _text(self, value: str | None, place: str) -> str:
        return self._try(place, write_text, value) or ""


def _name(wanted: str | None, rule: Rule) -> str:
    return wanted if wanted and wanted.strip() else rule.name
