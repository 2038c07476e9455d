# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The record of the dynamic rules of a host: a registry key from which the host adds the rules again when Windows has
lost them (docs/host-module.md).
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ..host.dynamic import SHOWN
from ..model import ModelError
from ..model.dynamic import DynamicRule
from ..shape.dynamic import parse_dynamic_rule, render_dynamic_rule
from ..store.operations import Create, Delete, Operation, Set, Unset
from ..store.store import Store
from ..store.values import Kind, Value
from .commands import NAME, Commands

RULES: t.Final = "Rules"
REMOVED: t.Final = "Removed"
SETTINGS: t.Final = "Settings"
CONFIG: t.Final = ".config"
"""The value of the settings that tells what ``show config`` said after they were set."""
_SALT: t.Final = "Salt"
_REVISION: t.Final = "Revision"
_REPLAY: t.Final = "Replay"

Names: t.TypeAlias = t.Mapping[str, tuple[str, ...]]
"""The addresses that DNS names and interfaces of a rule had when the host looked them up."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A rule in the record. `rule` is as it was asked for, with names that are not looked up; None if it cannot be
    read. `shown` is how often ``show rule`` named it when it was complete; None if it has not been complete yet.
    """

    name: str
    order: int
    rule: DynamicRule | None
    names: Names
    commands: Commands
    shown: int | None = None

    def operations(self) -> t.Iterator[Operation]:
        """The operations that add the entry. The value without which the host ignores it is the last one."""
        path = f"{RULES}\\{self.name}"
        yield Create(path)
        yield Set(path, "Order", Value.number(self.order))
        yield Set(path, "Rule", Value.string(self._text()))
        yield from self._commands(path)

    def removal(self) -> t.Iterator[Operation]:
        """The operations that make the entry one that is to be removed."""
        path = f"{REMOVED}\\{self.name}"
        yield Create(path)
        yield from self._commands(path)
        yield Delete(f"{RULES}\\{self.name}")

    def _commands(self, path: str) -> t.Iterator[Operation]:
        yield Set(path, "Policies", Value.strings(self.commands.policies))
        yield Set(path, "Rules", Value.strings(self.commands.rules))

    def _text(self) -> str:
        rule = None if self.rule is None else render_dynamic_rule(self.rule, with_keys=True)
        return json.dumps({"rule": rule, "names": {name: list(found) for name, found in self.names.items()}})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`replay` is the interval of the replay task in minutes, 0 without one; None for a host without a record.
    `settings` are those that tasks have set, and `config` what the host then showed.
    """

    salt: str = ""
    revision: int = 0
    replay: int | None = None
    entries: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()
    settings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    config: str | None = None
    store: Store = dataclasses.field(default_factory=Store, compare=False)

    @classmethod
    def read(cls, store: Store) -> Record:
        """The record in the registry key of a host. What cannot be read is an entry without a rule."""
        settings = {name: _text(store, SETTINGS, name) or "" for name in store.values(SETTINGS)}
        return cls(
            salt=_text(store, "", _SALT) or "",
            revision=_number(store, "", _REVISION) or 0,
            replay=_number(store, "", _REPLAY),
            entries=tuple(sorted(_entries(store, RULES), key=lambda entry: entry.order)),
            removed=tuple(_entries(store, REMOVED)),
            settings={name: value for name, value in settings.items() if name != CONFIG},
            config=settings.get(CONFIG),
            store=store,
        )

    def head(self, salt: str, revision: int, replay: int) -> t.Iterator[Operation]:
        """The operations that set the values of the record itself."""
        if "" not in self.store:
            yield Create("")
        for name, value, old in (
            (_SALT, Value.string(salt), Value.string(self.salt)),
            (_REVISION, Value.number(revision), Value.number(self.revision)),
            (_REPLAY, Value.number(replay), None if self.replay is None else Value.number(self.replay)),
        ):
            if value != old or self.store.get("", name) is None:
                yield Set("", name, value)

    def setting(self, settings: t.Mapping[str, str], known: bool) -> t.Iterator[Operation]:
        """The operations that record what is about to be set. Unless the settings of the host are `known`, the others
        in the record may be wrong, so they are forgotten.
        """
        if settings:
            yield Create(SETTINGS)
            # until the host has set them and says what it shows, they count as not set
            yield Unset(SETTINGS, CONFIG)
        if settings and not known:
            for name in self.settings.keys() - settings.keys():
                yield Unset(SETTINGS, name)
        for name, value in settings.items():
            yield Set(SETTINGS, name, Value.string(value))


def _entries(store: Store, folder: str) -> t.Iterator[Entry]:
    for path in store.paths():
        parts = path.split("\\")
        if len(parts) == 2 and parts[0].casefold() == folder.casefold() and NAME.fullmatch(parts[1]):
            yield _entry(store, path, parts[1])


def _entry(store: Store, path: str, name: str) -> Entry:
    rule, names = _rule(_text(store, path, "Rule"))
    return Entry(
        name=name,
        order=_number(store, path, "Order") or 0,
        rule=rule,
        names=names,
        commands=Commands(_texts(store, path, "Policies"), _texts(store, path, "Rules")),
        shown=_number(store, SHOWN, name),
    )


def _rule(text: str | None) -> tuple[DynamicRule | None, Names]:
    """The rule and the addresses in the text of an entry. None for a text that no task has written."""
    try:
        found = json.loads(text or "")
        names = {str(name): tuple(map(str, addresses)) for name, addresses in found["names"].items()}
        return parse_dynamic_rule(found["rule"], "", []), names
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ModelError):
        return None, {}


def _text(store: Store, path: str, name: str) -> str | None:
    value = store.get(path, name)
    return value.data if value is not None and value.kind is Kind.STRING and isinstance(value.data, str) else None


def _texts(store: Store, path: str, name: str) -> tuple[str, ...]:
    value = store.get(path, name)
    return value.data if value is not None and isinstance(value.data, tuple) else ()


def _number(store: Store, path: str, name: str) -> int | None:
    value = store.get(path, name)
    return value.data if value is not None and value.kind is Kind.DWORD and isinstance(value.data, int) else None
