# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One security method of quick mode (remarks on -n) and of main mode (remarks on -1s) in the manual's notation."""

from __future__ import annotations

import re

from ..model import Ah, Esp, MainModeMethod, ModelError, SecurityMethod
from .errors import GrammarError

PFS_GROUP_NOTE = (
    "a stored policy keeps PFS on or off and takes its group from main mode: PFS1, PFS2, P1 and P2 mean PFS"
)

_ALGORITHM = re.compile(r"(?P<kind>\w+)\[(?P<names>[^\]]*)\]")
_LIFETIMES = re.compile(r"([0-9]{1,10})([KS])(?:/([0-9]{1,10})([KS]))?", re.IGNORECASE)
_PFS = re.compile(r"PFS[12]?|P[12]", re.IGNORECASE)


def parse_security_method(text: str, notes: list[str]) -> SecurityMethod:
    """``esp[3des,sha] 3600S/50000K PFS``, ``ah[md5]+esp[des,none]``: rekey and PFS in any order, attached or not.

    Raises `GrammarError`; what was understood otherwise than written is added to `notes`.
    """
    algorithms, position = _parse_algorithms(text)
    seconds = kilobytes = None
    pfs = False
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif found := _LIFETIMES.match(text, position):
            for number, unit in (found.group(1, 2), found.group(3, 4)):
                if unit and unit in "kK":
                    kilobytes = _once(text, found.start() + 1, kilobytes, int(number), "kilobytes")
                elif unit:
                    seconds = _once(text, found.start() + 1, seconds, int(number), "seconds")
            position = found.end()
        elif found := _PFS.match(text, position):
            if pfs:
                raise GrammarError(text, position + 1, "PFS is named twice")
            pfs = True
            if found[0][-1] in "12" and PFS_GROUP_NOTE not in notes:
                notes.append(PFS_GROUP_NOTE)
            position = found.end()
        else:
            raise GrammarError(
                text, position + 1, "here may stand a rekey setting as in 3600S/5000K, or PFS, or the end"
            )
    try:
        return SecurityMethod(algorithms, seconds or 0, kilobytes or 0, pfs)
    except ModelError as error:
        raise GrammarError(text, 1, str(error)) from None


def _once(text: str, column: int, old: int | None, new: int, unit: str) -> int:
    if old is not None:
        raise GrammarError(text, column, f"a second number of {unit}")
    return new


def _parse_algorithms(text: str) -> tuple[tuple[Ah | Esp, ...], int]:
    """The algorithms at the start of `text`, joined by '+', and where they end."""
    algorithms: list[Ah | Esp] = []
    position = len(text) - len(text.lstrip())
    while True:
        found = _ALGORITHM.match(text, position)
        if not found:
            raise GrammarError(
                text, position + 1, "here must stand esp[cipher,hash] or ah[hash], as in esp[3des,sha] or ah[md5]"
            )
        try:
            algorithms.append(
                _algorithm(found["kind"].casefold(), [n.strip().casefold() for n in found["names"].split(",")])
            )
        except ModelError as error:
            raise GrammarError(text, found.start() + 1, str(error)) from None
        position = found.end()
        if text[position : position + 1] != "+":
            return tuple(algorithms), position
        position += 1


def _algorithm(kind: str, names: list[str]) -> Ah | Esp:
    if kind == "esp" and len(names) == 2:
        return Esp(names[0], names[1])
    if kind == "ah" and len(names) == 1:
        return Ah(names[0])
    if kind in ("esp", "ah"):
        raise ModelError("esp takes a cipher and a hash, as in esp[3des,sha]; ah takes a hash, as in ah[md5]")
    raise ModelError(f"'{kind}' is no security protocol; it is esp or ah")


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
