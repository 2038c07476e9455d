# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Imports and exports the registry of a simulated host in the format of regedit."""

from __future__ import annotations

import argparse
import pathlib
import sys

from .journal import Registry
from .policy import LOCAL
from .regfile import RegFileError, export, parse
from .tree import find_key


def main() -> int:
    parser = argparse.ArgumentParser(prog="reg", description="Import or export the registry of a simulated host.")
    parser.add_argument("action", choices=["export", "import"])
    parser.add_argument("--state", type=pathlib.Path, required=True, help="the folder given to serve with --state")
    parser.add_argument("--host", default="win1", help="the host (default win1)")
    parser.add_argument(
        "--key", default=LOCAL, help="the key to export, with everything below (default: the policy store)"
    )
    parser.add_argument("file", type=pathlib.Path, metavar="FILE.reg")
    options = parser.parse_args()
    registry = Registry(options.state / options.host / "registry.jsonl")
    try:
        if not registry.path.exists():
            raise OSError(f"{options.state} has no host {options.host}; give the folder of serve --state")
        if options.action == "export":
            key = options.key.replace("HKEY_LOCAL_MACHINE", "HKLM", 1)
            if find_key(registry.tree, key) is None:
                raise OSError(f"{options.host} has no key {options.key}")
            options.file.write_bytes(export(registry.tree, key))
        else:
            registry.change(parse(options.file.read_bytes()))
    except (OSError, RegFileError) as error:
        print(f"reg: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
