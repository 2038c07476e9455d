# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Values that objects are to hold, and which of them differ from what they hold."""

from __future__ import annotations

import typing as t

from ..model import NegotiationPolicy
from ..objects.blobs import NegotiationPolicyBlob
from ..objects.convert.negotiation_policy import ACTION_GUIDS, STANDARD_TYPE, write_security_methods
from ..store.names import ACTION_GUID, ACTION_TYPE, DATA, DESCRIPTION, NAME
from ..store.store import Store
from ..store.values import Value
from .writer import Values

_COSMETIC: t.Final = (NAME, DESCRIPTION)


def live(changes: Values) -> int:
    """How many of these values affect what is in force: names and descriptions do not."""
    return sum(name not in _COSMETIC for name in changes)


def differences(store: Store, key: str, values: Values) -> Values:
    """The values that the object does not hold."""

    def held(name: str, value: Value | None) -> bool:
        old = store.get(key, name)
        data = None if old is None else old.data
        if value is None:
            # a value that is not text counts as empty
            return not isinstance(data, str) or data == ""
        if name in (ACTION_GUID, ACTION_TYPE):
            return str(data).lower() == value.data
        return data == value.data

    return {name: value for name, value in values.items() if not held(name, value)}


def text_value(value: str) -> Value | None:
    return Value.string(value) if value else None


def action_values(value: NegotiationPolicy, old: NegotiationPolicyBlob | None) -> Values:
    """What a filter action is to hold, besides its name. Offers of `old` that mean the same are kept."""
    blob = write_security_methods(value.methods, value.soft, old)
    return {
        ACTION_TYPE: Value.string(STANDARD_TYPE),
        ACTION_GUID: Value.string(ACTION_GUIDS[value.action, value.inpass]),
        DATA: Value.binary(blob.pack()),
    }
