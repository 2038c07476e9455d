# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The Python packages that a directory needs. The policy store of a host needs none of them."""

from __future__ import annotations

import importlib.util
import typing as t

from ..module_utils._core.directory.errors import DirectoryError

_IMPORTS: t.Final = {
    "sansldap": ("sansldap",),
    "pyspnego": ("spnego",),
    "pyspnego[kerberos]": ("spnego", "gssapi", "krb5"),
    "dnspython": ("dns",),
    "smbprotocol": ("smbprotocol", "smbclient"),
}
"""What is imported of each package."""


def require(packages: t.Sequence[str], purpose: str) -> None:
    """Raises a `DirectoryError` that names the packages that are missing."""
    missing = [package for package in packages if not has(package)]
    if missing:
        words = " ".join(f'"{package}"' if "[" in package else package for package in missing)
        raise DirectoryError(
            f"{purpose}, the Python of Ansible on the controller needs {' and '.join(missing)}; "
            f"install with: pip install {words}"
        )


def has(package: str) -> bool:
    """Whether a package is installed."""
    return all(importlib.util.find_spec(name) is not None for name in _IMPORTS[package])
