# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs simulated hosts until it is ended."""

from __future__ import annotations

import argparse
import pathlib
import signal
import sys
import threading
import typing as t

from .engine_powershell import EngineError
from .farm import AUTHENTICATIONS, CONNECTIONS, ENGINES, Farm
from .faults import SYNTAX, Fault, FaultError
from .host import SettingError
from .regfile import RegFileError

_TICK: t.Final = 5
"""Seconds between two looks for scheduled tasks that are due."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="serve", description="Simulated Windows hosts that Ansible can reach by WinRM or PSRP."
    )
    parser.add_argument(
        "--inventory",
        type=pathlib.Path,
        required=True,
        help="the inventory file, which is written once the hosts answer",
    )
    parser.add_argument(
        "--hosts",
        type=int,
        choices=range(1, 255),
        metavar="N",
        default=1,
        help="the number of hosts: win1, win2 … (default 1, at most 254)",
    )
    parser.add_argument(
        "--state", type=pathlib.Path, help="a folder for their state, which is kept (default: a temporary folder)"
    )
    parser.add_argument("--import", dest="reg", type=pathlib.Path, help="a .reg file for the registry of each host")
    parser.add_argument(
        "--engine", choices=ENGINES, default="auto", help="the engine that runs commands (default auto)"
    )
    parser.add_argument(
        "--auth", choices=AUTHENTICATIONS, default="ntlm", help="the authentication in the inventory (default ntlm)"
    )
    parser.add_argument(
        "--connection", choices=CONNECTIONS, default="winrm", help="the connection in the inventory (default winrm)"
    )
    parser.add_argument("--https", action="store_true", help="use HTTPS in the inventory")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="TEXT",
        help=f"a fault, may be given several times: {SYNTAX.replace('%', '%%')}",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of each host, may be given several times; VALUE is JSON",
    )
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        data = options.reg.read_bytes() if options.reg else None
        with Farm(
            options.hosts, options.state, options.engine, options.auth, options.https, options.connection
        ) as farm:
            for fault in options.fault:
                if fault.host not in (None, *farm.hosts):
                    raise FaultError(
                        f"--fault {fault}: the host {fault.host} does not exist; use {', '.join(farm.hosts)}"
                    )
            for name, host in farm.hosts.items():
                if data is not None:
                    host.import_reg(data)
                for text in options.settings:
                    host.set_text(text)
                host.boot()
                host.faults.add(*(fault for fault in options.fault if fault.host in (None, name)))
                print(f"{name}: {host.address}, engine {farm.engine}", flush=True)
            farm.write_inventory(options.inventory)
            print(f"the inventory is {options.inventory}, the state is in {farm.folder}", flush=True)
            print("press Ctrl-C to end", flush=True)
            while not ended.wait(_TICK):
                for host in farm.hosts.values():
                    host.tasks.tick()
    except (OSError, EngineError, FaultError, RegFileError, SettingError) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    return 0


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
