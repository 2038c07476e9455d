# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One command of `netsh ipsec`: verb, object, and arguments of the form `name=value`.

Messages never repeat what was typed, as it may be a key in the wrong place: the caret of the error points to it.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..hints import did_you_mean, one_of
from ..model import ModelError
from ..source.text import SourceError, Text
from ..source.words import HELP, Word, is_program, split_words

_T = t.TypeVar("_T")
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
_AUTHENTICATION: t.Final = ("kerberos", "psk", "rootca")
_RULE: t.Final = (
    *("filterlist", "filteraction", "tunnel", "conntype", "activate", "description"),
    *_AUTHENTICATION,
)
_MAIN_MODE: t.Final = ("qmpermm", "mmlifetime", "softsaexpirationtime", "mmsecmethods")
_QUICK_MODE: t.Final = ("soft", "pfsgroup", "qmsecmethods")
_SELECTOR: t.Final = (
    "srcaddr",
    "dstaddr",
    "protocol",
    "srcport",
    "dstport",
    "mirrored",
    "conntype",
    "srcmask",
    "dstmask",
    "tunneldstaddress",
)


class Language(enum.StrEnum):
    """The two languages below ``netsh ipsec``: stored policies, and rules beside the policy in force."""

    STATIC = "static"
    DYNAMIC = "dynamic"


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """The arguments of a command. The first `needed` of them are required. With `may_be_all`, ``all`` can be in place
    of a name.
    """

    arguments: tuple[str, ...] = ()
    needed: int = 1
    may_be_all: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        return self.arguments[: self.needed]


_FORMS: t.Final = {
    Language.STATIC: {
        "set": {
            "store": _Form(("location", "domain")),
            "batch": _Form(("mode",)),
            "policy": _Form(("name", "guid", "newname", *_POLICY, "gponame")),
            "filterlist": _Form(("name", "guid", "newname", "description")),
            "filteraction": _Form(("name", "guid", "newname", *_ACTION)),
            "rule": _Form(("name", "policy", "id", "newname", *_RULE), 2),
            "defaultrule": _Form(("policy", "qmpfs", "activate", "qmsecmethods", *_AUTHENTICATION, "gponame")),
        },
        "add": {
            "policy": _Form(("name", *_POLICY)),
            "filterlist": _Form(("name", "description")),
            "filter": _Form(_FILTER, 3),
            "filteraction": _Form(("name", *_ACTION)),
            "rule": _Form(("name", "policy", *_RULE), 4),
        },
        "delete": {
            "policy": _Form(("name",), may_be_all=True),
            "filterlist": _Form(("name",), may_be_all=True),
            "filter": _Form(_FILTER, 3),
            "filteraction": _Form(("name",), may_be_all=True),
            "rule": _Form(("name", "policy", "id"), 2, may_be_all=True),
            "all": _Form(needed=0),
        },
    },
    Language.DYNAMIC: {
        "set": {
            "config": _Form(("property", "value"), 2),
            "mmpolicy": _Form(("name", *_MAIN_MODE)),
            "qmpolicy": _Form(("name", *_QUICK_MODE)),
            "rule": _Form(
                (*_SELECTOR, "mmpolicy", "qmpolicy", "actioninbound", "actionoutbound", *_AUTHENTICATION),
                7,
            ),
        },
        "add": {
            "mmpolicy": _Form(("name", *_MAIN_MODE)),
            "qmpolicy": _Form(("name", *_QUICK_MODE)),
            "rule": _Form(
                (
                    *("srcaddr", "dstaddr", "mmpolicy", "qmpolicy", "protocol", "srcport", "dstport", "mirrored"),
                    *("conntype", "actioninbound", "actionoutbound", "srcmask", "dstmask", "tunneldstaddress"),
                    *_AUTHENTICATION,
                ),
                3,
            ),
        },
        "delete": {
            "mmpolicy": _Form(("name",), may_be_all=True),
            "qmpolicy": _Form(("name",), may_be_all=True),
            "rule": _Form(_SELECTOR, 7),
            "all": _Form(needed=0),
        },
    },
}
_ALONE: t.Final = {Language.STATIC: ("show", "exportpolicy", "importpolicy"), Language.DYNAMIC: ("show",)}
_OF_A_STORE: t.Final = {
    "guid": "a GUID is valid in one store only; use name= instead",
    "id": "the number of a rule is valid in one store only; use name= instead",
}
_WITH_NAME: t.Final = (*_OF_A_STORE, "gponame")
"""Arguments that are not given without their names: whether netsh takes such a word for one of them is not known."""
_REPEATABLE: t.Final = ("rootca",)
_OTHER_LANGUAGE: t.Final = {
    Language.DYNAMIC: (
        "this is a command of 'netsh ipsec dynamic', which makes no policy; dynamic=true converts such commands for "
        "the module ipsec_dynamic, and the module netsh_ipsec runs them"
    ),
    Language.STATIC: (
        "this is a command of 'netsh ipsec static', which makes no dynamic rule; without dynamic=true, such commands "
        "are converted for the module ipsec_policy"
    ),
}


