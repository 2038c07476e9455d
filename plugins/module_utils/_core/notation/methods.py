# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Security methods of quick mode (remarks on -n) and of main mode (remarks on -1s) in the manual's notation."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..hints import did_you_mean
from ..model import Ah, Esp, Group, MainModeMethod, ModelError, SecurityMethod, group_error, group_number, stronger_hint
from .errors import GrammarError

PFS_GROUP_NOTE: t.Final = (
    "a stored policy only has PFS on or off, with the group of main mode; PFS1, PFS2, P1 and P2 are read as PFS"
)
REKEY: t.Final = "a rekey setting such as 3600S/5000K, a PFS setting such as PFS1"
METHOD: t.Final = "expected esp[cipher,hash] or ah[hash], as in esp[3des,sha] or ah[md5]"
"""What may follow a method, and what one looks like, for messages."""

_ALGORITHM: t.Final = re.compile(r"(?P<kind>\w+)\s*\[(?P<names>[^\]\[]*)\]")
_LIFETIMES: t.Final = re.compile(r"(?ai)([0-9]{1,10})([KS])(?:/([0-9]{1,10})([KS]))?")
# a rekey setting may be attached, but PFS1800S could be group 1 too
_PFS_OF_GROUP: t.Final = re.compile(r"(?ai)(?:PFS[-_=:/ ]*(?:dh|group|modp|ecp)?|dh|group|modp|ecp)[-_ ]*[0-9]+\b")
_PFS: t.Final = re.compile(r"(?ai)(?:PFS|P(?=[12]))(?:([12])(?![0-9]))?(?![12])")
WORD: t.Final = re.compile(r"[^\s\[]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """One security method, and the Diffie-Hellman group of its PFS (None: that of main mode)."""

    method: SecurityMethod
    pfs_group: int | None = None


def parse_security_method(text: str, notes: list[str]) -> SecurityMethod:
    """A method of a stored policy, as `parse_single_offer`. Differences between the meaning and the text are added to
    `notes`.
    """
    offer = parse_single_offer(text)
    if offer.pfs_group is not None and PFS_GROUP_NOTE not in notes:
        notes.append(PFS_GROUP_NOTE)
    return offer.method


def parse_single_offer(text: str) -> Offer:
    """``esp[3des,sha] 3600S/50000K PFS``, ``ah[md5]+esp[des,none]``: rekey and PFS in any order, attached or not.

    Raises `GrammarError`.
    """
    offer, position = parse_offer(text, skip_space(text, 0))
    if position < len(text):
        hint = (
            "; PFS has the group of main mode, so write PFS here and the group there, as in 3des-sha-14"
            if _PFS_OF_GROUP.match(text, position)
            else ""
        )
        raise GrammarError(text, position + 1, f"expected {REKEY}, or the end of the text{hint}")
    return offer


def one_pfs_group(offers: t.Iterable[Offer]) -> Group | None:
    """The group of the PFS of all offers, which netsh has once for all. Raises `ModelError`."""
    with_pfs = [offer for offer in offers if offer.method.pfs]
    groups = {offer.pfs_group for offer in with_pfs}
    if len(groups) > 1:
        raise ModelError("the security methods have PFS of different groups; a dynamic rule has one for all of them")
    group = next(iter(groups), None)
    return None if group is None else Group(group)


def skip_space(text: str, position: int) -> int:
    """The position of the next character that is not white space."""
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def starts_method(text: str, position: int) -> bool:
    """Whether a security method may begin at `position`."""
    return _ALGORITHM.match(text, position) is not None


def parse_offer(text: str, position: int) -> tuple[Offer, int]:
    """The method at `position`, with all rekey and PFS settings after it, and where the next one begins. Raises
    `GrammarError`.
    """
    start = position
    algorithms, position = _parse_algorithms(text, position)
    seconds = kilobytes = pfs = None
    while (position := skip_space(text, position)) < len(text):
        if found := _LIFETIMES.match(text, position):
            for number, unit in (found.group(1, 2), found.group(3, 4)):
                if unit and unit in "kK":
                    kilobytes = _once(text, found.start() + 1, kilobytes, int(number), "kilobytes")
                elif unit:
                    seconds = _once(text, found.start() + 1, seconds, int(number), "seconds")
        elif found := _PFS.match(text, position):
            if pfs is not None:
                raise GrammarError(text, position + 1, "PFS is given twice")
            pfs = found[1] or ""
        else:
            break
        position = found.end()
    try:
        method = SecurityMethod(
            algorithms=algorithms,
            lifetime_seconds=seconds or 0,
            lifetime_kilobytes=kilobytes or 0,
            pfs=pfs is not None,
        )
    except ModelError as error:
        raise GrammarError(text, start + 1, str(error)) from None
    return Offer(method, int(pfs) if pfs else None), position


def _once(text: str, column: int, old: int | None, new: int, unit: str) -> int:
    if old is not None:
        raise GrammarError(text, column, f"the number of {unit} is given twice")
    return new


def _parse_algorithms(text: str, position: int) -> tuple[tuple[Ah | Esp, ...], int]:
    """The algorithms at `position`, joined by '+', and where they end."""
    start = position
    algorithms: list[Ah | Esp] = []
    while True:
        found = _ALGORITHM.match(text, position)
        if not found:
            raise GrammarError(text, position + 1, METHOD + method_hint(text, position))
        try:
            algorithms.append(
                _algorithm(found["kind"].casefold(), [n.strip().casefold() for n in found["names"].split(",")])
            )
            if len(algorithms) > 1:
                SecurityMethod(algorithms=tuple(algorithms))
        except ModelError as error:
            raise GrammarError(text, found.start() + 1 if len(algorithms) < 2 else start + 1, str(error)) from None
        position = found.end()
        if text[position : position + 1] != "+":
            return tuple(algorithms), position
        position += 1


def method_hint(text: str, position: int, others: t.Iterable[str] = ()) -> str:
    """The end of a message for a text that is not a method, nor one of the `others`, at `position`."""
    word = WORD.match(text, position)
    if _LIFETIMES.match(text, position) or _PFS.match(text, position):
        return "; rekey and PFS follow the method that they belong to"
    return stronger_hint(word[0]) or did_you_mean(word[0], ("esp", "ah", *others)) if word else ""


def _algorithm(kind: str, names: list[str]) -> Ah | Esp:
    if kind == "esp" and len(names) == 2:
        return Esp(names[0], names[1])
    if kind == "ah" and len(names) == 1:
        return Ah(names[0])
    if kind in ("esp", "ah"):
        raise ModelError(
            "esp takes a cipher and a hash, as in esp[3des,sha]; ah takes a hash, as in ah[md5]"
            + stronger_hint(",".join(names))
        )
    hint = stronger_hint(kind) or did_you_mean(kind, ("esp", "ah"))
    raise ModelError(f"'{kind}' is not a security protocol; use esp or ah{hint}")


def parse_main_mode_method(text: str) -> MainModeMethod:
    """``3des-sha-2``. Raises `GrammarError`."""
    words = text.strip().casefold().split("-")
    if len(words) != 3:
        number = group_number(text)
        hint = f"; for this group, write 3des-sha-{number}" if number in tuple(Group) else stronger_hint(text)
        raise GrammarError(text, 1, f"expected cipher-hash-group, as in 3des-sha-2{hint}")
    encryption, integrity, group = words
    if not re.fullmatch("[0-9]{1,3}", group):
        if hint := stronger_hint(f"{encryption},{integrity}"):
            raise GrammarError(text, 1, f"expected a cipher (des or 3des), a hash (md5 or sha) and a group{hint}")
        problem = group_error(group, "{0}, as in 3des-sha-{0}")
        raise GrammarError(text, len(text) - len(group) + 1, str(problem))
    if group == "3":
        raise GrammarError(text, len(text), "3 is the number of the 2048-bit group in netsh; here it is 14")
    try:
        return MainModeMethod(encryption=encryption, integrity=integrity, group=int(group))
    except ModelError as error:
        raise GrammarError(text, 1, str(error)) from None


def format_offer(offer: Offer) -> str:
    """The shortest text for a method: everything after the algorithms is attached. Raises `ModelError`."""
    method = offer.method
    if method.odd:
        raise ModelError(f"only a stored policy can have the security method {method}")
    rekey = [f"{n}{unit}" for n, unit in ((method.lifetime_seconds, "S"), (method.lifetime_kilobytes, "K")) if n]
    pfs = ("" if offer.pfs_group is None else f"P{offer.pfs_group}") or ("PFS" if method.pfs else "")
    return "+".join(map(str, method.algorithms)) + "/".join(rekey) + pfs
