# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measures tasks on the policies of a domain, whose domain controller is Samba, and their planning."""

from __future__ import annotations

import base64
import pathlib
import tempfile
import time
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.attempt import (
    DomainGoal,
    decide_domain,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.state import DirectoryState, Place
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import RulesMode, State
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy
from directory.samba import Domain
from unit import stores
from winhost.farm import Farm
from winhost.host import Host

from .measure import Row, in_turn
from .plays import play
from .policies import many_rules

TIMES: t.Final = 20
FEW: t.Final = 3
ADDED: t.Final = 5_000
_PLACE: t.Final = Place(domain="ad.example.test", root="DC=ad,DC=example,DC=test", server="dc1.ad.example.test")


def all_rows() -> t.Iterator[Row]:
    yield growth()
    with tempfile.TemporaryDirectory() as scratch, Farm(count=1, engine="powershell") as farm, Domain() as domain:
        folder = pathlib.Path(scratch)
        host = farm.hosts["win1"]
        yield _unchanged(farm, folder, host, domain)
        yield _added(farm, folder, host)


def growth() -> Row:
    """Planning one change among many policies."""
    options = {"name": "Policy 7", "rules": [{"name": "Rule 1", "filters": ["0+192.0.2.1"], "action": "block"}]}
    wanted, _state, _mode = parse_task(options)
    goal = DomainGoal(policies=OnePolicy(wanted, State.PRESENT, RulesMode.MERGE))

    def plan(policies: int) -> t.Callable[[], object]:
        lines = [
            read_line(f'ipseccmd -w REG -p "Policy {policy}" -r "Rule {rule}" -f 0+10.0.{policy % 250}.{rule} -n BLOCK')
            for policy in range(1, policies + 1)
            for rule in range(1, 4)
        ]
        store = stores.run_lines(Store(), lines).store

        def change() -> object:
            state = DirectoryState(place=_PLACE, graph=Graph(store))
            return decide_domain(goal, state).writes

        if not change():
            raise SystemExit("bench: nothing is planned")
        return change

    large, small = plan(1_000), plan(100)
    ratios = in_turn(large, lambda: [small() for _time in range(10)], TIMES)
    return Row("domain_growth", 1.5, ratios, "one rule changed among 1,000 policies of 3 rules; ÷ 10 × among 100")


def _task(policy: dict[str, t.Any], domain: Domain) -> dict[str, t.Any]:
    options = {"store": "domain", "directory": domain.options(server=domain.address)}
    return {"name": "ours", "ipsec.windows.ipsec_policy": policy | options}


def _unchanged(farm: Farm, folder: pathlib.Path, host: Host, domain: Domain) -> Row:
    policy = many_rules(3)
    ours, peer = _task(policy, domain), {"name": "peer", "ipsec.windows.ipsec_policy": policy}
    play(farm, folder, [host], [ours, peer])
    found = play(farm, folder, [host], [ours, peer] * TIMES)
    seconds = sorted(found.seconds["ours"])[TIMES // 2]
    what = f"a policy of 3 rules in a domain, nothing to change, {seconds:.2f} s; ÷ the same task on one Windows host"
    return Row("domain_unchanged", 0.9, found.ratios, what)


def _added(farm: Farm, folder: pathlib.Path, host: Host) -> Row:
    """Creating a policy in a new domain. For comparison, ldapadd adds objects over one connection to another one."""
    ratios, ours = [], []
    for _time in range(FEW):
        with Domain() as domain:
            ours += play(farm, folder, [host], [_task(many_rules(1_000), domain)]).seconds["ours"]
        with Domain() as domain:
            ratios.append(ours[-1] / _ldapadd(domain))
    what = f"1,000 new rules in a domain, {sorted(ours)[FEW // 2]:.1f} s; ÷ {ADDED:,} objects added by ldapadd"
    return Row("domain_1000", 1.3, ratios, what)


def _ldapadd(domain: Domain) -> float:
    """The seconds that ldapadd takes for filters with one address each, over one connection with TLS."""
    data = base64.b64encode(bytes(94)).decode()
    names = [
        f"CN=ipsecFilter{{{number:08X}-0000-0000-0000-000000000000}},{domain.container}" for number in range(ADDED)
    ]
    text = "".join(
        f"dn: {name}\nobjectClass: ipsecFilter\nipsecID: {name[14:52]}\nipsecDataType: 256\nipsecData:: {data}\n\n"
        for name in names
    )
    start = time.monotonic()
    domain.ldapadd(text)
    return time.monotonic() - start
