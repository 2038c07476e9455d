# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What Ansible pipes into PowerShell, as far as a simulated host wants to know."""

from __future__ import annotations

import dataclasses
import json
import typing as t

_SEPARATOR: t.Final = b"\0\0\0\0"
_MODULE_WRAPPER: t.Final = "module_wrapper.ps1"


@dataclasses.dataclass(frozen=True)
class Payload:
    """`script` is a helper of Ansible's own or the module to run; `wrappers` are around it (become, async)."""

    script: str
    arguments: dict[str, t.Any] | None = dataclasses.field(default=None, repr=False)
    wrappers: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Payload | None:
        """A bootstrap, a manifest and data, with lines of NULs between them; None for other input (`raw`)."""
        parts = [part.strip(b"\r\n") for part in data.split(_SEPARATOR)]
        if len(parts) < 2:
            return None
        try:
            bootstrap, manifest = json.loads(parts[0]), json.loads(parts[1])
        except ValueError:
            return None
        if not isinstance(bootstrap, dict) or not isinstance(manifest, dict):
            return None
        helper = bootstrap.get("name", "")
        actions = manifest.get("actions") or []
        if not actions or actions[-1]["name"] != _MODULE_WRAPPER:
            return cls(helper)
        parameters = actions[-1]["params"]
        variables = {variable["Name"]: variable["Value"] for variable in parameters.get("Variables", ())}
        wrappers = tuple(action["name"] for action in actions[:-1])
        return cls(parameters["Script"].removesuffix(".ps1"), variables.get("complex_args"), wrappers)

    @property
    def module(self) -> str:
        """The last part of the module's name."""
        return self.script.rpartition(".")[2]

    def details(self) -> list[str]:
        """What may be written down: the module, and of the host module which request it was. Never its data."""
        found = [self.module]
        if self.module == "ipsec_host" and self.arguments:
            found.append(str(json.loads(self.arguments["request"]).get("do")))
        return found
