# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Keys for rules that do not have their own: facts have null in place of each key."""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import nearest, some
from ..model import AuthMethod, PresharedKey, Rule
from ..model.wanted import Wanted
from ..store.casing import fold
from .fields import ShapeError, kind_of, text_of
from .parse import parse_key

OPTION: t.Final = "preshared_keys"
_OTHERS: t.Final = "*"
_SHOWN: t.Final = 5


def with_preshared_keys(wanted: Wanted, value: object) -> Wanted:
    """`wanted` with the keys in `value`, a dictionary from names or ids of rules to keys, in place of null.

    Raises `ShapeError`. No message has a name that is not that of a rule, as it may be a key in the wrong place.
    """
    if value is None:
        return wanted
    if not isinstance(value, t.Mapping):
        raise ShapeError(OPTION, f"expected a dictionary from the names of rules to their keys, not {kind_of(value)}")
    rules = wanted.rules or ()
    by_name: dict[str, list[int]] = {}
    for index, rule in enumerate(rules):
        for name in filter(None, (rule.name, rule.id)):
            by_name.setdefault(fold(name), []).append(index)
    keys: dict[int, PresharedKey] = {}
    others: PresharedKey | None = None
    for number, (given, text) in enumerate(value.items(), 1):
        name = text_of(given, OPTION) or ""
        if name == _OTHERS:
            others = _key(name, text)
            continue
        if fold(name) not in by_name:
            raise ShapeError(OPTION, f"entry {number} is not for a rule of this task{_hint(name, rules)}")
        for index in by_name[fold(name)]:
            _check(name, rules[index], index in keys)
            keys[index] = _key(name, text)
    response = wanted.default_response
    if response is not None and response.authentication is not None:
        response = dataclasses.replace(response, authentication=_filled(response.authentication, others))
    filled = tuple(
        dataclasses.replace(rule, authentication=_filled(rule.authentication, keys.get(index, others)))
        for index, rule in enumerate(rules)
    )
    return dataclasses.replace(wanted, rules=None if wanted.rules is None else filled, default_response=response)


def _key(name: str, text: object) -> PresharedKey:
    place = f"{OPTION}.{name}"
    if text is None:
        raise ShapeError(place, "this is null; put the key in")
    return parse_key(text, place)


def _check(name: str, rule: Rule, again: bool) -> None:
    """Raise `ShapeError` if a rule does not take a key, or has got one."""
    place = f"{OPTION}.{name}"
    if again:
        raise ShapeError(place, "another entry is for the same rule; leave one of them out")
    methods = [method for method in rule.authentication if isinstance(method, PresharedKey)]
    if not methods:
        raise ShapeError(place, "the rule has no pre-shared key; add {preshared_key: null} to its authentication")
    if all(method.key is not None for method in methods):
        raise ShapeError(place, "the rule has its own key; set it to null there, or leave it out here")


def _hint(name: str, rules: t.Sequence[Rule]) -> str:
    """What to write for a name that no rule has. It does not have the name."""
    if not rules:
        return "; the task has no rules, so give them in policy or rules"
    names = {rule.name.casefold(): rule.name for rule in rules if rule.name}
    near = nearest(name, names)
    return f"; did you mean '{names[near]}'?" if near else f"; the rules are {some(list(names.values()), _SHOWN)}"


def _filled(methods: tuple[AuthMethod, ...], key: PresharedKey | None) -> tuple[AuthMethod, ...]:
    if key is None:
        return methods
    return tuple(key if isinstance(method, PresharedKey) and method.key is None else method for method in methods)
