# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tasks on a domain: what they may not have, and their start. Importing the code that does the work takes time, so it
is imported only for them.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._core.directory.goal import DomainGoal
from ..module_utils._core.shape.render import Tree
from ._directory_options import ConnectionOptions
from ._names import refuse_interfaces
from ._options import OptionError
from ._rounds import CommonOptions, without_shared

STORE: t.Final = "store"
DOMAIN: t.Final = "domain"
_OF_A_HOST: t.Final = {
    "assigned": "the Group Policy objects in gpos assign a policy of a domain (ipsec_policy)",
    "service": "no service is asked, as members of the domain take the policy with Group Policy",
    "restart_service": "no service is asked, as members of the domain take the policy with Group Policy",
    "backup": "there is no backup of a domain; read the facts before, they are the way back",
    "wait_applied": "members of the domain take the policy with Group Policy, each in its own time",
}
"""Options about one host, and why they are errors for a domain."""


def is_domain(options: t.Mapping[str, t.Any]) -> bool:
    """Whether a task is about a domain."""
    return options.get(STORE) == DOMAIN


def refuse_options_of_a_host(options: t.Mapping[str, t.Any]) -> None:
    """Raise `OptionError` for options about one host."""
    for name, reason in _OF_A_HOST.items():
        value = options.get(name)
        # `assigned: false` is about a host as well
        if value is not None and (value or name == "assigned"):
            raise OptionError(f"{name} cannot be used for the policies of a domain: {reason}")


def refuse_several_hosts(action: ActionBase, task_vars: t.Mapping[str, t.Any]) -> None:
    """Raise `OptionError` if several hosts of the play would run the task, as all of them would do the same."""
    hosts = task_vars.get("ansible_play_hosts_all") or ()
    if len(hosts) > 1 and not action._task.run_once:
        raise OptionError(
            f"this task is about one domain, but each of the {len(hosts)} hosts of the play would run it: set "
            "run_once: true, or use a play of its own with hosts: localhost"
        )


def run_domain_task(
    action: ActionBase,
    goal: DomainGoal,
    options: t.Mapping[str, t.Any],
    task_vars: t.Mapping[str, t.Any],
    about_shared: t.Collection[str] = (),
) -> dict[str, t.Any]:
    """Run a task on the domain of the option `directory`; `options` are those of the action's module. No host is
    contacted. As `Rounds.run`.

    `about_shared` are the keys about shared filter lists and filter actions that the module returns.
    """
    refuse_options_of_a_host(options)
    refuse_several_hosts(action, task_vars)
    refuse_interfaces(goal.names()[1])
    common = CommonOptions(**CommonOptions.common(options, action._task.check_mode, action._task.diff))
    from ._domain_task import DomainChannel, DomainTask

    with DomainChannel(ConnectionOptions.of(options["directory"] or {})) as channel:
        result = DomainTask(channel, goal, common).run()
    return without_shared(result, about_shared)


def gather_domain(action: ActionBase, options: t.Mapping[str, t.Any], task_vars: t.Mapping[str, t.Any]) -> Tree:
    """The value of the fact about the domain of the option `directory`. No host is contacted. Raises `DirectoryError`
    and `OptionError`.
    """
    refuse_several_hosts(action, task_vars)
    from ._domain_task import DomainChannel

    with DomainChannel(ConnectionOptions.of(options["directory"] or {})) as channel:
        return channel.gather()
