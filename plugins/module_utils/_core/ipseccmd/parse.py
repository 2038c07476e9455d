# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines of ipseccmd to commands. Every mistake is a `SourceError` that points at the word and says what is
expected there.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..batch.programs import IPSECCMD
from ..hints import did_you_mean, one_of
from ..model import (
    MINUTES_LIMIT,
    NAME_LIMIT,
    U32,
    Action,
    AuthMethod,
    Certificate,
    ConnectionType,
    DnsName,
    Filter,
    HostAddress,
    Interface,
    Kerberos,
    MainModeMethod,
    ModelError,
    PresharedKey,
    check_policy_name,
    check_text,
)
from ..notation.addresses import parse_address
from ..notation.errors import GrammarError
from ..notation.filters import BRACKETS, format_filter, parse_filter
from ..notation.methods import PFS_GROUP_NOTE, parse_main_mode_method
from ..notation.negotiation import KEYWORDS, Negotiation, parse_negotiation
from ..shape.domains import read_domain
from ..shape.tried import authentication_meant
from ..source.redact import BLANKS, key_spans
from ..source.text import Text
from ..source.words import Word, is_program, split_words
from ..store.casing import fold
from .commands import (
    AddRule,
    Command,
    DeleteRules,
    FilterSpec,
    Help,
    Parameters,
    Query,
    Rekey,
    Show,
    StoreKind,
    WritePolicy,
)
from .options import Given, is_option, refuse_dashes, split_options
from .syntax import NEEDS, STATIC

_T = t.TypeVar("_T")
_STORES: t.Final = tuple(StoreKind)
_SPLIT: t.Final = ("f", "1f", "1s")
"""Options several of whose values may be in one pair of quotation marks."""
_METHODS: t.Final = {"kerberos": "kerberos", "preshared_key": "preshare", "certificate": "cert"}
"""The keys of authentication methods in tasks, and their words here."""
_KEY_HINT: t.Final = 'a pre-shared key belongs to -a, as in -a preshare:"key"'


def parse_command(line: str | Text, notes: list[str]) -> Command:
    """The command of `line`, which may be a piece of a file. The name of the program may be left out.

    Raises `SourceError`. What is ignored, and differences between the meaning and the text, are added to `notes`.
    """
    text = _whole(Text.of(line) if isinstance(line, str) else line)
    words = split_words(text)
    if any(word.value in ("/?", "-?") for word in words if not word.quoted):
        return Help()
    computer = _take_front(text, words)
    if words and not is_option(words[0]):
        if words[0].value.casefold() == "show":
            return _parse_query(text, words, computer)
        refuse_dashes(text, words[:1])
        hint = did_you_mean(words[0].value, ("show", *IPSECCMD))
        raise text.error(words[0].start, f"expected an option, such as -f, or show{hint}")
    return _OptionParser(text, split_options(text, words), notes, computer).parse()


def values_of(line: Text) -> dict[str, list[Text]]:
    """The places of the values of each option in a line that `parse_command` accepts; an option without values is its
    own place.
    """
    text = _whole(line)
    words = split_words(text)
    _take_front(text, words)
    found: dict[str, list[Text]] = {}
    for option, given in split_options(text, words).items():
        pieces = [piece for word in given.values for piece in (word.text.split() if option in _SPLIT else [word.text])]
        found[option] = pieces or [text[given.start :]]
    return found


def _whole(text: Text) -> Text:
    return text[: len(text.value.rstrip(BLANKS))]


def _take_front(text: Text, words: list[Word]) -> str | None:
    """Remove the program and the computer from the words. Returns the computer."""
    if words and is_program(words[0].value, IPSECCMD):
        words.pop(0)
    return _take_computer(text, words)


def poll_interval(policy: str) -> str | None:
    """The digits after the last colon of the value of -p; None if it does not end like this."""
    minutes = policy.rpartition(":")[2]
    return minutes if len(minutes) < len(policy) and re.fullmatch("[0-9]+", minutes) else None


