# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads the policy objects that Group Policy has reported for a host (Resultant Set of Policy), as a store."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
import typing as t

from ..model import GUID_PATTERN, U32
from ..store.casing import fold
from ..store.names import (
    ACTION,
    ACTION_GUID,
    ACTION_TYPE,
    CHANGED,
    CLASS,
    DATA,
    DATA_TYPE,
    DESCRIPTION,
    FILTERS,
    ID,
    ISAKMP,
    KEY_NAME,
    NAME,
    NFAS,
    OWNERS,
    reference,
)
from ..store.store import Store
from ..store.values import Value
from .checking import AnswerPart
from .running import Missing

OBJECTS_LIMIT: t.Final = 100_000
_KEY: t.Final = re.compile(rf"ipsec[a-z]+{GUID_PATTERN.pattern}", re.IGNORECASE | re.ASCII)
_TEXTS: t.Final = (CLASS, ID, NAME, DESCRIPTION, ACTION_GUID, ACTION_TYPE)
_REFERENCES: t.Final = (ISAKMP, ACTION)
_LISTS: t.Final = (NFAS, FILTERS, OWNERS)
_NUMBERS: t.Final = (DATA_TYPE, CHANGED)
_LAST: t.Final = U32
"""The precedence of an object that has none. 1 is the one that wins."""


@dataclasses.dataclass(frozen=True, slots=True)
class GroupPolicyObject:
    """A Group Policy object; `name` is None if the host does not know it."""

    id: str
    name: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rsop:
    """The objects as a store, and the Group Policy object that each of them comes from, by the folded key."""

    store: Store = dataclasses.field(default_factory=Store)
    origins: t.Mapping[str, GroupPolicyObject] = dataclasses.field(default_factory=dict)
    missing: Missing | None = None


def parse_rsop(answer: object) -> Rsop:
    """The part `rsop` of an answer. Raises `AnswerError`. Objects that cannot be named are left out."""
    part = AnswerPart(answer, "rsop")
    if (missing := part.missing()) is not None:
        return Rsop(missing=missing)
    names = part.part("gpos")
    known = {fold(id_): names.get(id_, str) for id_ in t.cast("dict[str, object]", names.value)}
    keys: dict[str, dict[str, Value]] = {}
    origins: dict[str, GroupPolicyObject] = {}
    # of an object that several Group Policy objects have, the one that wins comes first
    found = sorted(part.items("objects", OBJECTS_LIMIT), key=_precedence)
    for item in found:
        key, values = _key(item), _values(item)
        if key is None or fold(key) in origins:
            continue
        keys[key] = values
        gpo = item.optional("GPOID", str) or ""
        origins[fold(key)] = GroupPolicyObject(gpo, known.get(fold(gpo)))
    return Rsop(store=Store({"": {}, **keys}) if keys else Store(), origins=origins)


def _precedence(item: AnswerPart) -> int:
    found = item.optional_number("precedence", U32)
    return _LAST if found is None else found


def _key(item: AnswerPart) -> str | None:
    """The class and the GUID of an object, as keys of a store have them."""
    texts = [item.optional(name, str) for name in (KEY_NAME, "id")]
    texts.append((item.optional("ClassName", str) or "") + (item.optional(ID, str) or ""))
    return next((key for text in texts if text and (key := _named(text))), None)


def _named(text: str) -> str | None:
    """The last class with a GUID in a path of a directory or of the registry."""
    found = _KEY.findall(text)
    return found[-1] if found else None


def _values(item: AnswerPart) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name in _TEXTS:
        text = item.optional("ClassName" if name == CLASS else name, str)
        if text is not None:
            found[name] = Value.string(text)
    for name in _REFERENCES:
        if text := item.optional(name, str):
            found[name] = Value.string(_reference(text))
    for name in _LISTS:
        if texts := item.texts(name):
            found[name] = Value.strings(map(_reference, texts))
    for name in _NUMBERS:
        number = item.optional_number(name, U32)
        if number is not None:
            found[name] = Value.number(number)
    if data := item.optional(DATA, str):
        try:
            found[DATA] = Value.binary(base64.b64decode(data, validate=True))
        except (binascii.Error, ValueError):
            raise item.error(f"{DATA} is not base64") from None
    return found


def _reference(text: str) -> str:
    """A reference as a store has it. One that names no object stays, and leads to a problem of its policy."""
    key = _named(text)
    return text if key is None else reference(key)
