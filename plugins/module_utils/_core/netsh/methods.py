# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Security methods and authentication in netsh's notation: ``ESP[3DES,SHA1]:100000k/3600s``, ``3DES-SHA1-3``,
``CN=Root certmap:no``.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..model import (
    Ah,
    AuthMethod,
    Certificate,
    Encryption,
    Esp,
    Group,
    Integrity,
    Kerberos,
    MainModeMethod,
    ModelError,
    OtherAuthentication,
    PresharedKey,
    SecurityMethod,
)
from ..shape.fields import at
from ..source.text import Text
from .grammar import NetshCommand
from .values import read_flag, write_text

_HASHES: t.Final = {"md5": Integrity.MD5, "sha1": Integrity.SHA}
_HASH_NAMES: t.Final[t.Mapping[str, str]] = {Integrity.MD5: "MD5", Integrity.SHA: "SHA1", Integrity.NONE: "None"}
_CIPHER_NAMES: t.Final[t.Mapping[str, str]] = {
    Encryption.DES: "DES",
    Encryption.TRIPLE_DES: "3DES",
    Encryption.NONE: "None",
}
_GROUPS: t.Final = {"1": Group.MODP_768, "2": Group.MODP_1024, "3": Group.MODP_2048}
_GROUP_NUMBERS: t.Final[t.Mapping[int, str]] = {group: number for number, group in _GROUPS.items()}

# a blank inside brackets does not end a method
_METHOD = re.compile(r"(?:\[[^\[\]]*\]|\S)+")
_ALGORITHM = re.compile(r"(\w+)\[([^\[\]]*)\]")
_LIFETIMES = re.compile(r"([0-9]{1,10})([ks])(?:/([0-9]{1,10})([ks]))?", re.IGNORECASE)
_CA_OPTION = re.compile(r"(?<!\s)\s+(certmap|excludecaname):(\w*)\Z", re.IGNORECASE)


def read_security_methods(value: Text) -> tuple[SecurityMethod, ...]:
    """``ESP[3DES,SHA1]:100000k/3600s AH[MD5]+ESP[DES,None]``. Raises `SourceError`."""
    found = tuple(_read_security_method(value[m.start() : m.end()]) for m in _METHOD.finditer(value.value))
    if not found:
        raise value.error(0, "expected security methods, as in ESP[3DES,SHA1] or AH[SHA1]")
    return found


def _read_security_method(value: Text) -> SecurityMethod:
    protocols, colon, _lifetimes = value.value.partition(":")
    algorithms: list[Ah | Esp] = []
    position = 0
    for part in protocols.split("+"):
        algorithms.append(_read_algorithm(value[position : position + len(part)]))
        position += len(part) + 1
    lifetimes = _read_lifetimes(value[len(protocols) + 1 :]) if colon else {}
    return value.at(
        SecurityMethod,
        algorithms=tuple(algorithms),
        lifetime_seconds=lifetimes.get("s", 0),
        lifetime_kilobytes=lifetimes.get("k", 0),
    )


def _read_algorithm(value: Text) -> Ah | Esp:
    found = _ALGORITHM.fullmatch(value.value)
    if not found or found[1].casefold() not in ("esp", "ah"):
        raise value.error(0, "expected ESP[cipher,hash] or AH[hash], as in ESP[3DES,SHA1] or AH[MD5]")
    names = [name.strip().casefold() for name in found[2].split(",")]
    if found[1].casefold() == "ah":
        if len(names) != 1 or names[0] not in _HASHES:
            raise value.error(found.start(2), "AH takes one hash, MD5 or SHA1")
        return Ah(_HASHES[names[0]])
    if len(names) != 2 or names[0] not in _CIPHER_NAMES or names[1] not in (*_HASHES, "none"):
        raise value.error(found.start(2), "ESP takes a cipher (3DES, DES, None) and a hash (SHA1, MD5, None)")
    return value.at(Esp, names[0], _HASHES.get(names[1], Integrity.NONE))


def _read_lifetimes(value: Text) -> dict[str, int]:
    found = _LIFETIMES.fullmatch(value.value)
    if not found or (found[4] or "").casefold() == found[2].casefold():
        raise value.error(0, "expected kilobytes and seconds, as in 100000k/3600s")
    pairs = ((found[1], found[2]), (found[3], found[4]))
    return {unit.casefold(): int(number) for number, unit in pairs if unit}


def write_security_methods(methods: t.Sequence[SecurityMethod]) -> tuple[str, bool]:
    """The methods, and whether they have PFS, which netsh has once for all of them. Raises `ModelError`."""
    if any(method.odd for method in methods):
        raise ModelError("only a stored policy can have this security method")
    if len({method.pfs for method in methods}) > 1:
        raise ModelError("only some of the security methods have PFS; netsh has one qmpfs= for all of them")
    return " ".join(map(_write_security_method, methods)), any(method.pfs for method in methods)


