# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Security methods: what quick mode offers."""

from __future__ import annotations

import dataclasses
import enum
import re
import typing as t

from ..hints import one_of, same_letters
from . import defaults
from .text import U32, ModelError, known, make_odd, require

_OTHER_NAMES: t.Final = {"sha1": "sha", "sha-1": "sha", "null": "none", "triple-des": "3des", "tripledes": "3des"}
_STRONGER_NAME: t.Final = re.compile(
    r"aes|gcm|gmac|chacha|camellia|ecp|sha2|sha-?(?:224|256|384|512)|^sha-2$", re.IGNORECASE
)
STRONGER: t.Final = (
    "the policy store has only DES and 3DES, MD5 and SHA-1, and groups 1, 2 and 14. For AES, SHA-256 and other groups, "
    "use connection security rules of Windows Defender Firewall (New-NetIPsecRule)"
)
"""What to say of algorithms that Windows has elsewhere."""


class Encryption(enum.StrEnum):
    """Ciphers. Quick mode may use none."""

    NONE = "none"
    DES = "des"
    TRIPLE_DES = "3des"


class Integrity(enum.StrEnum):
    """Hash algorithms. ESP may use none."""

    NONE = "none"
    MD5 = "md5"
    SHA = "sha"


CIPHERS: t.Final = (Encryption.DES, Encryption.TRIPLE_DES)
HASHES: t.Final = (Integrity.MD5, Integrity.SHA)


def stronger_hint(text: str) -> str:
    """The end of a message about a text that names algorithms which only Windows Defender Firewall has."""
    return f"; {STRONGER}" if _STRONGER_NAME.search(text) else ""


_Algorithm = t.TypeVar("_Algorithm", Encryption, Integrity)


def algorithm(name: str, allowed: t.Iterable[_Algorithm], what: str) -> _Algorithm:
    """The algorithm of that name among `allowed`. Raises `ModelError`, in which `what` says what the name was for."""
    members = tuple(allowed)
    found = next((member for member in members if member == name), None)
    if found is None:
        # a name that only looks similar, such as des for aes, would be bad advice
        meant = _OTHER_NAMES.get(name)
        hint = f"; did you mean {meant}?" if meant in members else stronger_hint(name) or same_letters(name, members)
        raise ModelError(f"'{name}' is not {what}; use {one_of(members)}{hint}")
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Ah:
    """Authentication Header: integrity only. An odd value may have the number of an unknown hash, as text."""

    integrity: Integrity | str
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        found = (
            known(Integrity, self.integrity) if self.odd else algorithm(self.integrity, HASHES, "a valid hash for ah")
        )
        object.__setattr__(self, "integrity", found)

    def __str__(self) -> str:
        return f"ah[{self.integrity}]"


@dataclasses.dataclass(frozen=True, slots=True)
class Esp:
    """Encapsulating Security Payload: a cipher and a hash, one of which may be none.

    An odd value may have the number of an unknown algorithm, as text.
    """

    encryption: Encryption | str
    integrity: Integrity | str
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.odd:
            object.__setattr__(self, "encryption", known(Encryption, self.encryption))
            object.__setattr__(self, "integrity", known(Integrity, self.integrity))
            return
        object.__setattr__(self, "encryption", algorithm(self.encryption, Encryption, "a valid cipher for esp"))
        object.__setattr__(self, "integrity", algorithm(self.integrity, Integrity, "a valid hash for esp"))
        require(
            (self.encryption, self.integrity) != (Encryption.NONE, Integrity.NONE),
            "esp[none,none] would protect nothing; use a cipher, a hash or both",
        )

    def __str__(self) -> str:
        return f"esp[{self.encryption},{self.integrity}]"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SecurityMethod:
    """One quick-mode offer: AH, ESP or both, lifetimes of the session key (0: Windows' own default), and whether the
    session key has PFS.
    """

    algorithms: tuple[Ah | Esp, ...]
    lifetime_seconds: int = 0
    lifetime_kilobytes: int = 0
    pfs: bool = defaults.PFS
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        # AH and ESP are applied together: their order in the offer has no meaning
        object.__setattr__(self, "algorithms", tuple(sorted(self.algorithms, key=lambda a: isinstance(a, Esp))))
        make_odd(self, *self.algorithms)
        if self.odd:
            return
        kinds = tuple(type(a) for a in self.algorithms)
        require(kinds in ((Ah,), (Esp,), (Ah, Esp)), "a security method is ah[…], esp[…] or ah[…]+esp[…]")
        for value, unit in ((self.lifetime_seconds, "seconds"), (self.lifetime_kilobytes, "kilobytes")):
            require(0 <= value <= U32, f"the lifetime must be 0 to {U32} {unit}, not {value}")

    def __str__(self) -> str:
        words = ["+".join(str(a) for a in self.algorithms)]
        rekey = [f"{n}{unit}" for n, unit in ((self.lifetime_seconds, "S"), (self.lifetime_kilobytes, "K")) if n]
        if rekey:
            words.append("/".join(rekey))
        if self.pfs:
            words.append("PFS")
        return " ".join(words)


DEFAULT_SECURITY_METHODS: t.Final = tuple(
    SecurityMethod(algorithms=(Esp(*algorithms),)) for algorithms in defaults.SECURITY_METHODS
)
"""The manual's default negotiation policies (remarks on -n)."""
STRONGEST_SECURITY_METHOD: t.Final = SecurityMethod(algorithms=(Esp(Encryption.TRIPLE_DES, Integrity.SHA),), pfs=True)
"""The strongest method that the policy store has, with the lifetimes of Windows."""
