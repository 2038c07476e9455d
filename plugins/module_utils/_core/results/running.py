# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host has in force, as facts. Each value names its source; what is not known is absent, with the reason."""

from __future__ import annotations

import dataclasses
import typing as t

from ..checks.implied import Implied
from ..dynamic.record import Record
from ..dynamic.running import RecordedRule
from ..host.answers import HostState
from ..host.counters import COUNTER_CLASSES
from ..host.running import Missing, MissingReason
from ..model import SpecialKind
from ..shape.dynamic import render_dynamic_rule
from ..shape.render import Tree, render_policy
from .in_force import PolicyInForce
from .running_associations import render_associations
from .running_filters import render_filters
from .running_policies import RunningPolicies
from .subsets import Subset

_COUNTERS: t.Final = "performance counters"
_RECORD: t.Final = "record"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A host as it was read, with what follows from it."""

    state: HostState
    in_force: PolicyInForce
    record: Record
    rules: tuple[RecordedRule, ...]


class MissingParts:
    """What is not known, in the order in which it was found."""

    def __init__(self) -> None:
        self.rendered: list[Tree] = []

    def add(self, part: Subset, what: str, missing: Missing | None) -> None:
        if missing is not None:
            reason = str(missing.reason)
            self.rendered.append({"part": str(part), "what": what, "reason": reason, "detail": missing.detail})


def render_running(reading: Reading, subsets: t.Collection[Subset]) -> Tree:
    """The parts in `subsets`, except that of the store."""
    missing = MissingParts()
    addresses = reading.state.addresses
    tree: Tree = {
        "addresses": {
            str(kind): sorted(map(str, addresses.of(kind))) for kind in SpecialKind if kind is not SpecialKind.ANY
        }
    }
    for subset, render in _RENDER.items():
        if subset in subsets and (found := render(reading, missing)) is not None:
            tree[str(subset)] = found
    return {**tree, "missing": missing.rendered}


def _filters(reading: Reading, missing: MissingParts) -> Tree | None:
    found, events = reading.state.filters, reading.state.events
    if events is not None:
        missing.add(Subset.FILTERS, "events", events.missing)
    if found is None:
        return None
    missing.add(Subset.FILTERS, "filters", found.missing)
    rules = [recorded.rule for recorded in reading.rules]
    implied = Implied.of(reading.in_force.policy, rules, reading.state.addresses)
    return render_filters(found, events, implied, reading.in_force.name)


def _policies(reading: Reading, missing: MissingParts) -> Tree:
    _add_domain(reading, missing, Subset.POLICIES)
    return RunningPolicies(reading.in_force, reading.rules).policies()


def _auth(reading: Reading, missing: MissingParts) -> Tree:
    _add_domain(reading, missing, Subset.AUTH)
    return RunningPolicies(reading.in_force, reading.rules).authentication()


def _add_domain(reading: Reading, missing: MissingParts, part: Subset) -> None:
    """Say why a domain policy that is assigned cannot be read."""
    domain = reading.state.domain
    if domain is None or domain.stored() is not None:
        return
    rsop = reading.state.rsop
    no_copy = Missing(MissingReason.FAILED, "the host has no copy of the domain policy")
    missing.add(part, "domain policy", (rsop.missing if rsop is not None else None) or no_copy)


def _stats(reading: Reading, missing: MissingParts) -> Tree | None:
    found = reading.state.counters
    if found is None:
        return None
    for group in COUNTER_CLASSES:
        missing.add(Subset.STATS, str(group), found.missing.get(group))
    return {"source": _COUNTERS, **{str(group): dict(values) for group, values in found.values.items()}}


def _sas(reading: Reading, missing: MissingParts) -> Tree | None:
    found = reading.state.associations
    if found is None:
        return None
    for what, reason in found.missing.items():
        missing.add(Subset.SAS, what, reason)
    return render_associations(found)


def _dynamic(reading: Reading, missing: MissingParts) -> Tree:
    record = reading.record
    if unread := len(record.entries) - len(reading.rules):
        detail = f"{unread} {'rule' if unread == 1 else 'rules'} in the record cannot be read"
        missing.add(Subset.DYNAMIC, "rules", Missing(MissingReason.FAILED, detail))
    return {
        "source": _RECORD,
        "rules": [{**render_dynamic_rule(found.rule), "in_force": found.in_force} for found in reading.rules],
        "settings": dict(record.settings),
        "replay_interval": record.replay or 0,
    }


def _domain(reading: Reading, missing: MissingParts) -> Tree:
    """The domain policy that is assigned, also while the service does not run."""
    domain, rsop = reading.state.domain, reading.state.rsop
    if rsop is not None:
        missing.add(Subset.DOMAIN, "rsop", rsop.missing)
    if domain is None:
        nothing = dict.fromkeys(("name", "path", "gpo", "policy"))
        return {"assigned": False, **nothing, "source": "registry", "reason": "no domain policy is assigned"}
    stored, source = domain.found()
    gpo = None if stored is None else domain.gpo(stored)
    reason = "Group Policy assigns this policy"
    if stored is None:
        reason += ", and the host has no copy of it"
    return {
        "assigned": True,
        "name": domain.name or (stored.policy.name if stored else None),
        "path": domain.path,
        "gpo": None if gpo is None else {"id": gpo.id, "name": gpo.name},
        "source": str(source),
        "policy": render_policy(stored.policy) if stored else None,
        "reason": reason,
    }


_RENDER: t.Final[t.Mapping[Subset, t.Callable[[Reading, MissingParts], Tree | None]]] = {
    Subset.FILTERS: _filters,
    Subset.POLICIES: _policies,
    Subset.AUTH: _auth,
    Subset.STATS: _stats,
    Subset.SAS: _sas,
    Subset.DYNAMIC: _dynamic,
    Subset.DOMAIN: _domain,
}
