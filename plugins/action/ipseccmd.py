# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils.batch import Program
from ..module_utils.ipseccmd.commands import Help
from ..module_utils.ipseccmd.lines import Line, edits_of, read_line, read_lines
from ..module_utils.ipseccmd.syntax import SYNTAX
from ..module_utils.scripts import commands_of
from ..plugin_utils._action import IpsecAction, TaskFailure
from ..plugin_utils._delegate import find_computer, working_on
from ..plugin_utils._host import Host
from ..plugin_utils._options import OptionError, read_options
from ..plugin_utils._scripts import read_file
from ..plugin_utils._task import PolicyTask, Settings


class ActionModule(IpsecAction):
    """Runs command lines of ipseccmd; all those for one host are one plan."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        options = read_options("ipseccmd", self._task.args)
        settings = Settings.of(options, self._task.check_mode, self._task.diff)
        lines, rest = self._lines(options)
        todo = [line for line in lines if not isinstance(line.command, Help)]
        if lines and not todo:
            return {"msg": SYNTAX, "_ansible_verbose_always": True, **rest}
        edits_of(todo)
        by_host: dict[str | None, list[Line]] = {}
        for line in todo:
            host = None if line.computer is None else find_computer(line.computer, self._task, task_vars)
            by_host.setdefault(host, []).append(line)
        results: list[dict[str, t.Any]] = []
        for host, of_host in by_host.items():
            try:
                results.append(self._run(host, of_host, settings, task_vars))
            except TaskFailure as error:
                raise TaskFailure(str(error), **_join([*results, error.result])) from error
        return {**_join(results), **rest}

    def _lines(self, options: dict[str, t.Any]) -> tuple[list[Line], dict[str, t.Any]]:
        """The commands, and what the result says of the rest of a script."""
        given = [name for name in ("command", "commands", "script") if options[name] is not None]
        if len(given) != 1:
            raise OptionError("give exactly one of command, commands and script")
        if given == ["command"]:
            return [read_line(options["command"])], {}
        if given == ["commands"]:
            return [read_line(text, f"commands[{i}]") for i, text in enumerate(options["commands"])], {}
        text = read_file(self, options["script"], options["encoding"])
        ignore = options["unsupported"] == "ignore"
        lines, script = read_lines(commands_of(Program.IPSECCMD, text, ignore), ignore)
        left_out = [{"line": left.line, "reason": left.reason} for left in script.left_out]
        return lines, {"left_alone": list(script.left_alone), "left_out": left_out}

    def _run(
        self, host: str | None, lines: list[Line], settings: Settings, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        with working_on(self, host, task_vars) as variables:
            connected = Host(self, variables)
            try:
                found = PolicyTask(connected, edits_of(lines), settings, variables).run()
            except TaskFailure as error:
                raise TaskFailure(str(error), **{"host": connected.name, **error.result}) from error
            return {"host": connected.name, **found}


def _join(results: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """The result of the task: that of its only host, or those of several."""
    if len(results) == 1:
        return results[0]
    warnings = [warning for result in results for warning in result.pop("warnings", [])]
    diffs = [diff for result in results for diff in _listed(result.pop("diff", []))]
    joined = {"changed": any(result["changed"] for result in results), "hosts": results, "warnings": warnings}
    return {**joined, "diff": diffs} if diffs else joined


def _listed(diff: t.Any) -> list[t.Any]:
    return diff if isinstance(diff, list) else [diff]
