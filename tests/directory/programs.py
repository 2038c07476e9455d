# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A directory that OpenLDAP's programs read and write: slow, but with no code of the collection."""

from __future__ import annotations

import base64

from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import LostConnection, ResultError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AddEntry,
    ChangeKind,
    DeleteEntry,
    DirectoryEntry,
    Scope,
    Search,
    Write,
)

from .samba import Domain, ToolError

_SCOPES = {Scope.BASE: "base", Scope.ONE_LEVEL: "one", Scope.SUBTREE: "sub"}
_NOT_REACHED = 255


class ProgramDirectory:
    """A domain controller as a `Directory`, seen by its administrator or another user."""

    def __init__(self, domain: Domain, user: str | None = None) -> None:
        self.domain = domain
        self.user = user

    @property
    def server(self) -> str:
        return self.domain.name

    def search(self, search: Search) -> list[DirectoryEntry]:
        terms = "".join(f"({name}={'*' if value is None else escape(value)})" for name, value in search.match)
        try:
            found = self.domain.ldapsearch(
                search.base,
                f"(&{terms})" if terms else "(objectClass=*)",
                *search.attributes,
                scope=_SCOPES[search.scope],
                user=self.user,
            )
        except ToolError as error:
            raise _error(error, search.base) from error
        return [
            DirectoryEntry(dn, {name.lower(): tuple(values) for name, values in attributes.items()})
            for dn, attributes in found.items()
        ]

    def write(self, write: Write) -> None:
        try:
            self.domain.ldapmodify(_ldif(write), user=self.user)
        except ToolError as error:
            raise _error(error, write.dn) from error


def escape(value: str) -> str:
    """A value in a search filter (RFC 4515, 3)."""
    return "".join(f"\\{byte:02x}" if byte in b"*()\\\0" or byte > 126 else chr(byte) for byte in value.encode())


def _error(error: ToolError, dn: str) -> Exception:
    if error.code == _NOT_REACHED:
        return LostConnection(error.output)
    _before, _words, detail = error.output.partition("additional info: ")
    return ResultError(error.code, detail.strip(), dn)


def _ldif(write: Write) -> str:
    lines = [_line("dn", write.dn.encode())]
    if isinstance(write, AddEntry):
        lines += ["changetype: add", *(_line(name, value) for name, values in write.attributes for value in values)]
    elif isinstance(write, DeleteEntry):
        lines.append("changetype: delete")
    else:
        lines.append("changetype: modify")
        for change in write.changes:
            kind = "add" if change.kind is ChangeKind.ADD else "delete"
            lines += [f"{kind}: {change.name}", *(_line(change.name, value) for value in change.values), "-"]
    return "\n".join(lines) + "\n"


def _line(name: str, value: bytes) -> str:
    return f"{name}:: {base64.b64encode(value).decode()}"
