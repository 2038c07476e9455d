# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs a domain controller to try tasks on, until it is ended."""

from __future__ import annotations

import argparse
import json
import pathlib
import signal
import sys

from .samba import Domain, missing


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/directory/serve", description=__doc__)
    parser.add_argument("--vars", type=pathlib.Path, required=True, help="the file for the variable directory")
    parser.add_argument("--gpo", action="append", default=[], help="a Group Policy object to add; may be repeated")
    parser.add_argument("--smb", action="store_true", help="with SYSVOL, where GPT.INI is; the start takes longer")
    options = parser.parse_args()
    if problem := missing():
        print(f"serve: {problem}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Domain(smb=options.smb) as domain:
        for name in options.gpo:
            domain.add_gpo(name, link=domain.root)
        # the certificate has the address too, so nothing has to find the name
        options.vars.write_text(json.dumps({"directory": domain.options(server=domain.address)}, indent=2) + "\n")
        print(f"The domain {domain.domain} is served at {domain.address}. Add to ansible-playbook: -e @{options.vars}")
        print("Ctrl-C ends it and deletes it.", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
