# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Working on another host of the inventory, as with delegate_to, where only the text of a command names the host."""

from __future__ import annotations

import contextlib
import difflib
import typing as t

from ansible import constants
from ansible.errors import AnsibleError
from ansible.playbook.task import Task
from ansible.plugins import AnsiblePlugin
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ..module_utils._core.store.casing import fold
from ._options import OptionError


def find_computer(computer: str, task: Task, task_vars: t.Mapping[str, t.Any]) -> str | None:
    """The inventory's name for a computer, which the inventory has by its name or by ansible_host; None if that is the
    host of the task. Raises `OptionError`.
    """
    found = _find(computer, task_vars)
    return None if found == (task.delegate_to or task_vars["inventory_hostname"]) else found


def _find(computer: str, task_vars: t.Mapping[str, t.Any]) -> str:
    hosts: list[str] = list(task_vars["groups"]["all"])
    hostvars = task_vars["hostvars"]
    found = [host for host in hosts if fold(host) == fold(computer)]
    if not found:
        found = [host for host in hosts if (address := _address(hostvars[host])) and fold(address) == fold(computer)]
    if len(found) == 1:
        return found[0]
    if found:
        raise OptionError(
            f"the computer '{computer}' is ambiguous in the inventory: {', '.join(found)}; name one of them"
        )
    # corpsrv1 may be corpsrv1.corp.example there
    short = fold(computer).partition(".")[0]
    near = [host for host in hosts if fold(host).partition(".")[0] == short]
    near = near or difflib.get_close_matches(computer, hosts, 3)
    hint = f"; it has {', '.join(near[:3])}" if near else ""
    raise OptionError(
        f"the computer '{computer}' is not in the inventory, neither by its name nor by ansible_host{hint}. Add it: "
        "it needs its own connection, because a WinRM logon cannot be used to connect to a third machine"
    )


def _address(variables: t.Mapping[str, t.Any]) -> str | None:
    """The address of a host; None if its variables do not have it."""
    try:
        found = variables.get("ansible_host")
    except AnsibleError:
        return None
    return None if found is None else str(found)


def _variables(action: ActionBase, host: str, task_vars: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The variables of the task on `host`, including those of the play and of the task."""
    hostvars = task_vars["hostvars"]
    found: dict[str, t.Any] = hostvars._variable_manager.get_vars(
        play=action._task.get_play(), host=hostvars._inventory.get_host(host), task=action._task
    )
    return found


def _options(kind: str, plugin: AnsiblePlugin, variables: t.Mapping[str, t.Any], templar: Templar) -> dict[str, t.Any]:
    """The variables that set options of a plugin."""
    names = constants.config.get_plugin_vars(kind, plugin._load_name)
    return {name: templar.template(variables[name]) for name in names if name in variables}


def _connection_options(
    connection: ConnectionBase, variables: t.Mapping[str, t.Any], templar: Templar
) -> dict[str, t.Any]:
    """The variables that set options of a connection, and those that it passes on to its library."""
    if hasattr(connection, "_resolve_option_variables"):
        found: dict[str, t.Any] = connection._resolve_option_variables(variables, templar)
        return found
    # ansible-core 2.16 does this in the code that runs a task
    options = _options("connection", connection, variables, templar)
    extras: dict[str, t.Any] = {}
    if connection.allow_extras:
        prefix = f"ansible_{connection.extras_prefix}_"
        names = [name for name in variables if name.startswith(prefix) and name not in options]
        extras = {name: templar.template(variables[name]) for name in names}
    return {**options, "_extras": extras}


@contextlib.contextmanager
def working_on(action: ActionBase, host: str | None, task_vars: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Let `action` work on a host of the inventory inside this context; None is its own host.

    Yields the variables of the task there.
    """
    if host is None:
        yield task_vars
        return
    before = (action._connection, action._play_context, action._task)
    variables = _variables(action, host, task_vars)
    delegated_vars = {**task_vars, "ansible_delegated_vars": {host: variables}}
    templar = action._templar.copy_with_new_env(available_variables=variables)
    task = action._task.copy(exclude_parent=True)
    task.delegate_to = host
    # this also adds the defaults of a delegated task to `variables`
    context = before[1].set_task_and_variable_override(task=task, variables=delegated_vars, templar=templar)
    context.post_validate(templar=templar)
    connection = connection_loader.get(context.connection, context, task_uuid=task._uuid)
    keys = {**task.dump_attrs(), "timeout": context.timeout}
    del keys["retries"]
    connection.set_options(task_keys=keys, var_options=_connection_options(connection, variables, templar))
    connection._shell.set_options(task_keys=keys, var_options=_options("shell", connection._shell, variables, templar))
    context.set_attributes_from_plugin(connection)
    action._connection, action._play_context, action._task = connection, context, task
    try:
        yield delegated_vars
    finally:
        # as Ansible closes the connections of its tasks; the new policy on the host may have cut it already
        with contextlib.suppress(Exception):
            connection.close()
        action._connection, action._play_context, action._task = before