def _take_computer(text: Text, words: list[Word]) -> str | None:
    if not words or not words[0].value.startswith("\\\\"):
        return None
    word = words.pop(0)
    name = word.value[2:]
    if not _is_computer(name):
        raise text.error(word.start, r"expected the name of a computer, as in \\corpsrv1")
    return name


def _is_computer(name: str) -> bool:
    return name != "" and "\\" not in name and name.isprintable()


def _parse_query(text: Text, words: list[Word], computer: str | None) -> Show:
    allowed = one_of((*Query, "all"))
    what: set[Query] = set()
    for word in words[1:]:
        name = word.value.casefold()
        if name not in (*Query, "all"):
            raise text.error(word.start, f"show takes {allowed}{did_you_mean(name, (*Query, 'all'))}")
        what.update(Query if name == "all" else [Query(name)])
    if not what:
        raise text.error(len(text), f"show needs what to show: {allowed}")
    return Show(frozenset(what), computer)


class _OptionParser:
    """Parses the options of a command line of dynamic or static mode."""

    def __init__(self, text: Text, given: dict[str, Given], notes: list[str], computer: str | None) -> None:
        self.text = text
        self.given = given
        self.notes = notes
        self.computer = computer
        self.static = not STATIC.isdisjoint(given)

    def parse(self) -> Command:
        if "u" in self.given:
            self._refuse_other_options()
            return DeleteRules()
        parameters = self._parameters()
        self._refuse_combinations(parameters)
        if self.static:
            return self._static(parameters)
        if "f" not in self.given:
            raise self.text.error(len(self.text), "-f is required: the filters of the rule")
        return AddRule(parameters, self.computer)

    def _error(self, option: str, problem: str) -> ModelError:
        return self.text.error(self.given[option].start, problem)

    def _refuse_other_options(self) -> None:
        if len(self.given) > 1 or self.computer is not None:
            raise self._error("u", "-u deletes all dynamic rules and must be the only option")

    def _values(self, option: str) -> list[Word]:
        return self.given[option].values if option in self.given else []

    def _parameters(self) -> Parameters:
        filters, default_response = self._filters()
        connection_types = (ConnectionType.LAN, ConnectionType.DIALUP)
        return Parameters(
            filters=filters,
            default_response=default_response,
            negotiation=self._negotiation(),
            tunnel=self._tunnel(),
            authentication=tuple(map(self._auth_method, self._values("a"))),
            main_mode_methods=tuple(map(self._main_mode_method, self._pieces("1s"))),
            main_mode_rekey=self._rekey(),
            main_mode_pfs="1p" in self.given,
            main_mode_filters=tuple(map(self._main_mode_filter, self._pieces("1f"))),
            soft_lifetime=self._soft_lifetime(),
            soft="soft" in self.given,
            confirm="confirm" in self.given,
            connection_type=next((kind for kind in connection_types if kind in self.given), None),
        )

    def _pieces(self, option: str) -> list[Text]:
        """The values of a list, several of which may be in one pair of quotation marks."""
        pieces = []
        for word in self._values(option):
            found = word.text.split()
            if not found:
                raise self.text.error(word.start, f"this is empty; -{option} needs {NEEDS[option]}")
            pieces += found
        return pieces

    def _at(self, piece: Text, parse: t.Callable[..., _T], *args: t.Any) -> _T:
        """The result of `parse` for a piece. Its errors point to the place in the line."""
        try:
            return parse(piece.value, *args)
        except ModelError as error:
            if key_spans(piece.value):
                # the problem may quote a key in the wrong place
                raise piece.error(0, f"this is not allowed here; {_KEY_HINT}") from None
            if isinstance(error, GrammarError):
                raise piece.error(error.column - 1, error.problem) from None
            raise piece.error(0, str(error)) from None

    def _filters(self) -> tuple[tuple[FilterSpec, ...], bool]:
        pieces = self._pieces("f")
        default = next((piece for piece in pieces if piece.value.casefold() == "default"), None)
        if default is None:
            return tuple(map(self._filter, pieces)), False
        other = next((piece for piece in pieces if piece.value.casefold() != "default"), None)
        if other is not None:
            raise other.error(0, "-f default means the default response rule, which has no filters; use two commands")
        return (), True

    def _filter(self, piece: Text) -> FilterSpec:
        bracket = BRACKETS.get(piece.value[:1])
        if bracket is None:
            return FilterSpec(self._plain_filter(piece))
        closing, action = bracket
        if not piece.value.endswith(closing):
            raise piece.error(len(piece), f"expected '{closing}' at the end of this filter")
        filter_ = self._plain_filter(piece[1:-1])
        if self.static:
            raise piece.error(
                0,
                f"brackets are for dynamic mode: use {piece.value[1:-1]} and -n {KEYWORDS[action]}, which applies to "
                "all filters of the rule",
            )
        return FilterSpec(filter_, action)

    def _plain_filter(self, piece: Text) -> Filter:
        if piece.value[:1] in BRACKETS or piece.value.casefold() == "default":
            raise piece.error(0, f"expected {NEEDS['f']}")
        return self._at(piece, parse_filter, self.notes)

    def _main_mode_filter(self, piece: Text) -> Filter:
        if piece.value[:1] in BRACKETS:
            raise piece.error(0, "a main mode filter does not permit or block: write it without brackets")
        filter_ = self._plain_filter(piece)
        if ":" in piece.value:
            raise piece.error(piece.value.index(":"), "a main mode filter has no ports and no protocol")
        return filter_

    def _negotiation(self) -> Negotiation | None:
        words = self._values("n")
        if not words:
            return None
        pieces = [words[0].text]
        for word in words[1:]:
            place = word.text.offset(0)
            pieces += [Text(value=" ", offsets=(place,), end=place, file=self.text.file), word.text]
        negotiation = self._at(Text.join(pieces, self.text), parse_negotiation, self.notes)
        if negotiation == Negotiation():
            raise self._error("n", f"-n needs {NEEDS['n']}")
        if self.static and any(offer.pfs_group is not None for offer in negotiation.offers):
            self.notes.append(PFS_GROUP_NOTE)
        return negotiation

    def _tunnel(self) -> HostAddress | DnsName | None:
        for word in self._values("t"):
            address = self._at(word.text, parse_address, self.notes)
            if not isinstance(address, HostAddress | DnsName):
                raise self.text.error(word.start, "a tunnel endpoint is one address or DNS name")
            return address
        return None

    def _auth_method(self, word: Word) -> AuthMethod:
        kind, colon, value = word.value.partition(":")
        methods = ("kerberos", "preshare", "cert")
        method = next((name for name in methods if kind and name.startswith(kind.casefold())), None)
        allowed = 'kerberos, preshare:"key" or cert:"authority", or k, p:"key", c:"authority"'
        if method is None:
            meant = _METHODS.get(authentication_meant(kind) or "")
            hint = did_you_mean(kind, methods) if colon else did_you_mean(word.value, methods[:1])
            hint = f"; did you mean {meant}?" if meant else hint
            raise self.text.error(word.start, f"expected an authentication method: {allowed}{hint}")
        if method == "kerberos":
            if colon:
                raise word.text.error(len(kind), "kerberos takes no value")
            return Kerberos()
        what = "the key" if method == "preshare" else "the name of the authority"
        if not colon or not value:
            raise word.text.error(
                len(word.text), f"{what} is missing: write {method}, a colon, and {what} in quotation marks"
            )
        place = word.text[len(kind) + 1 :]
        return place.at(PresharedKey, value) if method == "preshare" else place.at(_certificate, value)

    def _main_mode_method(self, piece: Text) -> MainModeMethod:
        rest, _dash, group = piece.value.rpartition("-")
        if rest.count("-") == 1 and group not in ("1", "2"):
            raise piece.error(
                len(rest) + 1,
                "the group must be 1 (low) or 2 (medium), the only ones in ipseccmd; for group 14 use the option "
                "main_mode of ipsec_policy",
            )
        return self._at(piece, parse_main_mode_method)

    def _rekey(self) -> Rekey | None:
        for word in self._values("1k"):
            found = re.fullmatch(r"(?ai)([0-9]{1,10})([QS])(?:/([0-9]{1,10})([QS]))?", word.value)
            if not found or (found[4] and found[2].casefold() == found[4].casefold()):
                raise self.text.error(
                    word.start, "expected a number of quick modes, of seconds, or both: 10Q, 3600S, 10Q/3600S"
                )
            numbers = {found[2].casefold(): int(found[1])}
            if found[4]:
                numbers[found[4].casefold()] = int(found[3])
            if max(numbers.values()) > U32 or numbers.get("s") == 0:
                raise self.text.error(word.start, f"quick modes must be 0 (no limit) to {U32}, and seconds 1 to {U32}")
            return Rekey(numbers.get("q"), numbers.get("s"))
        return None

    def _soft_lifetime(self) -> int | None:
        for word in self._values("1e"):
            if not re.fullmatch("[0-9]{1,10}", word.value) or int(word.value) > U32:
                raise self.text.error(word.start, f"expected a number of seconds, 0 to {U32}")
            return int(word.value)
        return None

    def _refuse_combinations(self, parameters: Parameters) -> None:
        """Raise `SourceError` for combinations that neither mode allows."""
        if "lan" in self.given and "dialup" in self.given:
            raise self._error("dialup", "-lan and -dialup exclude each other; leave both out for all adapters")
        action = parameters.negotiation.action if parameters.negotiation else Action.NEGOTIATE
        if parameters.default_response:
            others = [option for option in ("t", "lan", "dialup", "soft") if option in self.given]
            if others:
                raise self._error(
                    others[0], f"-{others[0]} cannot be combined with -f default, the default response rule"
                )
            if action is not Action.NEGOTIATE or (parameters.negotiation and parameters.negotiation.inpass):
                raise self._error("n", "the default response rule negotiates: -n takes only security methods here")
        mirrored = next((spec for spec in parameters.filters if spec.filter.mirrored), None)
        if parameters.tunnel is not None and mirrored is not None:
            raise self._error("t", _two_tunnels(mirrored.filter, self._values("t")[0].value))
        if parameters.tunnel is not None and action is not Action.NEGOTIATE:
            raise self._error(
                "t", f"a rule with a tunnel endpoint must negotiate security; remove -n {KEYWORDS[action]}"
            )
        if parameters.soft and action is not Action.NEGOTIATE:
            self.notes.append(f"-soft is ignored with -n {KEYWORDS[action]}")

    def _static(self, parameters: Parameters) -> WritePolicy:
        store, location = self._store()
        policy, poll_interval = self._policy()
        self._refuse_in_static(parameters, store)
        rules = tuple(self._rule_name(word) for word in self._values("r"))
        delete = "o" in self.given
        assign = True if "x" in self.given else False if "y" in self.given else None
        if not delete:
            self._require_rule(parameters, rules, assign)
        elif len(self.given) > 3 + ("r" in self.given) + (assign is not None):
            self.notes.append("-o deletes the policy; the options about rules are ignored")
        if parameters.soft_lifetime is not None:
            self.notes.append("-1e is ignored: a stored policy has no lifetime of soft associations")
        return WritePolicy(
            parameters=parameters,
            store=store,
            policy=policy,
            location=location,
            poll_interval=poll_interval,
            rules=rules,
            assign=assign,
            delete=delete,
            computer=self.computer,
        )

    def _store(self) -> tuple[StoreKind, str | None]:
        if "w" not in self.given:
            raise self.text.error(
                len(self.text), "-w is required: -w reg writes to the registry, -w ds to the directory"
            )
        word = self._values("w")[0]
        store, colon, location = word.value.partition(":")
        store = store.casefold()
        if store not in _STORES:
            hint = did_you_mean(store, _STORES)
            raise self.text.error(word.start, f"-w takes reg, reg:COMPUTER, ds or ds:DOMAIN{hint}")
        if store == StoreKind.DIRECTORY:
            if self.computer is not None:
                raise self.text.error(
                    word.start, f"this writes to a domain, not to a computer: remove \\\\{self.computer} from the line"
                )
            return StoreKind.DIRECTORY, read_domain(word.text[len(store) + 1 :]) if colon else None
        location = location.removeprefix("\\\\")
        if colon and not _is_computer(location):
            raise word.text.error(len(store) + 1, "expected the name of a computer")
        if location and self.computer and fold(location) != fold(self.computer):
            raise self.text.error(word.start, f"this names {location}, but the line begins with \\\\{self.computer}")
        return StoreKind.REGISTRY, location or None

    def _policy(self) -> tuple[str, int | None]:
        if "p" not in self.given:
            raise self.text.error(len(self.text), "-p is required: the name of the policy")
        word = self._values("p")[0]
        minutes = poll_interval(word.value)
        name = word.text if minutes is None else word.text[: -len(minutes) - 1]
        self._at(name, check_policy_name)
        if minutes is None:
            return name.value, None
        limit = MINUTES_LIMIT
        if len(minutes) > 10 or not 1 <= int(minutes) <= limit:
            raise word.text.error(len(name) + 1, f"the poll interval must be 1 to {limit} minutes")
        return name.value, int(minutes)

    def _rule_name(self, word: Word) -> str:
        if not word.value.strip():
            raise self.text.error(word.start, "this is empty; -r needs the name of the rule")
        self._at(word.text, check_text, "the rule's name", NAME_LIMIT)
        return word.value

    def _require_rule(self, parameters: Parameters, rules: tuple[str, ...], assign: bool | None) -> None:
        if len(rules) > 1:
            raise self.text.error(self._values("r")[1].start, "a command changes one rule; only -o takes several -r")
        if not rules and not parameters.default_response and (assign is None or parameters != Parameters()):
            raise self.text.error(
                len(self.text), "-r is required: the name of the rule (only -x, -y and -o work without a rule)"
            )

    def _refuse_in_static(self, parameters: Parameters, store: StoreKind) -> None:
        if "x" in self.given and "y" in self.given:
            raise self._error("y", "-x assigns the policy and -y unassigns it; use one of the two")
        for option in ("x", "y"):
            if store is StoreKind.DIRECTORY and option in self.given:
                raise self._error(
                    option,
                    f"-{option} is for policies in the registry; a policy of a domain is assigned to Group Policy "
                    "objects: use gpos of ipsec_policy, or 'set policy' with gponame= in netsh_ipsec",
                )
        if "confirm" in self.given:
            raise self._error("confirm", "-confirm is for dynamic mode only")
        if "1f" in self.given:
            raise self._error("1f", "a stored policy has no main mode filters: Windows derives them from the others")
        interface = any(
            isinstance(a, Interface) for s in parameters.filters for a in (s.filter.source, s.filter.destination)
        )
        if interface and store is StoreKind.DIRECTORY:
            raise self._error(
                "f", "the GUID of an interface is valid on one computer only, and a policy of a domain is for many"
            )
        if interface and "n" in self.given:
            raise self._error(
                "n", "in static mode, -n cannot be combined with a filter that has the GUID of an interface"
            )


def _certificate(authority: str) -> Certificate:
    return Certificate(ca=authority)


def _two_tunnels(filter_: Filter, endpoint: str) -> str:
    """The error for a tunnel rule with a mirrored filter: which two rules to write instead."""
    one_way = dataclasses.replace(filter_, mirrored=False)
    there, back = format_filter(one_way), format_filter(one_way.turned())
    return (
        f"a tunnel needs one-way filters: use one rule with -f {there} -t {endpoint}, and one with -f {back} and -t "
        "with the endpoint of the other direction"
    )