def _write_security_method(method: SecurityMethod) -> str:
    names = "+".join(
        f"AH[{_HASH_NAMES[algorithm.integrity]}]"
        if isinstance(algorithm, Ah)
        else f"ESP[{_CIPHER_NAMES[algorithm.encryption]},{_HASH_NAMES[algorithm.integrity]}]"
        for algorithm in method.algorithms
    )
    lifetimes = "/".join(
        f"{number}{unit}"
        for number, unit in ((method.lifetime_kilobytes, "k"), (method.lifetime_seconds, "s"))
        if number
    )
    return f"{names}:{lifetimes}" if lifetimes else names


def with_pfs(methods: t.Iterable[SecurityMethod], pfs: bool) -> tuple[SecurityMethod, ...]:
    return tuple(dataclasses.replace(method, pfs=pfs) for method in methods)


def read_main_mode_methods(value: Text) -> tuple[MainModeMethod, ...]:
    """``3DES-SHA1-3 3DES-MD5-2``, where 3 is the number of group 14. Raises `SourceError`."""
    found = []
    for place in value.split():
        encryption, *rest = place.value.casefold().split("-")
        if len(rest) != 2 or encryption not in ("des", "3des") or rest[0] not in _HASHES or rest[1] not in _GROUPS:
            raise place.error(0, "expected cipher-hash-group, as in 3DES-SHA1-3: DES or 3DES, MD5 or SHA1, 1, 2 or 3")
        found.append(MainModeMethod(encryption=encryption, integrity=_HASHES[rest[0]], group=_GROUPS[rest[1]]))
    if not found:
        raise value.error(0, "expected main-mode methods, as in 3DES-SHA1-3")
    return tuple(found)


def write_main_mode_methods(methods: t.Iterable[MainModeMethod]) -> str:
    """The text of the methods. Raises `ModelError` for what netsh cannot express."""
    words = []
    for method in methods:
        if method.odd:
            raise ModelError("only a stored policy can have this main-mode method")
        if (method.lifetime_seconds, method.lifetime_kilobytes, method.quick_mode_limit) != (None, None, None):
            raise ModelError(f"the main-mode method {method} has its own lifetimes; netsh has one for all methods")
        words.append(
            f"{_CIPHER_NAMES[method.encryption]}-{_HASH_NAMES[method.integrity]}-{_GROUP_NUMBERS[method.group]}"
        )
    return " ".join(words)


def read_authentication(command: NetshCommand) -> tuple[AuthMethod, ...] | None:
    """The methods in the order in which they are given; None if there are none. Raises `SourceError`."""
    given = [argument for argument in command.arguments if argument.name in ("kerberos", "psk", "rootca")]
    found: list[AuthMethod] = []
    for argument in given:
        if argument.name == "psk":
            found.append(argument.value.at(PresharedKey, argument.value.value))
        elif argument.name == "rootca":
            found.append(_read_authority(argument.value))
        elif read_flag(argument.value):
            found.append(Kerberos())
    if given and not found:
        raise given[0].value.error(0, "this leaves no authentication method; use psk=, rootca= or kerberos=yes")
    return tuple(found) if given else None


def _read_authority(value: Text) -> Certificate:
    seen: set[str] = set()
    while option := _CA_OPTION.search(value.value):
        if option[1].casefold() in seen:
            raise value.error(option.start(1), f"{option[1].casefold()} is given twice")
        seen.add(option[1].casefold())
        if read_flag(value[option.start(2) : option.end(2)]):
            raise value.error(
                option.start(1), "this option cannot be written, because its format in the store is not known; use no"
            )
        value = value[: option.start()]
    # inside quotes, netsh writes a quotation mark like this
    return value.at(Certificate, ca=value.value.replace("\\'", '"'))


def write_authentication(methods: t.Iterable[AuthMethod]) -> list[str]:
    """The arguments for the methods, in order. Raises `ModelError`."""
    words: list[str] = []
    for method in methods:
        match method:
            case Kerberos():
                word = "kerberos=yes"
            case PresharedKey(None):
                raise ModelError("a pre-shared key is null, as facts show it; put the key in")
            case PresharedKey(key):
                word = f"psk={at('a pre-shared key', write_text, key or '')}"
            case Certificate():
                word = f"rootca={_write_authority(method)}"
            case OtherAuthentication(type_):
                raise ModelError(f"netsh cannot express an authentication method of type {type_}")
        if getattr(method, "odd", False):
            raise ModelError("only a stored policy can have this authentication method")
        if not isinstance(method, Certificate) and word.partition("=")[0] in (w.partition("=")[0] for w in words):
            raise ModelError(f"netsh accepts {word.partition('=')[0]}= only once")
        words.append(word)
    return words


def _write_authority(certificate: Certificate) -> str:
    name = certificate.ca
    if "\\'" in name or _CA_OPTION.search(name) or certificate.account_mapping or certificate.exclude_ca_name:
        raise ModelError(f"netsh cannot express the certificate authority {name} with its options")
    return at("a certificate authority", write_text, name.replace('"', "\\'"))
