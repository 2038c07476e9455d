# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Pairs of a store as a host may have it and a task that changes it, each made from a number.

The stores look as if several programs wrote them: objects are shared, unnamed, without an owner, unused, unknown, or
left by an interrupted run.
"""

from __future__ import annotations

import copy
import dataclasses
import random
import typing as t
import uuid

from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import edits_of, read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.lines import PlacedCommand
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.reading import read_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph, ObjectClass, object_id
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_rule_edit, parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import Text
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import (
    ACTION,
    ACTIVE_POLICY,
    FILTERS,
    ISAKMP,
    NFAS,
    OWNERS,
    reference,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits, Goal, OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.script import ScriptGoal
from unit import stores

Guids: t.TypeAlias = t.Callable[[], str]


@dataclasses.dataclass(frozen=True)
class Pair:
    """A store, and what a task asks for."""

    store: Store
    goal: Goal

    @property
    def id(self) -> str | None:
        """The id of the policy that the task is about, if it has one."""
        return self.goal.wanted.id if isinstance(self.goal, OnePolicy) else None


def random_guids(rng: random.Random) -> Guids:
    return lambda: str(uuid.UUID(int=rng.getrandbits(128)))


def make(seed: int) -> Pair:
    """The same pair for the same number, in any process. Each task has something to change."""
    return _make(random.Random(seed), _task)


def make_shared(seed: int) -> Pair:
    """The same for tasks about filter lists and filter actions that rules share."""
    return _make(random.Random(-seed - 1), _shared_task)


def make_two(seed: int) -> tuple[Pair, Goal]:
    """A pair, and a second task for the same store. Each task is possible alone and has something to change."""
    rng = random.Random(seed)
    pair = _make(rng, _task)
    while True:
        goal = _task(rng, pair.store)
        try:
            if stores.run_goal(pair.store, goal, new_guid=random_guids(rng)).operations:
                return pair, goal
        except ModelError:
            # the task does not fit the store
            continue


def _make(rng: random.Random, make_task: t.Callable[[random.Random, Store], Goal]) -> Pair:
    guids = random_guids(rng)
    while True:
        store = _store(rng, guids)
        for _attempt in range(5):
            goal = make_task(rng, store)
            try:
                done = stores.run_goal(store, goal, new_guid=guids)
                # commands that need a policy and then delete it are an error the second time
                stores.run_goal(done.store, goal, new_guid=guids)
                if done.operations:
                    return Pair(store, goal)
            except ModelError:
                # the task does not fit the store
                continue


# tasks

_METHODS = (
    "ah[md5]",
    "ah[sha]",
    "esp[3des,sha]",
    "esp[des,md5] 100K/50S",
    "esp[none,sha] PFS",
    "ah[sha]+esp[3des,none]",
)
_ENDS = ("me", "any", "192.0.2.1", "192.0.2.2", "192.0.2.0/24", "198.51.100.0/25", "192.0.2.10-192.0.2.20", "gateway")
_IPV6 = ("me", "any", "2001:db8::1", "2001:db8::/32")
_NAMES = ("R1", "R2", "R3", "R4", "Rülе 5")


def _some(rng: random.Random, found: t.Sequence[t.Any], least: int = 1, most: int = 3) -> list[t.Any]:
    return rng.sample(found, min(len(found), rng.randint(least, most)))


def _filter(rng: random.Random, mirrored: bool | None) -> dict[str, t.Any]:
    ends = rng.choice((_ENDS, _ENDS, _ENDS, _IPV6))
    found = {"source": rng.choice(ends), "destination": rng.choice(ends), "protocol": rng.choice(("any", "tcp", 47))}
    if found["protocol"] == "tcp":
        found["destination_port"] = rng.choice(("any", 80, 445, "8000-8010"))
    found["mirrored"] = rng.random() < 0.7 if mirrored is None else mirrored
    if rng.random() < 0.2:
        found["description"] = rng.choice(("why", "because"))
    return found


def _filters(rng: random.Random, mirrored: bool | None = None) -> list[dict[str, t.Any]]:
    return [_filter(rng, mirrored) for _i in range(rng.randint(1, 3))]


def _authentication(rng: random.Random) -> list[t.Any]:
    return _some(
        rng, ("kerberos", {"preshared_key": "one"}, {"preshared_key": "two"}, {"certificate": "CN=Root"}), 1, 2
    )


def _what_is_done(rng: random.Random) -> dict[str, t.Any]:
    """The action of a rule, with the options that belong to it."""
    found: dict[str, t.Any] = {"action": rng.choice(("permit", "block", "negotiate", "negotiate"))}
    if found["action"] == "negotiate":
        found |= {"security_methods": _some(rng, _METHODS), "authentication": _authentication(rng)}
        found |= {"soft": rng.random() < 0.3, "inpass": rng.random() < 0.3}
    return found


def _rule(rng: random.Random, name: str) -> dict[str, t.Any]:
    rule = {"name": name, **_what_is_done(rng)}
    tunnel = rule["action"] == "negotiate" and rng.random() < 0.15
    rule["filters"] = _filters(rng, False if tunnel else None)
    if tunnel:
        rule["tunnel"] = rng.choice(("192.0.2.9", "2001:db8::9"))
    for key, values in (
        ("enabled", (True, False)),
        ("connection_type", ("all", "lan", "dialup")),
        ("description", ("", "d", "e")),
        ("filter_list", ("L1", "L2")),
        ("filter_action", ("A1", "A2")),
    ):
        if rng.random() < 0.3:
            rule[key] = rng.choice(values)
    return rule


def _main_mode(rng: random.Random) -> dict[str, t.Any]:
    return {
        "methods": _some(rng, ("3des-sha-2", "3des-md5-2", "des-md5-1", "3des-sha-14")),
        "lifetime_seconds": rng.choice((28800, 3600)),
        "quick_mode_limit": rng.choice((0, 10)),
        "pfs": rng.random() < 0.3,
    }


def _default_response(rng: random.Random) -> dict[str, t.Any]:
    return {
        "enabled": rng.random() < 0.5,
        "security_methods": _some(rng, _METHODS[:3]),
        "authentication": _authentication(rng),
    }


def _policy(rng: random.Random, name: str) -> dict[str, t.Any]:
    """A whole policy, with every option."""
    return {
        "name": name,
        "description": rng.choice(("", "a policy")),
        "poll_interval": rng.choice((1, 180, "90s")),
        "main_mode": _main_mode(rng),
        "default_response": _default_response(rng),
        "rules": [_rule(rng, name) for name in _some(rng, _NAMES, 0, 3)],
    }


def _edited(rng: random.Random, policy: dict[str, t.Any]) -> dict[str, t.Any]:
    """The facts of a policy with some changes."""
    policy = copy.deepcopy(policy)
    rules = policy["rules"]

    def edit_rule() -> None:
        if rules:
            rule = rng.choice(rules)
            for change in _some(rng, ("filter", "filters", "action", "enabled", "names", "authentication")):
                _edit_rule(rng, rule, change)

    edits: list[t.Callable[[], t.Any]] = [
        *[edit_rule] * 5,
        *[lambda: rules and rules.remove(rng.choice(rules))] * 3,
        lambda: rules.append(
            _rule(rng, rng.choice([n for n in _NAMES if all(r["name"] != n for r in rules)] or ["N"]))
        ),
        lambda: rng.shuffle(rules),
        lambda: policy.update(main_mode=_main_mode(rng)),
        lambda: policy.update(default_response=_default_response(rng)),
        lambda: policy.update(poll_interval=rng.choice((2, 180, "91s"))),
        lambda: policy.update(description=rng.choice(("", "other"))),
        lambda: rules.clear() if rng.random() < 0.2 else None,
        lambda: policy.update(name=policy["name"] + "'") if rng.random() < 0.3 else None,
    ]
    for edit in _some(rng, edits, 1, 4):
        edit()
    return policy


def _edit_rule(rng: random.Random, rule: dict[str, t.Any], change: str) -> None:
    mirrored = False if rule.get("tunnel") else None
    if change == "filter":
        if rule["filters"] and rng.random() < 0.5:
            rule["filters"].pop(rng.randrange(len(rule["filters"])))
        if not rule["filters"] or rng.random() < 0.7:
            rule["filters"].append(_filter(rng, mirrored))
    elif change == "filters":
        rule["filters"] = _filters(rng, mirrored)
    elif change == "action" and not rule.get("tunnel"):
        for key in ("action", "security_methods", "soft", "inpass"):
            rule.pop(key, None)
        rule |= _what_is_done(rng)
    elif change == "authentication":
        rule["authentication"] = _authentication(rng)
    elif change == "enabled":
        rule["enabled"] = not rule.get("enabled", True)
    elif change == "names":
        rule |= {key: rng.choice("XY") for key in _some(rng, ("filter_list", "filter_action", "description"))}


def _task(rng: random.Random, store: Store) -> Goal:
    """A task for a store."""
    stored = list(stores.facts(store).values())
    kind = rng.choices(("edited", "new", "merge", "absent", "assign", "rule", "lines"), (40, 8, 14, 10, 6, 6, 18))[0]
    if kind == "lines":
        lines = [_line(rng, stored) for _i in range(rng.randint(1, 5))]
        return Edits(*edits_of(read_line(line, f"line {i}") for i, line in enumerate(lines, 1)))
    if kind == "new" or not stored:
        return _one_policy({**_policy(rng, rng.choice(("New", "P1", "P2"))), "assigned": rng.random() < 0.5})
    # the policy in force needs the most care
    active = Graph(store).active
    old = rng.choice(
        [policy for policy in stored for _i in range(4 if policy["id"] == object_id(active or "{") else 1)]
    )
    if kind == "absent":
        return _one_policy({"name": old["name"], "state": "absent"})
    if kind == "assign":
        return _one_policy({"name": old["name"], "assigned": rng.random() < 0.8})
    assigned = {} if rng.random() < 0.6 else {"assigned": rng.random() < 0.7}
    if kind == "rule":
        rules = [rule for rule in old["rules"] if rule["name"]] or [{"name": "N", "filters": _filters(rng)}]
        rule = {key: copy.deepcopy(rng.choice(rules))[key] for key in ("name", "filters")}
        if rng.random() < 0.3:
            return _rule_edit({"policy": old["name"], "name": rule["name"]}, absent=True)
        for change in _some(rng, ("filter", "filters", "action", "enabled", "names", "authentication")):
            _edit_rule(rng, rule, change)
        main_mode = {} if rng.random() < 0.7 else {"main_mode": {"pfs": rng.random() < 0.5}}
        return _rule_edit({"policy": old["name"], **rule, **assigned, **main_mode}, absent=False)
    policy = {**_edited(rng, old), **assigned}
    if rng.random() < 0.4:
        for part in (policy, *policy["rules"]):
            part.pop("id", None)
    if kind == "merge":
        policy |= {"rules_mode": "merge", "rules": _some(rng, policy["rules"], 0, 2)}
    for key in _some(rng, ("description", "poll_interval", "main_mode", "default_response", "rules"), 0, 1):
        policy.pop(key)
    return _one_policy(policy)


def _one_policy(options: dict[str, t.Any]) -> Goal:
    try:
        return OnePolicy(*parse_task(options))
    except ModelError:
        # the options do not fit together, such as a tunnel and block
        return Edits(())


def _rule_edit(options: dict[str, t.Any], absent: bool) -> Goal:
    try:
        edit, _notes = parse_rule_edit(options, State.ABSENT if absent else State.PRESENT)
    except ModelError:
        return Edits(())
    return Edits((PlacedEdit(edit),))


def _line(rng: random.Random, there: list[dict[str, t.Any]]) -> str:
    policy = rng.choice([p["name"] for p in there] + ["P1", "P2"])
    rest = rng.choice(
        (
            "-r R1 -f 0+192.0.2.1 -n block",
            "-r R1 -f 0+192.0.2.2 -n ah[md5] -a p:key -soft",
            "-r R2 -f 0+192.0.2.3 192.0.2.4+0 -1p",
            "-r R2 -f 0+192.0.2.3 -x",
            "-r R3 -f *+0:445:TCP -n pass",
            "-f default -n ah[sha]",
            "-x",
            "-y",
            "-o",
        )
    )
    return f'-w reg -p "{policy}" {rest}'


def _shared_task(rng: random.Random, store: Store) -> Goal:
    """A task about filter lists and filter actions that rules share."""
    kind = rng.choices(("script", "some filters", "by name"), (70, 20, 10))[0]
    stored = list(stores.facts(store).values())
    if kind == "script" or not stored:
        # most scripts are about a few things, so that their commands belong together
        names = {what: _some(rng, found, 1, 2) for what, found in _names(store).items()}
        texts = [f"netsh ipsec static {_command(rng, names)}" for _i in range(rng.randint(1, 8))]
        try:
            parsed = [parse_command(Text.of(text)) for text in dict.fromkeys(texts)]
            return ScriptGoal(tuple(PlacedCommand(read_command(command), command) for command in parsed))
        except ModelError:
            return Edits(())
    policy = rng.choice(stored)
    rules = [rule for rule in policy["rules"] if rule["name"]] or [{"name": "N", "filters": []}]
    rule = rng.choice(rules)
    options = {"policy": policy["name"], "name": rule["name"]}
    if kind == "by name":
        names = _names(store)
        found = {"filter_list": rng.choice(names["list"]), "filter_action": rng.choice(names["action"])}
        return _rule_edit({**options, **{key: found[key] for key in _some(rng, list(found), 1, 2)}}, absent=False)
    filters = [*_some(rng, rule["filters"], 0, 2), *_filters(rng)]
    modes = {"filters_mode": rng.choice(("add", "remove", "exact")), "shared": rng.choice(("copy", "change", "change"))}
    return _rule_edit({**options, "filters": filters, **modes}, absent=False)


def _names(store: Store) -> dict[str, list[str]]:
    """The names that a script may use."""
    graph = Graph(store)
    found = {"policy": ["P1", "P2", "New"], "list": ["L1", "Stock", "New"], "action": ["A1", "Stock", "New"]}
    classes = {"policy": ObjectClass.POLICY, "list": ObjectClass.FILTER, "action": ObjectClass.ACTION}
    for what, class_ in classes.items():
        found[what] += [name for key in graph.of_class(class_) if (name := graph.text(key, "ipsecName"))] * 2
    found["rule"] = [*_NAMES[:3], *(graph.text(key, "ipsecName") for key in graph.of_class(ObjectClass.NFA))]
    return {what: [name for name in names if name and '"' not in name] for what, names in found.items()}


def _command(rng: random.Random, names: dict[str, list[str]]) -> str:
    policy, list_, action, rule = (f'"{rng.choice(names[what])}"' for what in ("policy", "list", "action", "rule"))
    ends = f"srcaddr={rng.choice(('me', 'any'))} dstaddr=192.0.2.{rng.randint(1, 9)}"
    port = rng.choice(("", " protocol=TCP dstport=445"))
    settings = rng.choice(
        ("action=block", "action=permit", "action=negotiate", 'qmsecmethods="ESP[3DES,SHA1]"', "soft=y")
    )
    return rng.choice(
        (
            f"add filterlist name={list_}",
            f"add filterlist name={list_} description=new",
            *[f"add filter filterlist={list_} {ends}{port}"] * 6,
            *[f"delete filter filterlist={list_} {ends}"] * 3,
            f"delete filterlist name={list_}",
            f"set filterlist name={list_} newname=Renamed",
            f"add filteraction name={action} {settings}",
            *[f"set filteraction name={action} {settings}"] * 2,
            f"delete filteraction name={action}",
            f"add policy name={policy} assign={rng.choice('yn')}",
            f"set policy name={policy} assign={rng.choice('yn')}",
            f"set policy name={policy} description=other pollinginterval=7",
            f"delete policy name={policy}",
            *[f"add rule name={rule} policy={policy} filterlist={list_} filteraction={action}"] * 4,
            f"set rule name={rule} policy={policy} filterlist={list_}",
            f"set rule name={rule} policy={policy} filteraction={action} activate=n",
            f"delete rule name={rule} policy={policy}",
            rng.choice(("delete all", "delete filterlist all", "delete filteraction all", "delete policy all")),
        )
    )


# stores


def _store(rng: random.Random, guids: Guids) -> Store:
    store = rng.choices((Store, stores.windows_2022, stores.microsoft_defaults), (80, 12, 8))[0]()
    for name in _some(rng, ("P1", "P2", "P3"), 0 if store.paths() else 1, 2):
        made = parse_task({**_policy(rng, name), "assigned": rng.random() < 0.6})
        own = stores.run_goal(Store(), OnePolicy(*made), new_guid=guids).store
        own = _by_old_writer(own, rng.choice((b"\1", b"\1", b""))) if rng.random() < 0.4 else own
        store = _both(store, _without_owners(own, rng.random() < 0.7) if rng.random() < 0.3 else own)
    for _i in range(rng.choice((0, 3, 6, 9))):
        _spoil(rng, store, guids)
    if rng.random() < 0.15:
        # an interrupted run, followed by another task
        try:
            plan = stores.run_goal(store, _task(rng, store), new_guid=guids).plan
        except ModelError:
            return store
        for operation in plan.operations[: rng.randint(0, len(plan.operations))]:
            store.change(operation)
    return store


def _both(one: Store, two: Store) -> Store:
    keys = {path: one.values(path) for path in one.paths()}
    for path in two.paths():
        keys[path] = keys.get(path, {}) | two.values(path)
    return Store(keys)


def _without_owners(store: Store, nameless: bool) -> Store:
    """The same by a writer that leaves out owners, and perhaps names, too."""
    left_out = (OWNERS, "ipsecName") if nameless else (OWNERS,)

    def kept(path: str) -> dict[str, Value]:
        return {
            name: value
            for name, value in store.values(path).items()
            if name not in left_out or path.startswith(ObjectClass.POLICY)
        }

    return Store({path: kept(path) for path in store.paths()})


def _by_old_writer(store: Store, trailing: bytes) -> Store:
    """The same as an older writer would have written it: junk in unused fields and capital letters.

    Windows 2000 adds an extra byte to each blob; writers that follow the specification do not.
    """
    graph = Graph(store)

    def older(blob: t.Any) -> t.Any:
        match blob:
            case blobs.FilterBlob(v2=None):
                return dataclasses.replace(blob, length_excess=4, trailing=trailing and b"\0")
            case blobs.IsakmpBlob():
                methods = tuple(
                    dataclasses.replace(m, encryption_key_length=0x40, last_word=0x1234) for m in blob.methods
                )
                return dataclasses.replace(
                    blob, methods=methods, lifetime_seconds=0, instance=b"junk" * 4, trailing=trailing
                )
            case blobs.NegotiationPolicyBlob():
                offers = []
                for offer in blob.offers:
                    count = offer.algorithm_count
                    used = [dataclasses.replace(slot, key_length=0x40, rounds=8) for slot in offer.slots[:count]]
                    junk = [dataclasses.replace(slot, algorithm=7, rounds=9) for slot in offer.slots[count:]]
                    offers.append(dataclasses.replace(offer, slots=(*used, *junk)))
                return dataclasses.replace(blob, offers=tuple(offers), trailing=trailing)
            case blobs.NfaBlob() | blobs.PolicyBlob():
                return dataclasses.replace(blob, trailing=trailing)
        return blob

    def spelled(text: str) -> str:
        head, brace, guid = text.partition("{")
        return head + brace + guid.upper()

    keys: dict[str, dict[str, Value]] = {}
    for path in store.paths():
        values = keys.setdefault(spelled(path), {})
        for name, value in store.values(path).items():
            class_, data = graph.class_of(fold(path)), value.data
            if name == "ipsecData" and class_ is not None and isinstance(data, bytes):
                data = older(stores.BLOBS[class_].unpack(data)).pack()
            elif isinstance(data, tuple):
                data = tuple(map(spelled, data))
            elif isinstance(data, str) and name != "ipsecName":
                data = spelled(data)
            values["ClassName" if name == "className" else name] = Value(value.kind, data)
    return Store(keys)


_SPOILT = (
    *(
        "unowned",
        "library",
        "library",
        "library",
        "nameless",
        "shared part",
        "shared part",
        "shared main mode",
        "shared rule",
    ),
    *("stray", "odd value", "below", "foreign", "nowhere", "unreadable", "active"),
)


def _spoil(rng: random.Random, store: Store, guids: Guids) -> None:
    """Something that stores may have and this collection never writes."""
    graph = Graph(store)
    objects = [key for class_ in ObjectClass for key in graph.of_class(class_)]
    if not objects:
        return
    key = rng.choice(objects)
    nfas, policies = graph.of_class(ObjectClass.NFA), graph.of_class(ObjectClass.POLICY)
    parts = [*graph.of_class(ObjectClass.ACTION), *graph.of_class(ObjectClass.FILTER)]
    what = rng.choice(_SPOILT)
    if what == "unowned":
        store.change(Unset(key, OWNERS))
    elif what == "library" and parts:
        part = rng.choice(parts)
        store.change(Unset(part, OWNERS))
        if not graph.text(part, "ipsecName"):
            store.change(Set(part, "ipsecName", Value.string("Stock")))
    elif what == "nameless" and graph.class_of(key) is not ObjectClass.POLICY:
        store.change(Unset(key, "ipsecName"))
    elif what == "shared part" and nfas and parts:
        _share_part(rng, store, graph, rng.choice(nfas), rng.choice(parts))
    elif what == "shared main mode":
        found = graph.references(rng.choice(policies), ISAKMP) if policies else []
        for main_mode in found:
            store.change(Set(rng.choice(policies), ISAKMP, Value.string(reference(store.spelling(main_mode)))))
    elif what == "shared rule" and nfas and policies:
        _add(store, rng.choice(policies), NFAS, rng.choice(nfas))
    elif what == "stray":
        _add_stray(rng, store, graph, key, guids)
    elif what == "odd value":
        kinds = ((Kind.QWORD, 7), (Kind.MULTI_STRING, ("a", "")), (Kind.BINARY, b"\0"), (Kind.EXPAND_STRING, "%a%"))
        store.change(Set(key, rng.choice(("Odd", "ipsecWindows")), Value(*rng.choice(kinds))))
    elif what == "below":
        store.change(Create(f"{store.spelling(key)}\\Below\\It"))
        store.change(Set(f"{key}\\Below", "v", Value.string("kept")))
    elif what == "foreign":
        name = rng.choice(("Version Information Object", f"ipsecOther{{{guids()}}}", "ipsecNFA{1}", "x\\y"))
        store.change(Create(name))
        store.change(Set(name, NFAS, Value.strings([reference(store.spelling(key))])))
    elif rng.random() < 0.4:
        # rare, as these make much of the store unreadable
        _hide(store, graph, what, key)


def _share_part(rng: random.Random, store: Store, graph: Graph, nfa: str, part: str) -> None:
    """`nfa` uses `part` as well, instead of its own part or in addition to it."""
    is_filter = graph.class_of(part) is ObjectClass.FILTER
    if is_filter and rng.random() < 0.5:
        _add(store, nfa, FILTERS, part)
    elif is_filter:
        store.change(Set(nfa, FILTERS, Value.strings([reference(store.spelling(part))])))
    else:
        store.change(Set(nfa, ACTION, Value.string(reference(store.spelling(part)))))
    if rng.random() < 0.5:
        _add(store, part, OWNERS, nfa)


def _add(store: Store, key: str, name: str, other: str) -> None:
    held = store.get(key, name)
    texts = held.data if held is not None and isinstance(held.data, tuple) else ()
    store.change(Set(key, name, Value.strings((*texts, reference(store.spelling(other))))))


def _add_stray(rng: random.Random, store: Store, graph: Graph, key: str, guids: Guids) -> None:
    """An unused copy of an object: in the library, without an owner, or a leftover."""
    class_ = graph.class_of(key)
    if class_ in (None, ObjectClass.POLICY):
        return
    copied = f"{class_}{{{guids()}}}"
    store.change(Create(copied))
    for name, value in store.values(key).items():
        store.change(Set(copied, name, value))
    match rng.choice(("library", "library", "unowned", "leftover")):
        case "library":
            store.change(Unset(copied, OWNERS))
            store.change(Set(copied, "ipsecName", Value.string("Stock")))
        case "unowned":
            store.change(Unset(copied, OWNERS))
            store.change(Unset(copied, "ipsecName"))
        case "leftover":
            store.change(Set(copied, OWNERS, Value.strings([reference(f"ipsecNFA{{{guids()}}}")])))


def _hide(store: Store, graph: Graph, what: str, key: str) -> None:
    """Make something unreadable in a policy that is not in force."""
    active = graph.active
    used = {active, *graph.references(active, NFAS), *graph.references(active, ISAKMP)} if active else set()
    used |= {part for nfa in used for name in (FILTERS, ACTION) if nfa for part in graph.references(nfa, name)}
    if key in used:
        return
    if what == "unreadable":
        store.change(Set(key, "ipsecData", Value.binary(b"\1\2\3")))
    elif what == "nowhere":
        store.change(Delete(key))
    elif what == "active":
        store.change(
            Set("", ACTIVE_POLICY, Value.string(reference("ipsecPolicy{00000000-0000-0000-0000-000000000000}")))
        )
