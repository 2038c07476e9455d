# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the real ansible-playbook with tasks on a domain, on hosts that cannot be reached."""

from __future__ import annotations

import json
import pathlib
import typing as t

from integration.playbook import Controller, Run

from .samba import Domain

HOSTS = ("far", "farther")
# nothing answers at this address
UNREACHABLE = {"ansible_connection": "winrm", "ansible_host": "192.0.2.1", "ansible_user": "x", "ansible_password": "x"}
ON_A_DOMAIN = {f"ipsec.windows.{name}": {"store": "domain"} for name in ("ipsec_policy", "ipsec_rule", "ipsec_facts")}


class DomainPlayer(Controller):
    """Runs plays on a domain. Their tasks have `store: domain`, `directory` and `return_policy` by default."""

    def __init__(self, domain: Domain, folder: pathlib.Path) -> None:
        super().__init__(folder, **domain.environment())
        self._domain = domain
        self.inventory.write_text(json.dumps({"all": {"hosts": dict.fromkeys(HOSTS, UNREACHABLE)}}))

    def play(
        self,
        *tasks: dict[str, t.Any],
        options: tuple[str, ...] = (),
        directory: dict[str, t.Any] | None = None,
        environment: t.Mapping[str, str] | None = None,
        **play: t.Any,
    ) -> Run:
        """Run a play with these tasks. `options` and `environment` are for ansible-playbook, other keywords for the
        play.
        """
        group = {"return_policy": True, "directory": directory or self._domain.options()}
        defaults = {"module_defaults": {"group/ipsec.windows.ipsec": group, **ON_A_DOMAIN}}
        return self.run(
            [{"hosts": HOSTS[0], "gather_facts": False, **defaults, **play, "tasks": list(tasks)}], *options
        )
