# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ..module_utils._core.batch import Program
from ..module_utils._core.directory.goal import DomainGoal
from ..module_utils._core.dynamic.goal import DynamicGoal
from ..module_utils._core.ipseccmd.commands import Help, Show
from ..module_utils._core.ipseccmd.lines import Asked, CommandLine, asked_by, read_line, read_lines, read_list
from ..module_utils._core.ipseccmd.show_text import show_text
from ..module_utils._core.ipseccmd.syntax import SYNTAX
from ..module_utils._core.results.subsets import Subset
from ..module_utils._core.source.mistakes import collecting
from ..module_utils._core.target.goal import Edits
from ..plugin_utils._action import REFUSALS, IpsecAction, TaskFailure
from ..plugin_utils._delegate import find_computer, working_on
from ..plugin_utils._domain_commands import run_in_domain
from ..plugin_utils._gather import gather
from ..plugin_utils._host import HostChannel
from ..plugin_utils._options import options_of, read_options
from ..plugin_utils._scripts import (
    COMMAND_OPTIONS,
    SCRIPT_VALUES,
    command_texts,
    refuse_empty,
    rest_of,
    script_of,
)
from ..plugin_utils._task import Goals, LostAnswer, run_task

_OPTIONS: t.Final = options_of("ipseccmd")
_TEXT: t.Final = "text"
"""The value of the option `output` that asks for text."""


class ActionModule(IpsecAction):
    """Runs command lines of ipseccmd. All lines for one host, or for a domain, are one plan, or one question."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        # a conversion would split a single line at its commas
        options = read_options(_OPTIONS, self._task.args, untouched=(*COMMAND_OPTIONS, *SCRIPT_VALUES))
        lines, rest = self._lines(options)
        todo = [line for line in lines if not isinstance(line.command, Help)]
        if lines and not todo:
            return {"msg": SYNTAX, "_ansible_verbose_always": True, **rest}
        shows = any(isinstance(line.command, Show) for line in todo)
        if not shows:
            # mistakes end the task before any host is contacted
            asked = asked_by(todo)
            if asked.domain is not None:
                goal = DomainGoal(policies=Edits(asked.edits, asked.notes))
                return {**run_in_domain(self, asked.domain, goal, options, task_vars), **rest}
            _goals(asked, confirmed=False)
        computers = dict.fromkeys(line.computer for line in todo if line.computer is not None)
        hosts = {computer: find_computer(computer, self._task, task_vars) for computer in computers}
        by_host: dict[str | None, list[CommandLine]] = {}
        for line in todo:
            by_host.setdefault(None if line.computer is None else hosts[line.computer], []).append(line)
        results: list[dict[str, t.Any]] = []
        for host, of_host in by_host.items():
            name = str(host or self._task.delegate_to or task_vars["inventory_hostname"])
            try:
                run = self._show if shows else self._run
                results.append({"host": name, **run(host, of_host, options, task_vars)})
            except TaskFailure as error:
                raise _stopped(name, error, error.result, results) from error
            except (*REFUSALS, AnsibleError) as error:
                if results:
                    raise _stopped(name, error, {"changed": isinstance(error, LostAnswer)}, results) from error
                if host is not None and isinstance(error, AnsibleConnectionFailure):
                    raise AnsibleConnectionFailure(f"the computer {host}: {error}") from error
                raise
        return {**_join(results), **rest}

    def _lines(self, options: dict[str, t.Any]) -> tuple[list[CommandLine], dict[str, t.Any]]:
        """The commands, and what the result has of the rest of a script."""
        texts = command_texts(options)
        if texts is not None:
            return (read_list(texts, "commands") if options["command"] is None else [read_line(*texts)]), {}
        with collecting(None) as mistakes:
            found = script_of(self, options, Program.IPSECCMD, mistakes)
            lines, script = read_lines(found, options["unsupported"] == "ignore", mistakes)
        refuse_empty(script, Program.IPSECCMD)
        return lines, rest_of(script)

    def _run(
        self, host: str | None, lines: list[CommandLine], options: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        with working_on(self, host, task_vars) as variables:
            return run_task(self, _goals(asked_by(lines), options["confirmed"]), options, variables)

    def _show(
        self, host: str | None, lines: list[CommandLine], options: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """What the host has in force, of everything that the lines for it ask for."""
        asked = {Subset(query) for line in lines if isinstance(line.command, Show) for query in line.command.what}
        with working_on(self, host, task_vars) as variables:
            found = gather(HostChannel(self, variables), asked)
        text = {"text": show_text(found).splitlines()} if options["output"] == _TEXT else {}
        return {"changed": False, "ipsec": found, **text}


def _goals(asked: Asked, confirmed: bool) -> Goals:
    """What lines for hosts ask for. Raises `ModelError`."""
    return Goals(
        policies=Edits(asked.edits, asked.notes) if asked.edits else None,
        dynamic=DynamicGoal(changes=asked.changes, notes=() if asked.edits else asked.notes) if asked.changes else None,
        confirm=asked.confirms and not confirmed,
    )


def _stopped(host: str, error: Exception, result: t.Mapping[str, t.Any], before: list[dict[str, t.Any]]) -> TaskFailure:
    """The failure of the whole task if it failed on `host`, with what was done on other hosts before."""
    if not before:
        return TaskFailure(str(error), **{"host": host, **result})
    done = ", ".join(found["host"] for found in before)
    failed = {"host": host, "failed": True, "msg": str(error), **result}
    return TaskFailure(
        f"on {host}: {error} (the commands for {done} were done before: see hosts)", **_join([*before, failed])
    )


def _join(results: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """The result of the task: that of its only host, or those of several hosts."""
    if not results:
        return {"changed": False}
    if len(results) == 1:
        return results[0]
    warnings = [warning for result in results for warning in result.pop("warnings", [])]
    diffs = [diff for result in results for diff in _listed(result.pop("diff", []))]
    joined = {"changed": any(result["changed"] for result in results), "hosts": results, "warnings": warnings}
    return {**joined, "diff": diffs} if diffs else joined


def _listed(diff: t.Any) -> list[t.Any]:
    return diff if isinstance(diff, list) else [diff]
