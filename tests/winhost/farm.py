# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Simulated hosts, many in one process, and their inventory for Ansible."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import pathlib
import random
import socket
import tempfile
import types
import typing as t

from .auth import process_credentials
from .engine_powershell import PowerShellEngine, find_pwsh
from .engine_python import PythonEngine
from .host import Host
from .programs import Programs
from .server import HTTP_PORT, HTTPS_PORT, Endpoint
from .tls import make_certificate

ENGINES: t.Final = ("auto", "powershell", "python")
AUTHENTICATIONS: t.Final = ("ntlm", "basic")
CONNECTIONS: t.Final = ("winrm", "psrp")


@dataclasses.dataclass
class Farm:
    """A context manager that runs `count` hosts named win1, win2 … on their own addresses below 127.

    `state` is the folder of their state; None is a temporary one. `authentication`, `https` and `connection` are for
    the inventory; the hosts offer all of them. The hosts of a `lazy` farm have addresses from the beginning, but answer
    only once they are started.
    """

    count: int = 1
    state: pathlib.Path | None = None
    engine: str = "auto"
    authentication: str = "ntlm"
    https: bool = False
    connection: str = "winrm"
    lazy: bool = False

    def __post_init__(self) -> None:
        if self.engine == "auto":
            self.engine = "powershell" if find_pwsh() else "python"
        self._stack = contextlib.ExitStack()
        self.hosts: dict[str, Host] = {}
        self.addresses: dict[str, str] = {}
        self._open: list[Endpoint | Programs] = []

    def __enter__(self) -> Farm:
        with contextlib.ExitStack() as stack:
            self.folder = self.state or pathlib.Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="winhost-"))
            )
            self.folder.mkdir(parents=True, exist_ok=True)
            self.credentials = process_credentials()
            addresses = _free_addresses(self.count)
            self.addresses = {f"win{number}": address for number, address in enumerate(addresses, 1)}
            self.certificate = make_certificate(self.folder, addresses)
            stack.callback(_close, self._open)
            for name in self.addresses if not self.lazy else ():
                self.start(name)
            self._stack = stack.pop_all()
        return self

    def start(self, name: str) -> Host:
        """Start a host."""
        host = self.hosts[name] = Host(self.folder / name, name, self.addresses[name])
        engine = PowerShellEngine(host) if self.engine == "powershell" else PythonEngine(host)
        endpoint = Endpoint(host, engine, self.credentials, self.certificate)
        self._open += [Programs(host), endpoint]
        endpoint.start()
        return host

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._stack.close()

    def inventory(self, connection: str | None = None) -> dict[str, t.Any]:
        """An inventory with the group windows and every variable that a connection needs."""
        scheme = "https" if self.https else "http"
        of_connection = {
            "winrm": {
                "ansible_winrm_scheme": scheme,
                "ansible_winrm_transport": self.authentication,
                "ansible_winrm_server_cert_validation": "ignore",
            },
            "psrp": {
                "ansible_psrp_protocol": scheme,
                "ansible_psrp_auth": self.authentication,
                "ansible_psrp_cert_validation": "ignore",
                # Basic cannot encrypt, and the client needs an option for that
                "ansible_psrp_message_encryption": "never" if self.authentication == "basic" else "auto",
            },
        }
        connection = connection or self.connection
        return {
            "windows": {
                "hosts": {name: {"ansible_host": address} for name, address in self.addresses.items()},
                "vars": {
                    "ansible_connection": connection,
                    "ansible_port": HTTPS_PORT if self.https else HTTP_PORT,
                    **of_connection[connection],
                    "ansible_user": self.credentials.user,
                    "ansible_password": self.credentials.password,
                },
            }
        }

    def write_inventory(self, path: pathlib.Path, connection: str | None = None) -> None:
        """Write the inventory in one step, readable only for its owner. It is JSON, which is also YAML."""
        new = path.with_name(path.name + ".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(self.inventory(connection), indent=2) + "\n")
        new.replace(path)


def _close(opened: list[Endpoint | Programs]) -> None:
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda item: item.close(), opened))


def _free_addresses(count: int) -> list[str]:
    """Addresses with free ports for WinRM, so that several farms can run side by side."""
    for _attempt in range(200):
        first = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}"
        addresses = [f"{first}.{number}" for number in range(1, count + 1)]
        if count <= 254 and all(map(_is_free, addresses)):
            return addresses
    raise OSError(f"no {count} addresses (at most 254) with free ports {HTTP_PORT} and {HTTPS_PORT} were found")


def _is_free(address: str) -> bool:
    for port in (HTTP_PORT, HTTPS_PORT):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
