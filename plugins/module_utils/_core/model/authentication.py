# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Authentication methods: how the peers of a rule prove who they are."""

from __future__ import annotations

import dataclasses
import typing as t

from .text import DESCRIPTION_LIMIT, check_text, require


@dataclasses.dataclass(frozen=True, slots=True)
class Kerberos:
    """Authenticate through the domain."""


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class PresharedKey:
    """Authenticate with a shared secret. The key is never shown; None means the stored key."""

    key: str | None
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.key is not None and not self.odd:
            require(self.key != "", "the pre-shared key is empty")
            require("\0" not in self.key, "the pre-shared key contains a NUL character")
            require(
                not any(0xD800 <= ord(c) < 0xE000 for c in self.key),
                "the pre-shared key contains half of a surrogate pair, which is not a character",
            )

    def __repr__(self) -> str:
        return "PresharedKey(None)" if self.key is None else "PresharedKey(hidden)"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Authenticate with a certificate that the named authority has issued.

    No sample of the section that stores the two switches for certificates is known, so they are read and kept, but
    never written.
    """

    ca: str
    account_mapping: bool = False
    exclude_ca_name: bool = False
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.odd:
            return
        require(
            self.ca.strip() != "",
            "a certificate needs the distinguished name of its authority, such as CN=Corp Root CA",
        )
        check_text(self.ca, "the name of a certificate authority", DESCRIPTION_LIMIT)
        require(
            not (self.account_mapping or self.exclude_ca_name),
            "account_mapping and exclude_ca_name cannot be set: their format in the store is not known. Leave them out",
        )


@dataclasses.dataclass(frozen=True, slots=True)
class OtherAuthentication:
    """A method of a type that the specification does not have. Its data is never shown; None means the data that
    is stored.
    """

    type: int
    data: bytes | None = dataclasses.field(repr=False)
    odd: bool = dataclasses.field(default=True, compare=False)


AuthMethod: t.TypeAlias = Kerberos | PresharedKey | Certificate | OtherAuthentication
DEFAULT_AUTHENTICATION: t.Final = (Kerberos(),)
"""The manual's default authentication (remarks on -a)."""
