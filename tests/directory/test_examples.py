# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The examples of the documentation that are about a domain run unchanged."""

from __future__ import annotations

import pytest
import yaml
from directory.player import HOSTS, DomainPlayer
from integration.examples import MODULES, examples_of_domains

CHANGES = {
    "ipsec_policy": [True],
    "ipsec_rule": [True],
    "ipsec_facts": [False, False],
}


@pytest.fixture
def player(domain, tmp_path):
    domain.add_gpo("Workstations")
    return DomainPlayer(domain, tmp_path)


def test_the_examples_about_a_domain(domain, player):
    tasks = [task for name in CHANGES for task in examples_of_domains(name)]
    play = {"hosts": ",".join(HOSTS), "gather_facts": False, "vars": {"ipsec_directory": domain.options()}}
    run = player.run([{**play, "tasks": tasks}], "--diff")
    assert run.code == 0, run.output
    first = [result for result in run.results if result.host == HOSTS[0]]
    assert [result["changed"] for result in first] == [changed for found in CHANGES.values() for changed in found]
    (policy,) = first[-1]["msg"].values()
    assert policy["name"] == "Closed ports"
    for name, result in zip(("ipsec_policy", "ipsec_rule"), first, strict=False):
        documented = yaml.safe_load((MODULES / f"{name}.yml").read_text())["RETURN"]
        shown = {key for key in result.result if not key.startswith("_ansible")} - {"changed", "diff", "warnings"}
        assert shown <= documented.keys()
        assert {"server", "domain", "gpos"} <= shown
