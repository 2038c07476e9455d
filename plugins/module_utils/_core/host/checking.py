# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads checked values from the answers of the host module, whatever these contain."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ..model import IPAddress
from ..store.packed import unpack
from ..store.values import StoreError
from .running import Missing, MissingReason

_T = t.TypeVar("_T")
U64: t.Final = (1 << 64) - 1


class AnswerError(ValueError):
    """An answer that the host module cannot have given. `key` is the part of the answer that is wrong."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def field(answer: object, key: str, kind: type[_T], within: str = "") -> _T:
    """The value of a key of an answer, or of the part of it at the place `within`. Raises `AnswerError`."""
    value = answer.get(key) if isinstance(answer, t.Mapping) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        place = f"{within}.{key}" if within else key
        raise AnswerError(place, f"the host's answer has no valid '{place}'")
    return value


def address_of(text: str) -> IPAddress:
    """An address without its zone. An IPv4 address that is mapped into IPv6 is an IPv4 address. Raises `ValueError`."""
    found = ipaddress.ip_address(text.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


@dataclasses.dataclass(frozen=True, slots=True)
class AnswerPart:
    """A part of an answer and its place, which errors name."""

    value: object = dataclasses.field(repr=False)
    place: str

    def error(self, problem: str) -> AnswerError:
        return AnswerError(self.place, f"the host's answer is wrong in '{self.place}': {problem}")

    def get(self, key: str, kind: type[_T]) -> _T:
        return field(self.value, key, kind, self.place)

    def optional(self, key: str, kind: type[_T]) -> _T | None:
        """As `get`; None for null and for a missing key."""
        empty = isinstance(self.value, t.Mapping) and self.value.get(key) is None
        return None if empty else self.get(key, kind)

    def part(self, key: str) -> AnswerPart:
        """The dictionary at a key."""
        return AnswerPart(self.get(key, dict), f"{self.place}.{key}")

    def number(self, key: str, most: int = U64) -> int:
        return self._bounded(key, self.get(key, int), most)

    def optional_number(self, key: str, most: int = U64) -> int | None:
        found = self.optional(key, int)
        return None if found is None else self._bounded(key, found, most)

    def _bounded(self, key: str, number: int, most: int) -> int:
        if not 0 <= number <= most:
            raise AnswerError(f"{self.place}.{key}", f"the host's answer has no valid '{self.place}.{key}'")
        return number

    def items(self, key: str, most: int) -> list[AnswerPart]:
        """The dictionaries in the list at a key, at most `most`."""
        found = self.get(key, list)
        place = f"{self.place}.{key}"
        if len(found) > most:
            raise AnswerError(place, f"the host's answer has {len(found)} items in '{place}'; at most {most} are valid")
        parts = [AnswerPart(item, f"{place}[{index}]") for index, item in enumerate(found)]
        for part in parts:
            if not isinstance(part.value, dict):
                raise AnswerError(part.place, f"the host's answer has no valid '{part.place}'")
        return parts

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts in the list at a key; none for null."""
        found = self.optional(key, list) or []
        if not all(isinstance(item, str) for item in found):
            raise AnswerError(f"{self.place}.{key}", f"the host's answer has no valid '{self.place}.{key}'")
        return tuple(found)

    def unpacked(self, key: str) -> str:
        """The text that is packed at a key."""
        try:
            return unpack(self.get(key, str), f"'{self.place}.{key}'")
        except StoreError as error:
            raise AnswerError(f"{self.place}.{key}", f"the host's answer cannot be read: {error}") from None

    def missing(self, key: str = "error") -> Missing | None:
        """Why the part is not known; None if it is."""
        if self.optional(key, dict) is None:
            return None
        part = self.part(key)
        reason = part.get("reason", str)
        if reason not in tuple(MissingReason):
            raise part.error(f"'{reason}' is not a known reason")
        return Missing(MissingReason(reason), part.optional("detail", str) or "")

    def errors(self) -> dict[str, Missing]:
        """Why each of the classes below `errors` is not known."""
        part = self.part("errors")
        found = {name: part.missing(name) for name in t.cast("dict[str, object]", part.value)}
        return {name: missing for name, missing in found.items() if missing is not None}
