# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import dataclasses
import typing as t

from ..module_utils._core.directory.goal import DomainGoal
from ..module_utils._core.model.gpos import WantedGpos
from ..module_utils._core.model.wanted import State, Wanted
from ..module_utils._core.shape import keys
from ..module_utils._core.shape.fields import ShapeError
from ..module_utils._core.shape.gpos import parse_gpos
from ..module_utils._core.shape.parse import parse_task
from ..module_utils._core.shape.preshared_keys import OPTION, with_preshared_keys
from ..module_utils._core.target.goal import OnePolicy
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._domain import is_domain, run_domain_task
from ..plugin_utils._options import OptionError, options_of, read_options
from ..plugin_utils._rounds import of_one_policy
from ..plugin_utils._task import Goals, run_task

_OPTIONS: t.Final = options_of("ipsec_policy")


class ActionModule(IpsecAction):
    """Creates, changes, assigns or deletes one policy, of a host or of a domain."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        options = read_options(_OPTIONS, self._task.args, untouched=(*keys.POLICY, keys.GPOS, "policy", OPTION))
        given = _given(self._task.args, options)
        wanted, state, rules_mode = parse_task(given, by_name=True)
        wanted = with_preshared_keys(wanted, options[OPTION])
        if is_domain(options):
            gpos = _gpos(given, options, state)
            goal = OnePolicy(_for_a_domain(wanted, gpos), state, rules_mode)
            return of_one_policy(run_domain_task(self, DomainGoal(policies=goal, gpos=gpos), options, task_vars))
        if options[keys.GPOS] is not None or self._task.args.get("gpos_mode") is not None:
            raise OptionError(
                "gpos and gpos_mode are about the policies of a domain (store: domain); assigned says whether a host "
                "uses a policy of its own"
            )
        goal = OnePolicy(wanted, state, rules_mode)
        return of_one_policy(run_task(self, Goals(policies=goal), options, task_vars))


def _gpos(given: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any], state: State) -> tuple[WantedGpos, ...]:
    """The Group Policy objects of a task. Those in `policy` have no meaning for a policy that is deleted."""
    if state is State.ABSENT:
        if options[keys.GPOS]:
            raise OptionError(
                f"{keys.GPOS} cannot be used with state: absent; a policy that is deleted is assigned nowhere"
            )
        return ()
    if given.get(keys.GPOS) is None:
        return ()
    place = keys.GPOS if options[keys.GPOS] is not None else f"policy.{keys.GPOS}"
    return (parse_gpos(given[keys.GPOS], given.get(keys.GPOS_MODE), place),)


def _for_a_domain(wanted: Wanted, gpos: tuple[WantedGpos, ...]) -> Wanted:
    """The policy without `assigned`, which a policy of a host has in facts."""
    note = "the policy is to be assigned, but Group Policy objects assign the policies of a domain: name them in gpos"
    notes = (*wanted.notes, note) if wanted.assigned and not gpos else wanted.notes
    return dataclasses.replace(wanted, assigned=None, notes=notes)


def _given(args: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The keys of a task. An option wins over the same key in `policy`; the default of an option does not."""
    policy = {} if options.get("policy") is None else options["policy"]
    if not isinstance(policy, t.Mapping):
        raise ShapeError("policy", "expected a whole policy as ipsec_facts returns it: a dictionary")
    given = (*keys.POLICY, *keys.MODES, keys.GPOS, keys.GPOS_MODE)
    return {**policy, **{name: options[name] for name in given if args.get(name) is not None}}
