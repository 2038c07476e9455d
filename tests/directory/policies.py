# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policy stores in a directory, and tasks that change them."""

from __future__ import annotations

import copy
import dataclasses
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.applying import DomainApplied, apply
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.attempt import (
    DomainAttempt,
    DomainGoal,
    decide_domain,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.dn import dn_of, key_below
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.entries import to_attribute
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.gpt import read_versions
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AddEntry,
    Attribute,
    AttributeChange,
    ChangeKind,
    DeleteEntry,
    Directory,
    DirectoryEntry,
    ModifyEntry,
    Scope,
    Search,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.reading import read_place, read_state
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.state import DirectoryState, Gpo
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.gpos import WantedGpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph, ObjectClass, class_in
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Goal
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import MultipleAddresses
from unit import stores
from winhost import ldif, tree
from winhost.policy import StoreError

ATTEMPTS = 3
REFERENCES = ("ipsecISAKMPReference", "ipsecNFAReference", "ipsecFilterReference", "ipsecNegotiationPolicyReference")
OWNERS = "ipsecOwnersReference"
UNREADABLE = "unreadable"
"""What is in force if a policy refers to what does not exist."""


class Files:
    """GPT.INI of all Group Policy objects. `reason` is why they cannot be reached."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}

    def read(self, gpo: Gpo) -> int:
        return self.versions.get(gpo.id, 0)

    def write(self, gpo: Gpo, old: int, new: int) -> None:
        assert self.versions.get(gpo.id, 0) == old
        self.versions[gpo.id] = new


@dataclasses.dataclass(frozen=True)
class Unassigned:
    """A goal that leaves out which policy is assigned, which a domain has in its Group Policy objects."""

    goal: t.Any

    @property
    def title(self) -> str:
        return self.goal.title

    @property
    def notes(self) -> tuple[str, ...]:
        return self.goal.notes

    def names(self) -> t.Any:
        return self.goal.names()

    def changes(self, stored: t.Any, resolver: t.Any, notes: list[str]) -> t.Any:
        found = self.goal.changes(stored, resolver, notes)
        policies = [dataclasses.replace(change, assigned=None) for change in found.policies]
        return dataclasses.replace(found, policies=policies)


def read(directory: Directory, files: Files | None = None) -> DirectoryState:
    """The domain as a task reads it."""
    state = read_state(directory, read_place(directory, None), gpos=True)
    return state if files is None else read_versions(state, files)


def decide(goal: Goal | None, state: DirectoryState, gpos: tuple[WantedGpos, ...] = ()) -> DomainAttempt:
    wanted = DomainGoal(policies=None if goal is None else Unassigned(goal), gpos=gpos)
    return decide_domain(wanted, state, MultipleAddresses.IGNORE)


def run(
    directory: Directory,
    goal: Goal | None,
    *,
    gpos: tuple[WantedGpos, ...] = (),
    files: Files | None = None,
    sleep: t.Callable[[float], None],
) -> list[tuple[DomainAttempt, DomainApplied]]:
    """What a task does, with all its attempts."""
    files = files or Files()
    rounds: list[tuple[DomainAttempt, DomainApplied]] = []
    while True:
        attempt = decide(goal, read(directory, files), gpos)
        if not attempt.changed:
            return rounds
        rounds.append((attempt, apply(directory, attempt, files, sleep)))
        if not rounds[-1][1].conflict or len(rounds) == ATTEMPTS:
            return rounds


def load(directory: Directory, store: Store, container: str) -> None:
    """Write the objects of a policy store to a directory, as far as it can have them. References to what does not exist
    become references to deleted objects.
    """
    held = {key_below(entry.dn, container) for entry in objects(directory, container)}
    keys = {fold(path): path for path in store.paths() if class_in(path) and store.values(path) and path not in held}
    later: list[ModifyEntry] = []
    missing: dict[str, str] = {}
    for path in keys.values():
        values = [found for name, value in store.values(path).items() if (found := _attribute(name, value, container))]
        single = [one for one in values if one[0] not in (*REFERENCES, OWNERS)]
        if not {name for name, _values in single} & {"ipsecName", "ipsecID", "ipsecData"}:
            single.append(("ipsecID", (path[path.index("{") :].encode(),)))
        _add(directory, path, container, *single)
        refers = [one for one in values if one[0] in (*REFERENCES, OWNERS)]
        for dn in (value.decode() for _name, found in refers for value in found):
            key = t.cast(str, key_below(dn, container))
            if fold(key) not in keys and key not in held:
                missing.setdefault(fold(key), key)
        if refers:
            changes = tuple(AttributeChange(ChangeKind.ADD, name, found) for name, found in refers)
            later.append(ModifyEntry(dn_of(path, container), changes))
    for key in missing.values():
        _add(directory, key, container)
    for write in later:
        directory.write(write)
    for key in missing.values():
        directory.write(DeleteEntry(dn_of(key, container)))


def _attribute(name: str, value: Value, container: str) -> Attribute | None:
    """A value as a directory can have it: of the right kind, not empty, and without what is named twice."""
    if not isinstance(value.data, str | bytes | int | tuple) or not value.data:
        return None
    found = to_attribute(name, value, container)
    if found is None or (found[0] == "ipsecData" and not isinstance(value.data, bytes)):
        return None
    if found[0] in (*REFERENCES, OWNERS):
        by_key = {fold(one.decode()): one for one in found[1]}
        named = tuple(one for one in by_key.values() if class_in(key_below(one.decode(), container) or ""))
        return (found[0], named) if named else None
    return found


def _add(directory: Directory, key: str, container: str, *attributes: Attribute) -> None:
    class_ = t.cast(ObjectClass, class_in(key))
    directory.write(AddEntry(dn_of(key, container), (("objectClass", (class_.encode(),)), *attributes)))


def establish(directory: t.Any, store: Store) -> str:
    """Write the objects of a policy store to a domain, and let a new Group Policy object assign the policy that is
    assigned in the store. Returns its DN.
    """
    container = directory.container
    gpo: str = directory.add_gpo("Servers").dn
    load(directory, store, container)
    active = Graph(store).active
    if active is not None:
        assign(directory, dn_of(store.spelling(active), container), gpo)
    return gpo


def assign(directory: Directory, policy: str, gpo_dn: str) -> None:
    """Let a Group Policy object assign a policy, as another program would."""
    at = f"CN=Machine,{gpo_dn}"
    for name in ("Microsoft", "Windows"):
        at = f"CN={name},{at}"
        directory.write(AddEntry(at, (("objectClass", (b"container",)),)))
    owner = (OWNERS, (policy.encode(),))
    directory.write(AddEntry(f"CN=IPSEC,{at}", (("objectClass", (b"ipsecPolicy",)), owner)))


def objects(directory: Directory, container: str) -> list[DirectoryEntry]:
    """All objects of the policy store."""
    return directory.search(Search(base=container, scope=Scope.ONE_LEVEL))


def in_force(directory: Directory, container: str, gpo_dn: str) -> t.Any:
    """What a member of the domain enforces to which that Group Policy object applies, as the simulated host's own
    reader sees it; None for no policy.
    """
    found = directory.search(
        Search(base=gpo_dn, scope=Scope.SUBTREE, match=(("objectClass", "ipsecPolicy"), ("cn", "IPSEC")))
    )
    policy = [value.decode() for entry in found for value in entry.attributes.get(OWNERS.lower(), ())]
    if not policy:
        return None
    try:
        return stores.in_force(as_registry(objects(directory, container), policy[0]))
    except StoreError:
        return UNREADABLE


def meaning(directory: Directory) -> t.Any:
    """All policies as facts show them, without ids and order."""
    found = []
    for policy in stores.facts(read(directory).graph.store).values():
        policy = copy.deepcopy(policy)
        for rule in policy["rules"]:
            rule["filters"].sort(key=str)
            del rule["id"]
        policy["rules"].sort(key=str)
        del policy["id"]
        found.append(policy)
    return sorted(found, key=str)


def orphans(directory: Directory, known: t.Collection[str]) -> list[str]:
    """The objects that no policy uses and whose DNs are not known, by what they are."""
    state = read(directory)
    graph = state.graph
    used = {part for policy in graph.policies for part in graph.reachable(policy)}
    old = {fold(key_below(dn, state.place.container) or "") for dn in known}
    new = (key for class_ in ObjectClass for key in graph.of_class(class_) if key not in used and key not in old)
    return sorted(f"{graph.class_of(key)} {graph.text(key, 'ipsecName')}" for key in new)


def as_registry(entries: t.Iterable[DirectoryEntry], policy: str) -> tree.Tree:
    """The objects as a member of the domain copies them to its registry. `policy` is assigned."""
    found = ldif.tree_of({entry.dn: entry.attributes for entry in entries}, stores.CONTAINER)
    name = policy.partition(",")[0].removeprefix("CN=")
    root = r"SOFTWARE\Policies\Microsoft\Windows\IPSEC\Policy\Local"
    found[stores.CONTAINER]["ActivePolicy"] = (tree.STRING, f"{root}\\{name}")
    return found
