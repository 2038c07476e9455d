# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Security methods of quick mode (remarks on -n) and of main mode (remarks on -1s) in the manual's notation."""

from __future__ import annotations

import re

from ..hints import did_you_mean
from ..model import Ah, Esp, MainModeMethod, ModelError, SecurityMethod
from .commands import Negotiation, Offer
from .errors import GrammarError

PFS_GROUP_NOTE = (
    "a stored policy keeps PFS on or off and takes its group from main mode: PFS1, PFS2, P1 and P2 mean PFS"
)

_ALGORITHM = re.compile(r"(?P<kind>\w+)\s*\[(?P<names>[^\]\[]*)\]")
_LIFETIMES = re.compile(r"(?ai)([0-9]{1,10})([KS])(?:/([0-9]{1,10})([KS]))?")
# a rekey setting may be attached, but PFS1800S could be group 1 too
_PFS = re.compile(r"(?ai)(?:PFS|P(?=[12]))(?:([12])(?![0-9]))?(?![12])")
_WORD = re.compile(r"[^\s\[]+")
KEYWORDS = {"block": "block", "permit": "pass"}
"""What -n says for the actions that have no methods."""
_KEYWORDS = {**{keyword: action for action, keyword in KEYWORDS.items()}, "inpass": "inpass"}
_METHOD = "here must stand esp[cipher,hash] or ah[hash], as in esp[3des,sha] or ah[md5]"
_BEHIND = "a rekey setting as in 3600S/5000K, or PFS, PFS1 or PFS2"


def parse_security_method(text: str, notes: list[str]) -> SecurityMethod:
    """``esp[3des,sha] 3600S/50000K PFS``, ``ah[md5]+esp[des,none]``: rekey and PFS in any order, attached or not.

    Raises `GrammarError`; what was understood otherwise than written is added to `notes`.
    """
    offer, position = _parse_offer(text, _skip_space(text, 0))
    if position < len(text):
        raise GrammarError(text, position + 1, f"here may stand {_BEHIND}, or the end")
    if offer.pfs_group is not None and PFS_GROUP_NOTE not in notes:
        notes.append(PFS_GROUP_NOTE)
    return offer.method


def parse_negotiation(text: str, notes: list[str]) -> Negotiation:
    """The list of -n: security methods, or block or pass, which make the rest meaningless, or inpass beside methods.

    Raises `GrammarError`; what is ignored is added to `notes`.
    """
    offers: list[Offer] = []
    keywords: dict[str, int] = {}
    position = _skip_space(text, 0)
    while position < len(text):
        if offers and not text[position - 1].isspace():
            raise GrammarError(text, position + 1, f"here may stand {_BEHIND}, or a blank and the next method")
        word = _WORD.match(text, position)
        if word and (keyword := _KEYWORDS.get(word[0].casefold())):
            keywords.setdefault(keyword, position + 1)
            position = _skip_space(text, word.end())
        elif not _ALGORITHM.match(text, position):
            problem = f"{_METHOD}, or block, pass or inpass" + (f"; or {_BEHIND}" if offers else "")
            raise GrammarError(text, position + 1, problem + _hint(text, position))
        else:
            offer, position = _parse_offer(text, position)
            offers.append(offer)
    chosen = [action for action in KEYWORDS if action in keywords]
    if len(chosen) == 2:
        column = max(keywords["block"], keywords["permit"])
        raise GrammarError(text, column, "block and pass exclude each other: one rule does one of the two")
    if chosen:
        if offers or "inpass" in keywords:
            notes.append(f"-n: everything beside {KEYWORDS[chosen[0]]} is ignored")
        return Negotiation(chosen[0])
    return Negotiation("negotiate", tuple(offers), "inpass" in keywords)


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _parse_offer(text: str, position: int) -> tuple[Offer, int]:
    """The method that begins at `position`, with all rekey and PFS settings behind it, and where the next begins."""
    start = position
    algorithms, position = _parse_algorithms(text, position)
    seconds = kilobytes = pfs = None
    while (position := _skip_space(text, position)) < len(text):
        if found := _LIFETIMES.match(text, position):
            for number, unit in (found.group(1, 2), found.group(3, 4)):
                if unit and unit in "kK":
                    kilobytes = _once(text, found.start() + 1, kilobytes, int(number), "kilobytes")
                elif unit:
                    seconds = _once(text, found.start() + 1, seconds, int(number), "seconds")
        elif found := _PFS.match(text, position):
            if pfs is not None:
                raise GrammarError(text, position + 1, "PFS is named twice")
            pfs = found[1] or ""
        else:
            break
        position = found.end()
    try:
        method = SecurityMethod(algorithms, seconds or 0, kilobytes or 0, pfs is not None)
    except ModelError as error:
        raise GrammarError(text, start + 1, str(error)) from None
    return Offer(method, int(pfs) if pfs else None), position


