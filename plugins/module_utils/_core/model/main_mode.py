# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Main mode: what key exchange offers, and when the main-mode key is renewed."""

from __future__ import annotations

import dataclasses
import enum
import re
import typing as t

from . import defaults
from .methods import CIPHERS, HASHES, STRONGER, Encryption, Integrity, algorithm
from .text import U32, ModelError, known, make_odd, require


class Group(enum.IntEnum):
    """Diffie-Hellman groups that a stored policy can have."""

    MODP_768 = 1
    MODP_1024 = 2
    MODP_2048 = 14


_GROUP_NAME: t.Final = re.compile(r"(?:dh|group|modp|ecp|[-_ ])*([0-9]{1,5})", re.IGNORECASE)
_GROUP_OF_BITS: t.Final = {768: Group.MODP_768, 1024: Group.MODP_1024, 2048: Group.MODP_2048}


def group_number(text: str) -> int | None:
    """The number of the group that a text such as dh14, group14 or modp2048 names; None for another text."""
    found = _GROUP_NAME.fullmatch(text.strip())
    return None if found is None else _GROUP_OF_BITS.get(int(found[1]), int(found[1]))


def group_error(text: str, example: str = "{}") -> ModelError:
    """The error for a text that is not a group. `example` shows how the group that was meant is written."""
    number = group_number(text)
    hint = ""
    if number is not None:
        hint = f"; did you mean {example.format(number)}?" if number in tuple(Group) else f"; {STRONGER}"
    return ModelError(f"'{text}' is not a Diffie-Hellman group of a stored policy; use 1, 2 or 14{hint}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MainModeMethod:
    """One main-mode offer: cipher, hash and Diffie-Hellman group.

    A lifetime in seconds or a limit of None is that of main mode; a lifetime in kilobytes of None is no limit. An odd
    value may have the number of an unknown algorithm or group.
    """

    encryption: Encryption | str
    integrity: Integrity | str
    group: Group | int
    lifetime_seconds: int | None = None
    lifetime_kilobytes: int | None = None
    quick_mode_limit: int | None = None
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        # a stored 0 means that there is no own lifetime
        for name in ("lifetime_seconds", "lifetime_kilobytes"):
            object.__setattr__(self, name, getattr(self, name) or None)
        if self.odd:
            for name, kind in (("encryption", Encryption), ("integrity", Integrity), ("group", Group)):
                object.__setattr__(self, name, known(kind, getattr(self, name)))
            return
        for value, what in (
            (self.lifetime_seconds, "the lifetime in seconds"),
            (self.lifetime_kilobytes, "the lifetime in kilobytes"),
            (self.quick_mode_limit, "the limit of quick modes"),
        ):
            require(value is None or 0 <= value <= U32, f"{what} must be 0 to {U32}, not {value}")
        object.__setattr__(self, "encryption", algorithm(self.encryption, CIPHERS, "a valid cipher for main mode"))
        object.__setattr__(self, "integrity", algorithm(self.integrity, HASHES, "a valid hash for main mode"))
        if self.group not in tuple(Group):
            raise group_error(str(self.group))
        object.__setattr__(self, "group", Group(self.group))

    def __str__(self) -> str:
        return f"{self.encryption}-{self.integrity}-{self.group}"


DEFAULT_MAIN_MODE_METHODS: t.Final = tuple(
    MainModeMethod(encryption=encryption, integrity=integrity, group=group)
    for encryption, integrity, group in defaults.MAIN_MODE_METHODS
)
"""The manual's default key exchange security methods (remarks on -1s)."""
STRONGEST_MAIN_MODE_METHOD: t.Final = MainModeMethod(
    encryption=Encryption.TRIPLE_DES, integrity=Integrity.SHA, group=Group.MODP_2048
)
"""The strongest method that the policy store has."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MainMode:
    """Key exchange: offers in order, when the main-mode key is renewed, and master key PFS.

    `lifetime_seconds` is that of the first offer, which Windows uses. `quick_mode_limit` is the number of quick modes
    that one main mode association may serve; 0 is unlimited.
    """

    methods: tuple[MainModeMethod, ...] = DEFAULT_MAIN_MODE_METHODS
    lifetime_seconds: int = defaults.MAIN_MODE_LIFETIME
    quick_mode_limit: int = defaults.QUICK_MODE_LIMIT
    pfs: bool = defaults.PFS
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        make_odd(self, *self.methods)
        object.__setattr__(self, "methods", tuple(map(self._without_repetition, self.methods)))
        if self.odd:
            return
        require(bool(self.methods), "main mode needs at least one method, such as 3des-sha-2")
        require(
            1 <= self.lifetime_seconds <= U32,
            f"the main-mode lifetime must be 1 to {U32} seconds, not {self.lifetime_seconds}",
        )
        require(
            0 <= self.quick_mode_limit <= U32,
            f"the limit of quick modes must be 0 (unlimited) to {U32}, not {self.quick_mode_limit}",
        )
        require(
            self.methods[0].lifetime_seconds is None,
            f"the first method has a lifetime of {self.methods[0].lifetime_seconds} seconds and main mode one of "
            f"{self.lifetime_seconds}; they are one value, so set only one of them",
        )

    def _without_repetition(self, method: MainModeMethod) -> MainModeMethod:
        """A method with its own limits only where they differ from those of main mode."""
        return dataclasses.replace(
            method,
            lifetime_seconds=None if method.lifetime_seconds == self.lifetime_seconds else method.lifetime_seconds,
            quick_mode_limit=None if method.quick_mode_limit == self.quick_mode_limit else method.quick_mode_limit,
        )


DEFAULT_MAIN_MODE: t.Final = MainMode()
