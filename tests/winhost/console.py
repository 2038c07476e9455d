# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Does what somebody does at the console of a simulated host that `serve` runs."""

from __future__ import annotations

import argparse
import pathlib
import sys
import typing as t

from .programs import ask

_PROGRAMS: t.Final = ("netsh", "schtasks", "auditpol", "cim", "events")
_ACTIONS: t.Final = ("start", "stop", "restart", "boot", "advance", "task", "poll", "gpupdate", "set")
_NEEDED: t.Final = {"advance": 1, "task": 1, "set": 1, "cim": 2}
"""The number of arguments of commands that take some."""
_HELP: t.Final = """
COMMAND is one of:
  netsh [ARGUMENTS]      run netsh.exe, as in: netsh ipsec dynamic show rule, or: netsh wfp show filters file=-
                         (without arguments, it reads commands from standard input)
  schtasks ARGUMENTS     run schtasks.exe: /Query /TN NAME /XML or /Delete /TN NAME /F
  start, stop, restart   start, stop or restart the service PolicyAgent
  boot                   boot the host
  advance SECONDS        advance its clock, and run the tasks that are due
  task NAME              run a scheduled task
  auditpol ARGUMENTS     run auditpol.exe: /get /subcategory:{0CCE9233-69AE-11D9-BED3-505054503030} /r
  cim NAMESPACE CLASS    print the instances of a CIM class as JSON
  events                 print the Security log as JSON
  poll                   let the service look for changes of its policy, in the domain too if it is from there
  gpupdate [/force]      apply Group Policy of the domain in the setting membership; /force, although no Group Policy
                         object has changed
  set NAME=VALUE         change a setting of the host, as in: set 'queries={"filters": "slow"}'
                         (VALUE is JSON; CONTRIBUTING.md describes the settings)
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="console",
        description="Run a command at the console of a simulated host.",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--state", type=pathlib.Path, required=True, help="the folder given to serve with --state, or printed by it"
    )
    parser.add_argument("--host", default="win1", help="the host (default win1)")
    parser.add_argument("command", metavar="COMMAND", choices=(*_PROGRAMS, *_ACTIONS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENTS")
    options = parser.parse_args()
    needed = _NEEDED.get(options.command, 0)
    if options.command == "gpupdate" and options.arguments == ["/force"]:
        needed = 1
    if options.command in (*_ACTIONS, *_NEEDED, "events") and len(options.arguments) != needed:
        parser.error(f"{options.command} takes {needed or 'no'} argument{'' if needed == 1 else 's'}")
    if options.command == "advance" and not options.arguments[0].isdecimal():
        parser.error("advance takes a number of seconds")
    program, arguments, given = options.command, options.arguments, b""
    if options.command in _ACTIONS:
        program, arguments = "control", [options.command, *options.arguments]
    elif options.command == "netsh" and not arguments:
        given = sys.stdin.buffer.read()
    try:
        code, output = ask(options.state / options.host, program, arguments, given)
    except OSError:
        print(f"console: no host {options.host} runs with the state in {options.state}", file=sys.stderr)
        return 1
    # an output can have bytes that are not UTF-8
    sys.stdout.buffer.write(output.replace("\r\n", "\n").encode(errors="surrogateescape"))
    return code


if __name__ == "__main__":
    sys.exit(main())