def _once(text: str, column: int, old: int | None, new: int, unit: str) -> int:
    if old is not None:
        raise GrammarError(text, column, f"a second number of {unit}")
    return new


def _parse_algorithms(text: str, position: int) -> tuple[tuple[Ah | Esp, ...], int]:
    """The algorithms at `position`, joined by '+', and where they end."""
    start = position
    algorithms: list[Ah | Esp] = []
    while True:
        found = _ALGORITHM.match(text, position)
        if not found:
            raise GrammarError(text, position + 1, _METHOD + _hint(text, position))
        try:
            algorithms.append(
                _algorithm(found["kind"].casefold(), [n.strip().casefold() for n in found["names"].split(",")])
            )
            if len(algorithms) > 1:
                SecurityMethod(tuple(algorithms))
        except ModelError as error:
            raise GrammarError(text, found.start() + 1 if len(algorithms) < 2 else start + 1, str(error)) from None
        position = found.end()
        if text[position : position + 1] != "+":
            return tuple(algorithms), position
        position += 1


def _hint(text: str, position: int) -> str:
    """What may help somebody who wrote no method at `position`."""
    word = _WORD.match(text, position)
    if _LIFETIMES.match(text, position) or _PFS.match(text, position):
        return "; rekey and PFS follow the method they belong to"
    return did_you_mean(word[0], ("esp", "ah", *_KEYWORDS)) if word else ""


def _algorithm(kind: str, names: list[str]) -> Ah | Esp:
    if kind == "esp" and len(names) == 2:
        return Esp(names[0], names[1])
    if kind == "ah" and len(names) == 1:
        return Ah(names[0])
    if kind in ("esp", "ah"):
        raise ModelError("esp takes a cipher and a hash, as in esp[3des,sha]; ah takes a hash, as in ah[md5]")
    raise ModelError(f"'{kind}' is no security protocol; it is esp or ah{did_you_mean(kind, ('esp', 'ah'))}")


def parse_main_mode_method(text: str) -> MainModeMethod:
    """``3des-sha-2``. Raises `GrammarError`."""
    words = text.strip().casefold().split("-")
    if len(words) != 3:
        raise GrammarError(text, 1, "a main-mode method is cipher-hash-group, as in 3des-sha-2")
    encryption, integrity, group = words
    if not re.fullmatch("[0-9]{1,3}", group):
        raise GrammarError(text, len(text) - len(group) + 1, f"'{group}' is no Diffie-Hellman group; it is 1, 2 or 14")
    if group == "3":
        raise GrammarError(text, len(text), "3 is what netsh calls the group of 2048 bits; its number is 14")
    try:
        return MainModeMethod(encryption, integrity, int(group))
    except ModelError as error:
        raise GrammarError(text, 1, str(error)) from None


def format_negotiation(negotiation: Negotiation) -> str:
    if negotiation.action != "negotiate":
        return KEYWORDS[negotiation.action]
    return " ".join([*map(format_offer, negotiation.offers), *(["inpass"] if negotiation.inpass else [])])


def format_offer(offer: Offer) -> str:
    """The shortest text for a method: what follows the algorithms is attached to them."""
    method = offer.method
    if method.odd:
        raise ModelError(f"the security method {method} is one that only a store can hold")
    rekey = [f"{n}{unit}" for n, unit in ((method.lifetime_seconds, "S"), (method.lifetime_kilobytes, "K")) if n]
    pfs = ("" if offer.pfs_group is None else f"P{offer.pfs_group}") or ("PFS" if method.pfs else "")
    return "+".join(map(str, method.algorithms)) + "/".join(rekey) + pfs
