# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The list after -n in the manual's notation: security methods, or block, pass and inpass (remarks on -n)."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import Action, meant_action
from .errors import GrammarError
from .methods import METHOD, REKEY, WORD, Offer, format_offer, method_hint, parse_offer, skip_space, starts_method

KEYWORDS: t.Final = {Action.BLOCK: "block", Action.PERMIT: "pass"}
"""The words for the actions that have no methods."""
_INPASS: t.Final = "inpass"
_WORDS: t.Final = (*KEYWORDS.values(), _INPASS)


@dataclasses.dataclass(frozen=True, slots=True)
class Negotiation:
    """The list after -n. Only negotiate has offers and `inpass`."""

    action: Action = Action.NEGOTIATE
    offers: tuple[Offer, ...] = ()
    inpass: bool = False


def parse_negotiation(text: str, notes: list[str]) -> Negotiation:
    """Security methods and inpass in any order; block or pass, which make the rest meaningless.

    Raises `GrammarError`. What is ignored is added to `notes`.
    """
    offers: list[Offer] = []
    columns: dict[str, int] = {}
    position = skip_space(text, 0)
    while position < len(text):
        if offers and not text[position - 1].isspace():
            raise GrammarError(text, position + 1, f"expected {REKEY}, or a blank and the next method")
        word = WORD.match(text, position)
        if word and (keyword := word[0].casefold()) in _WORDS:
            columns.setdefault(keyword, position + 1)
            position = skip_space(text, word.end())
        elif not starts_method(text, position):
            problem = f"{METHOD}, or block, pass or inpass" + (f"; or, after a method, {REKEY}" if offers else "")
            action = meant_action(word[0].casefold()) if word else None
            meant = KEYWORDS.get(action) if action else None
            hint = f"; did you mean {meant}?" if meant else method_hint(text, position, _WORDS)
            raise GrammarError(text, position + 1, problem + hint)
        else:
            offer, position = parse_offer(text, position)
            offers.append(offer)
    chosen = [action for action, keyword in KEYWORDS.items() if keyword in columns]
    if len(chosen) == 2:
        column = max(columns[keyword] for keyword in KEYWORDS.values())
        raise GrammarError(text, column, "block and pass exclude each other: a rule does one of the two")
    if chosen:
        if offers or _INPASS in columns:
            notes.append(f"-n: everything except {KEYWORDS[chosen[0]]} is ignored")
        return Negotiation(chosen[0])
    return Negotiation(Action.NEGOTIATE, tuple(offers), _INPASS in columns)


def format_negotiation(negotiation: Negotiation) -> str:
    """The shortest text for the list. Raises `ModelError`."""
    if negotiation.action is not Action.NEGOTIATE:
        return KEYWORDS[negotiation.action]
    return " ".join([*map(format_offer, negotiation.offers), *([_INPASS] if negotiation.inpass else [])])