class OtherLanguageError(SourceError):
    """A command of a language that is not asked for."""


class Argument(t.NamedTuple):
    name: str
    value: Text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NetshCommand:
    """`verb` and `object` are in full, as in ``add`` and ``filterlist``. `everything` is true for ``all`` in place of a
    name.
    """

    language: Language = Language.STATIC
    verb: str
    object: str
    text: Text = dataclasses.field(repr=False)
    arguments: tuple[Argument, ...] = dataclasses.field(default=(), repr=False)
    everything: bool = False

    def get(self, name: str) -> Text | None:
        for argument in self.arguments:
            if argument.name == name:
                return argument.value
        return None

    def __getitem__(self, name: str) -> Text:
        """The value of a required argument, whose presence `parse_command` has checked."""
        return t.cast("Text", self.get(name))


def parse_command(text: Text, languages: t.Collection[Language] = tuple(Language)) -> NetshCommand:
    """The command of `text`, which begins with ``netsh`` or ``ipsec``. Raises `SourceError`, for a command of another
    language than `languages` `OtherLanguageError`.
    """
    words = split_words(text)
    if words and is_program(words[0].value, ("netsh",)):
        words = words[1:]
    _expect(words, 0, ("ipsec",), text)
    language = Language(_expect(words, 1, tuple(Language), text))
    if language not in languages:
        raise OtherLanguageError(text.file, words[1].text.offset(0), _OTHER_LANGUAGE[language])
    forms, alone = _FORMS[language], _ALONE[language]
    verb = _expect(words, 2, (*forms, *alone), text)
    if verb in alone:
        return NetshCommand(language=language, verb=verb, object="", text=text)
    object_ = _expect(words, 3, tuple(forms[verb]), text)
    if len(words) > 4 and words[4].value.casefold() in HELP:
        raise words[4].text.error(0, "this shows help and changes nothing")
    form = forms[verb][object_]
    raws = _raw_arguments(text.value, words[4:], form)
    arguments = _ArgumentReader(form, raws)
    for name in form.required:
        if name not in arguments.given:
            raise text.error(len(text), f"{verb} {object_} needs {name}=")
    return NetshCommand(
        language=language,
        verb=verb,
        object=object_,
        text=text,
        arguments=tuple(arguments.found),
        everything=arguments.everything,
    )


def _expect(words: list[Word], index: int, choices: t.Sequence[str], text: Text) -> str:
    """The choice that the word at `index` is or abbreviates. Raises `SourceError`."""
    if index == len(words):
        raise text.error(len(text), f"expected {one_of(choices)}")
    word = words[index]
    found = _matches(word.value, choices)
    if len(found) == 1:
        return found[0]
    known = f"expected {one_of(choices)}"
    raise _no_match(word.text, word.value, found, "this is not a command", known, choices)


def _matches(word: str, choices: t.Sequence[str]) -> list[str]:
    """The choices that `word` is or abbreviates."""
    value = word.casefold()
    return [value] if value in choices else [choice for choice in choices if value and choice.startswith(value)]


def _no_match(
    place: Text, word: str, found: list[str], problem: str, known: str, choices: t.Sequence[str]
) -> SourceError:
    if found:
        return place.error(0, f"this is ambiguous: {one_of(found)}")
    return place.error(0, problem + (did_you_mean(word, choices) or f"; {known}"))


class _Raw(t.NamedTuple):
    """An argument as it is typed. `tag` is what stands before its ``=``, at the start of `word`; None without one."""

    tag: str | None
    word: Word
    value: Text


