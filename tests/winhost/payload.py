# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The input that Ansible sends to PowerShell."""

from __future__ import annotations

import dataclasses
import json
import typing as t

_SEPARATOR: t.Final = b"\0\0\0\0"
_MODULE_WRAPPER: t.Final = "module_wrapper.ps1"
_JSON_LIMIT: t.Final = 2_097_152
TOO_LARGE: t.Final = (
    b"ConvertFrom-Json : Error during serialization or deserialization using the JSON JavaScriptSerializer. The length "
    b"of the string exceeds the value set on the maxJsonLength property."
)
"""The error of Windows PowerShell 5.1 for a JSON text that is too long."""


def is_too_large(data: bytearray) -> bool:
    """Whether a part of the input is too long for Windows PowerShell 5.1."""
    return len(data) > _JSON_LIMIT and any(
        len(part) > _JSON_LIMIT for part in data.decode(errors="replace").split(_SEPARATOR.decode())
    )


@dataclasses.dataclass(frozen=True)
class Payload:
    """`script` is one of Ansible's own scripts or the module to run; `wrappers` run it (become, async)."""

    script: str
    arguments: dict[str, t.Any] | None = dataclasses.field(default=None, repr=False)
    wrappers: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Payload | None:
        """A bootstrap, a manifest and data, separated by lines of NULs; None for other input (`raw`)."""
        parts = [part.strip(b"\r\n") for part in data.split(_SEPARATOR)]
        if len(parts) < 2:
            return None
        bootstrap, manifest = _json_object(parts[0]), _json_object(parts[1])
        if manifest is None:
            return None
        if bootstrap is None:
            return cls._before_2_19(manifest)
        helper = bootstrap.get("name", "")
        actions = manifest.get("actions") or []
        if not actions or actions[-1]["name"] != _MODULE_WRAPPER:
            return cls(helper)
        parameters = actions[-1]["params"]
        variables = {variable["Name"]: variable["Value"] for variable in parameters.get("Variables", ())}
        wrappers = tuple(action["name"] for action in actions[:-1])
        return cls(parameters["Script"].removesuffix(".ps1"), variables.get("complex_args"), wrappers)

    @classmethod
    def _before_2_19(cls, manifest: dict[str, t.Any]) -> Payload:
        """ansible-core 2.18 and older: the bootstrap is a script, and the manifest has everything."""
        arguments = manifest["module_args"]
        return cls(arguments["_ansible_module_name"], arguments, tuple(manifest["actions"][:-1]))

    @property
    def module(self) -> str:
        """The last part of the module's name."""
        return self.script.rpartition(".")[2]

    def details(self) -> list[str]:
        """What may be logged: the module and, for the host module, the request. Never its data."""
        found = [self.module]
        if self.module == "ipsec_host" and self.arguments:
            found.append(str(json.loads(self.arguments["request"]).get("do")))
        return found


def _json_object(data: bytes) -> dict[str, t.Any] | None:
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
