# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which Group Policy objects assign which policy, and what a task changes.

A Group Policy object refers to its policy in an object named IPSEC below it. Hosts look there only if its list of
extensions has the pair of IPsec, and again only if its version changes. So the IPSEC object is written first, then list
and version in one modify, then the version in GPT.INI. A change that stops in between can be seen: the IPSEC object is
newer, or the parts disagree.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import nearest, some
from ..model.gpos import GposMode, WantedGpos
from ..objects.graph import Graph, ObjectClass, object_id
from ..plan import Plan
from ..shape.fields import ShapeError
from ..store.casing import fold
from ..store.names import DESCRIPTION, NAME
from .dn import dn_of, key_below
from .errors import DirectoryError
from .extensions import ExtensionsError, has_pair
from .gpo_writes import EXTENSION_NAMES, VERSION, Outcome, announce, assign, describe, unassign
from .gpt import GptChange, unsigned
from .ldap import Write
from .state import Assignment, DirectoryState, Gpo


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GpoChange:
    """What happens to a Group Policy object. `before` and `after` are the names of the policies that it assigns, "" for
    none. `finishes` says that it assigns the same policy as before: an interrupted change is finished, or the name of
    the policy changes.
    """

    gpo: Gpo
    before: str
    after: str
    finishes: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GpoPlan:
    """What happens to Group Policy objects: `before` are the writes before those of policies, `after` the ones after
    them, and `gpt` follows last.
    """

    changes: tuple[GpoChange, ...] = ()
    before: tuple[Write, ...] = ()
    after: tuple[Write, ...] = ()
    gpt: tuple[GptChange, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is written."""
        return bool(self.before or self.after or self.gpt)

    @property
    def assigned(self) -> tuple[Gpo, ...]:
        """Those that assign another policy afterwards."""
        return tuple(change.gpo for change in self.changes if change.after and not change.finishes)

    @property
    def unassigned(self) -> tuple[Gpo, ...]:
        """Those that assign no policy afterwards, but did before."""
        return tuple(change.gpo for change in self.changes if not change.after and not change.finishes)


def assigned_key(gpo: Gpo, state: DirectoryState) -> str | None:
    """The key of the policy that a Group Policy object assigns; None if it assigns none, or one that does not exist."""
    if gpo.assignment is None or not gpo.assignment.policy:
        return None
    try:
        found = key_below(gpo.assignment.policy, state.place.container)
    except DirectoryError:
        return None
    key = None if found is None else fold(found)
    return key if key is not None and state.graph.class_of(key) is ObjectClass.POLICY else None


def gpo_problems(gpo: Gpo, state: DirectoryState) -> list[str]:
    """Where the parts of a Group Policy object disagree, as texts for facts."""
    found = []
    policy = gpo.assignment.policy if gpo.assignment else ""
    if policy and assigned_key(gpo, state) is None:
        found.append(f"it assigns {policy}, which is not a policy of this domain")
    try:
        pair = has_pair(gpo.extensions)
    except ExtensionsError as problem:
        found.append(f"its {problem}")
    else:
        if policy and not pair:
            found.append(f"its {EXTENSION_NAMES} lacks IPsec, so hosts do not take the policy that it assigns")
        elif pair and not policy:
            found.append(f"its {EXTENSION_NAMES} has IPsec, but it assigns no policy")
        elif policy and _newer(gpo):
            found.append("its IPSEC object has changed since its version did, so hosts may not know of the change")
    version = unsigned(gpo.version or 0)
    if gpo.gpt_version not in (None, version):
        found.append(f"its GPT.INI has version {gpo.gpt_version}, but its {VERSION} is {version}")
    if gpo.gpt_problem is not None:
        found.append(f"its GPT.INI cannot be read: {gpo.gpt_problem}")
    return found


def _newer(gpo: Gpo) -> bool:
    """Whether the IPSEC object was written after the object above it."""
    return gpo.assignment is not None and gpo.assignment.usn > gpo.usn


class _Course:
    """What happens to one Group Policy object. `gpo` is the object so far, `key` the policy that it assigns so far, and
    `goal` the one that it is to assign; `was` is the one before the task. `listed` says that the task names the object,
    `checked` that interrupted changes of it are finished, and `freed` are the policies that the task takes from it.
    """

    def __init__(self, gpo: Gpo, key: str | None) -> None:
        self.origin = self.gpo = gpo
        self.was = self.key = self.goal = key
        self.listed = self.checked = False
        self.freed: set[str] = set()
        self.before: list[Write] = []
        self.after: list[Write] = []

    def go(self, writes: list[Write], outcome: Outcome) -> None:
        """Add writes to a list."""
        self.gpo, new = outcome
        writes += new

    def release(self) -> None:
        """Take the policy away that the goal is so far."""
        if self.goal is not None:
            self.freed.add(self.goal)
        self.goal = None

    @property
    def gpt(self) -> tuple[GptChange, ...]:
        """The change of GPT.INI. It follows the version. A file that is behind catches up if the object is checked."""
        old, new = self.origin.gpt_version, unsigned(self.gpo.version or 0)
        behind = self.checked and old is not None and old < new
        if self.gpo.version == self.origin.version and not behind:
            return ()
        return (GptChange(gpo=self.origin, old=unsigned(self.origin.version or 0) if old is None else old, new=new),)


def plan_gpos(wanted: t.Sequence[WantedGpos], plan: Plan, state: DirectoryState) -> GpoPlan:
    """What happens to the Group Policy objects of a domain.

    The items of `wanted` follow each other. A policy that the plan deletes is unassigned first. For the policies of the
    task, interrupted changes are finished. Raises `ShapeError` for names that do not fit, and `DirectoryError` for a
    Group Policy object that cannot be changed.
    """
    courses = [_Course(gpo, assigned_key(gpo, state)) for gpo in state.gpos]
    for course in courses:
        if course.key is not None and course.key not in plan.graph:
            course.go(course.before, unassign(course.gpo))
            course.key = course.goal = None
    named = {policy.key for policy in plan.policies if policy.key is not None}
    for one in wanted:
        key = _policy(one, plan, state)
        if key is not None:
            named.add(key)
            _direct(one, key, courses, state)
    frees = any(one.mode is not GposMode.ADD for one in wanted) or any(p.change.target is None for p in plan.policies)
    notes: list[str] = []
    for course in courses:
        if course.goal is not None and course.goal != course.key:
            course.go(course.after, assign(course.gpo, _assignment(course.goal, plan.graph, state)))
        elif course.goal != course.key:
            course.go(course.after, unassign(course.gpo))
        elif course.listed or (frees if course.goal is None else course.goal in named):
            course.checked = True
            notes += _finish(course, plan.graph, state)
        notes += _notes(course, plan.graph, state.graph)
    # assignments come first, so that a host with both Group Policy objects always has a policy
    ordered = sorted(courses, key=lambda course: course.goal is None)
    return GpoPlan(
        changes=tuple(
            _change(course, plan.graph, state.graph)
            for course in courses
            if course.before or course.after or course.gpt
        ),
        before=tuple(write for course in courses for write in course.before),
        after=tuple(write for course in ordered for write in course.after),
        gpt=tuple(change for course in courses for change in course.gpt),
        notes=tuple(notes),
    )


def _policy(wanted: WantedGpos, plan: Plan, state: DirectoryState) -> str | None:
    """The key of the policy that is to be assigned; None for one that the plan deletes, which nothing assigns."""
    if wanted.policy is None:
        if len(plan.policies) != 1:
            raise ShapeError(wanted.place, f"the task has {len(plan.policies)} policies; say which one is assigned")
        return plan.policies[0].key
    keys = _policies_named(wanted.policy, plan.graph)
    of_task = {policy.key for policy in plan.policies}
    keys = [key for key in keys if key in of_task] or keys
    if not keys and _policies_named(wanted.policy, state.graph):
        return None
    if not keys:
        raise ShapeError(wanted.place, f"no policy has the name '{wanted.policy}'")
    if len(keys) > 1:
        ids = some([object_id(key) for key in keys], 5)
        raise ShapeError(wanted.place, f"{len(keys)} policies have the name '{wanted.policy}': {ids}")
    return keys[0]


def _policies_named(name: str, graph: Graph) -> list[str]:
    return [key for key in graph.policies if fold(graph.text(key, NAME)) == fold(name)]


def _direct(wanted: WantedGpos, key: str, courses: list[_Course], state: DirectoryState) -> None:
    """Set the goals of Group Policy objects as `wanted` says for the policy with this key."""
    listed = [_named(name, wanted.place, courses, state) for name in wanted.gpos]
    for course in listed:
        course.listed = True
        if wanted.mode is not GposMode.REMOVE:
            course.goal = key
        elif course.goal == key:
            course.release()
    if wanted.mode is GposMode.EXACT:
        for course in courses:
            if course.goal == key and course not in listed:
                course.release()


def _named(name: str, place: str, courses: list[_Course], state: DirectoryState) -> _Course:
    """The Group Policy object with a name or a GUID. Raises `ShapeError`."""
    by_dn = {course.origin.dn: course for course in courses}
    found = state.gpos_named(name)
    if not found:
        names = {gpo.name.casefold(): gpo.name for gpo in state.gpos}
        near = nearest(name, names)
        hint = f"; did you mean '{names[near]}'?" if near is not None else ""
        raise ShapeError(place, f"the domain {state.place.domain} has no Group Policy object '{name}'{hint}")
    if len(found) > 1:
        ids = some([gpo.id for gpo in found], 5)
        raise ShapeError(place, f"{len(found)} Group Policy objects have the name '{name}': {ids}; use an id instead")
    return by_dn[found[0].dn]


def _assignment(key: str, graph: Graph, state: DirectoryState) -> Assignment:
    """What the IPSEC object is to hold for a policy."""
    return Assignment(
        policy=dn_of(graph.path(key), state.place.container),
        name=graph.text(key, NAME),
        description=graph.text(key, DESCRIPTION),
    )


def _finish(course: _Course, after: Graph, state: DirectoryState) -> list[str]:
    """Finish an interrupted change, and keep the name of the policy up to date. Returns notes."""
    gpo = course.gpo
    if gpo.assignment is None or (course.key is None and gpo.assignment.policy):
        return []
    try:
        pair = has_pair(gpo.extensions)
    except ExtensionsError as problem:
        concerns = course.listed or course.key is not None
        return [f"the Group Policy object '{gpo.name}': its {problem}; so it is not changed"] if concerns else []
    if course.key is None:
        if pair and (course.listed or _newer(gpo)):
            course.go(course.after, announce(gpo))
        return []
    wanted = dataclasses.replace(_assignment(course.key, after, state), policy=gpo.assignment.policy)
    renamed = _renamed(gpo.assignment, wanted, course.key, after, state.graph)
    if not pair or _newer(gpo):
        course.go(course.after, assign(gpo, wanted) if renamed else announce(gpo))
    elif renamed:
        course.go(course.after, describe(gpo, wanted))
    return []


def _renamed(held: Assignment, wanted: Assignment, key: str, after: Graph, before: Graph) -> bool:
    """Whether the IPSEC object is to get another name or description: the plan changes it, or has been cut off before
    this. One without a name stays as it is.
    """
    if (held.name, held.description) == (wanted.name, wanted.description):
        return False
    changes = any(after.text(key, name) != before.text(key, name) for name in (NAME, DESCRIPTION))
    return changes or held.name not in ("", wanted.name)


def _notes(course: _Course, after: Graph, before: Graph) -> t.Iterator[str]:
    name = course.gpo.name
    displaced = course.was
    if course.goal is None:
        return
    if displaced is not None and displaced in after and displaced not in (course.goal, *course.freed):
        yield (
            f"a Group Policy object assigns only one policy: assigning '{_title(course.goal, after)}' in '{name}' "
            f"unassigns the policy '{_title(displaced, before)}'"
        )
    if course.listed and not course.gpo.enabled:
        yield f"the computer's part of the Group Policy object '{name}' is disabled, so hosts do not take its policy"


def _change(course: _Course, after: Graph, before: Graph) -> GpoChange:
    was = "" if course.was is None else _title(course.was, before)
    goal = "" if course.goal is None else _title(course.goal, after)
    return GpoChange(gpo=course.origin, before=was, after=goal, finishes=course.was == course.goal)


def _title(key: str, graph: Graph) -> str:
    """The name of a policy, or the id of one without a name."""
    return graph.text(key, NAME) or object_id(key)
