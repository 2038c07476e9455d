# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One command of `netsh ipsec static`: verb, object, and arguments of the form `name=value`.

Messages never repeat what was typed, as it may be a key in the wrong place: the caret of the error points to it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import did_you_mean, one_of
from ..source.text import Text
from ..source.words import is_program, split_words

_POLICY: t.Final = (
    "description",
    "mmpfs",
    "qmpermm",
    "mmlifetime",
    "activatedefaultrule",
    "pollinginterval",
    "assign",
    "mmsecmethods",
)
_FILTER: t.Final = (
    "filterlist",
    "srcaddr",
    "dstaddr",
    "description",
    "protocol",
    "mirrored",
    "srcmask",
    "dstmask",
    "srcport",
    "dstport",
)
_ACTION: t.Final = ("description", "qmpfs", "inpass", "soft", "action", "qmsecmethods")
_RULE: t.Final = (
    "filterlist",
    "filteraction",
    "tunnel",
    "conntype",
    "activate",
    "description",
    "kerberos",
    "psk",
    "rootca",
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """The arguments of a command. The first `needed` of them are required."""

    arguments: tuple[str, ...] = ()
    needed: int = 1

    @property
    def required(self) -> tuple[str, ...]:
        return self.arguments[: self.needed]


_FORMS: t.Final = {
    "set": {
        "store": _Form(("location", "domain")),
        "policy": _Form(("name", "guid", "newname", *_POLICY, "gponame")),
        "filterlist": _Form(("name", "guid", "newname", "description")),
        "filteraction": _Form(("name", "guid", "newname", *_ACTION)),
        "rule": _Form(("name", "policy", "id", "newname", *_RULE), 2),
        "defaultrule": _Form(("policy", "qmpfs", "activate", "qmsecmethods", "kerberos", "psk", "rootca", "gponame")),
    },
    "add": {
        "policy": _Form(("name", *_POLICY)),
        "filterlist": _Form(("name", "description")),
        "filter": _Form(_FILTER, 3),
        "filteraction": _Form(("name", *_ACTION)),
        "rule": _Form(("name", "policy", *_RULE), 4),
    },
    "delete": {
        "policy": _Form(("name",)),
        "filterlist": _Form(("name",)),
        "filter": _Form(_FILTER, 3),
        "filteraction": _Form(("name",)),
        "rule": _Form(("name", "policy", "id"), 2),
        "all": _Form(needed=0),
    },
}
NO_DOMAIN: t.Final = "this version does not support domain policies, only those of the local store"
_ALONE: t.Final = ("show", "exportpolicy", "importpolicy")
_OF_A_STORE: t.Final = {
    "guid": "a GUID is valid in one store only; use name= instead",
    "id": "the number of a rule is valid in one store only; use name= instead",
    "gponame": NO_DOMAIN,
}
_REPEATABLE: t.Final = ("rootca",)


@dataclasses.dataclass(frozen=True, slots=True)
class Argument:
    name: str
    value: Text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NetshCommand:
    """`verb` and `object` are in full, as in ``add`` and ``filterlist``. `everything` is true for ``all`` in place of a
    name.
    """

    verb: str
    object: str
    text: Text = dataclasses.field(repr=False)
    arguments: tuple[Argument, ...] = dataclasses.field(default=(), repr=False)
    everything: bool = False

    def get(self, name: str) -> Text | None:
        return next((argument.value for argument in self.arguments if argument.name == name), None)

    def __getitem__(self, name: str) -> Text:
        """The value of a required argument, whose presence `parse_command` has checked."""
        return next(argument.value for argument in self.arguments if argument.name == name)


def parse_command(text: Text) -> NetshCommand:
    """The command of `text`, which begins with ``netsh`` or ``ipsec``. Raises `SourceError`."""
    words = [word.text for word in split_words(text)]
    if words and is_program(words[0].value, ("netsh",)):
        words = words[1:]
    _expect(words, 0, ("ipsec",), text)
    if _expect(words, 1, ("static", "dynamic"), text) == "dynamic":
        raise words[1].error(
            0, "only commands of 'netsh ipsec static' can be converted: dynamic rules do not survive a restart"
        )
    verb = _expect(words, 2, (*_FORMS, *_ALONE), text)
    if verb in _ALONE:
        return NetshCommand(verb=verb, object="", text=text)
    object_ = _expect(words, 3, tuple(_FORMS[verb]), text)
    arguments, everything = _arguments(words[4:], _FORMS[verb][object_], verb == "delete" and object_ != "filter")
    command = NetshCommand(verb=verb, object=object_, text=text, arguments=arguments, everything=everything)
    for name in _FORMS[verb][object_].required:
        if command.get(name) is None and not (everything and name == "name"):
            raise text.error(len(text), f"{verb} {object_} needs {name}=")
    return command


def _expect(words: list[Text], index: int, choices: t.Sequence[str], text: Text) -> str:
    """The choice that the word at `index` is or abbreviates. Raises `SourceError`."""
    if index == len(words):
        raise text.error(len(text), f"expected {one_of(choices)}")
    return _match(words[index], choices, "this is not a command", f"expected {one_of(choices)}")


def _match(word: Text, choices: t.Sequence[str], problem: str, known: str) -> str:
    value = word.value.casefold()
    if value in choices:
        return value
    found = [choice for choice in choices if value and choice.startswith(value)]
    if len(found) == 1:
        return found[0]
    if found:
        raise word.error(0, f"this is ambiguous: {one_of(found)}")
    raise word.error(0, problem + (did_you_mean(value, choices) or f"; {known}"))


def _arguments(words: list[Text], form: _Form, may_be_all: bool) -> tuple[tuple[Argument, ...], bool]:
    """The arguments, and whether ``all`` is among them. Required arguments may come first, without their names."""
    found: list[Argument] = []
    everything = False
    seen: set[str] = set()
    tagged = False
    for word in words:
        tag, equals, _value = word.value.partition("=")
        if equals:
            tagged = True
            name = _match(word[: len(tag)], form.arguments, "this argument does not exist here", _known(form))
            value = word[len(tag) + 1 :]
        elif may_be_all and not everything and word.value.casefold() == "all":
            everything = True
            seen.add("name")
            continue
        else:
            name = "" if tagged else next((name for name in form.required if name not in seen), "")
            value = word
            if not name:
                raise word.error(
                    0, f"expected name=value, with quotation marks around a value that has blanks; {_known(form)}"
                )
        if name in _OF_A_STORE:
            raise word.error(0, _OF_A_STORE[name])
        if name in seen and name not in _REPEATABLE:
            raise word.error(0, f"{name}= is given twice")
        if not value.value and name != "description":
            raise word.error(len(word), f"{name}= has no value; write it directly after the '='")
        seen.add(name)
        found.append(Argument(name, value))
    return tuple(found), everything


def _known(form: _Form) -> str:
    names = [f"{name}=" for name in form.arguments if name not in _OF_A_STORE]
    return f"the arguments are {', '.join(names)}" if names else "there are no arguments"