def _raw_arguments(line: str, words: list[Word], form: _Form) -> list[_Raw]:
    """The arguments in `words`, with or without blanks around their ``=``: ``name = x``, ``name =x``, ``name= x``."""
    found: list[_Raw] = []
    position = 0
    while position < len(words):
        word = sign = words[position]
        position += 1
        tag, equals, _value = word.value.partition("=")
        if not equals and position < len(words) and line[words[position].start] == "=":
            sign = words[position]
            position += 1
        elif not equals:
            found.append(_Raw(None, word, word.text))
            continue
        value = sign.after(sign.value.index("=") + 1)
        # unlike name="", whose value is empty
        if not value.value and line[sign.end - 1] == "=" and position < len(words):
            _check_value(words[position], form)
            value = words[position].text
            position += 1
        found.append(_Raw(tag, word, value))
    return found


def _check_value(word: Word, form: _Form) -> None:
    """Raise `SourceError` if the word after ``name =`` may also be the next argument."""
    tag, equals, _value = word.value.partition("=")
    if equals and not word.quoted and (not tag or _matches(tag, form.arguments)):
        raise word.text.error(
            0,
            "this may be the value of the '=' before it, or the next argument; write a value directly after its '=', "
            "in quotation marks",
        )


@dataclasses.dataclass(slots=True, kw_only=True)
class Nameless(Text):
    """The value of an optional argument that is given without its name. Errors do not show it: it may be a key."""

    name: str

    def error(self, index: int, problem: str) -> SourceError:
        return Text.error(
            self,
            index,
            f"{problem}; a word without a name is the first argument that is not given, here {self.name}=; a value "
            "that has blanks needs quotation marks",
        )

    def at(self, build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
        try:
            return build(*args, **kwargs)
        except ModelError:
            raise self.error(0, "this value is not valid") from None


class _ArgumentReader:
    """The arguments of a command. `everything` says that ``all`` is among them, in place of a name."""

    def __init__(self, form: _Form, raws: list[_Raw]) -> None:
        self.found: list[Argument] = []
        self.given: set[str] = set()
        self.everything = False
        self._form = form
        self._raws = raws
        for raw in raws:
            if raw.tag is not None:
                self._add(self._name(raw.tag, raw.word), raw.word, raw.value)
            elif form.may_be_all and not self.everything and raw.value.value.casefold() == "all":
                self.everything = True
                self.given.add("name")
            else:
                self._add_nameless(raw.word, raw.value)

    def _add(self, name: str, word: Word, value: Text) -> None:
        if name in _OF_A_STORE:
            raise word.text.error(0, _OF_A_STORE[name])
        if name in self.given and name not in _REPEATABLE:
            raise word.text.error(0, f"{name}= is given twice")
        if not value.value and name != "description":
            raise word.text.error(len(word.value), f"{name}= has no value")
        self.given.add(name)
        self.found.append(Argument(name, value))

    def _add_nameless(self, word: Word, value: Text) -> None:
        """Such a word is the first argument that has not been given."""
        form = self._form
        name = next((name for name in form.arguments if name not in self.given), "")
        if not name or name in _WITH_NAME:
            raise value.error(
                0, f"expected name=value, with quotation marks around a value that has blanks; {_known(form)}"
            )
        if name not in form.required:
            value = Nameless(value=value.value, offsets=value.offsets, end=value.end, file=value.file, name=name)
        self._add(name, word, value)

    def _name(self, tag: str, word: Word) -> str:
        """The argument that `tag` is or abbreviates. Raises `SourceError`."""
        form = self._form
        if not tag:
            raise word.text.error(0, "expected the name of an argument before the '='")
        found = _matches(tag, form.arguments)
        if len(found) > 1:
            # only one is possible if the others are given elsewhere
            others = (_matches(raw.tag, form.arguments) for raw in self._raws if raw.tag)
            given = self.given.union(*(names for names in others if len(names) == 1))
            found = [name for name in found if name not in given] or found
        if len(found) == 1:
            return found[0]
        raise _no_match(word.text, tag, found, "this argument does not exist here", _known(form), form.arguments)


def _known(form: _Form) -> str:
    names = [f"{name}=" for name in form.arguments if name not in _OF_A_STORE]
    return f"the arguments are {', '.join(names)}" if names else "there are no arguments"
