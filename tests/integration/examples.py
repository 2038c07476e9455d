# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The examples in the documentation of modules and filters."""

from __future__ import annotations

import typing as t

import yaml

from .playbook import CHECKOUT

PLUGINS: t.Final = CHECKOUT / "plugins"
MODULES: t.Final = PLUGINS / "modules"


def examples_of_hosts(name: str) -> list[dict[str, t.Any]]:
    """The examples of a module or filter that are tasks on hosts."""
    return _examples(name)[0]


def examples_of_domains(name: str) -> list[dict[str, t.Any]]:
    """The examples of a module or filter that are tasks on a domain."""
    return _examples(name)[1]


def _examples(name: str) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    path = next(PLUGINS.glob(f"*/{name}.yml"))
    of_hosts: list[dict[str, t.Any]] = []
    of_domains: list[dict[str, t.Any]] = []
    found = of_hosts
    for task in yaml.safe_load(yaml.safe_load(path.read_text())["EXAMPLES"]):
        ours = [arguments or {} for key, arguments in task.items() if key.startswith("ipsec.windows.")]
        # other modules show what the task before them returns
        if ours:
            found = of_domains if "directory" in ours[0] else of_hosts
        found.append(task)
    return of_hosts, of_domains
