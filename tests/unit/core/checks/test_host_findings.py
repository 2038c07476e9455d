# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Findings about a host: a service that does not run now or after a boot, and a domain policy that wins."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.host_findings import host_findings
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lint import Code, Finding
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import DomainPolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import Service, ServiceStatus, StartType
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import stores

ASSIGNED = stores.change(Store(), {"name": "P", "rules": [{"name": "R", "filters": ["0+*"]}]}, assigned=True).store
DOMAIN = DomainPolicy(path="LDAP://CN=ipsecPolicy{1}", name="Corp", store=Store())
STOPPED, NOT_AT_BOOT, HIDDEN = Code.SERVICE_STOPPED, Code.SERVICE_NOT_AT_BOOT, Code.DOMAIN_POLICY_WINS


def _find(
    status=ServiceStatus.RUNNING, start_type=StartType.AUTOMATIC, store=ASSIGNED, domain=None, dynamic=False
) -> list[Finding]:
    service = Service(status=status, start_type=start_type)
    return host_findings(stores.host_with(store, service=service, domain=domain), dynamic=dynamic)


@pytest.mark.parametrize(
    ("given", "codes", "words"),
    [
        ({"status": ServiceStatus.STOPPED}, [STOPPED], "the PolicyAgent service is stopped, so the policy 'P'"),
        ({"status": ServiceStatus.STOP_PENDING}, [STOPPED], "is stop pending, so"),
        ({"status": ServiceStatus.MISSING, "start_type": StartType.UNKNOWN}, [STOPPED], "does not exist, so"),
        ({"status": ServiceStatus.MISSING, "start_type": StartType.DISABLED}, [STOPPED], "does not exist, so"),
        (
            {"status": ServiceStatus.STOPPED, "start_type": StartType.DISABLED},
            [STOPPED, NOT_AT_BOOT],
            "is stopped and disabled, so the policy 'P' is assigned, but not enforced; enable and start it",
        ),
        ({"start_type": StartType.MANUAL}, [NOT_AT_BOOT], "is manual, so the policy 'P' is not enforced after the"),
        ({"start_type": StartType.DISABLED}, [NOT_AT_BOOT], "is disabled, so the policy 'P' is not"),
        (
            {"start_type": StartType.MANUAL, "store": Store(), "dynamic": True},
            [NOT_AT_BOOT],
            "so the dynamic rules are not enforced",
        ),
        (
            {"start_type": StartType.MANUAL, "dynamic": True},
            [NOT_AT_BOOT],
            "so the policy 'P' and the dynamic rules are not enforced",
        ),
        ({"domain": DOMAIN}, [HIDDEN], "the domain policy 'Corp', which wins: the policy 'P' is stored and assigned"),
        (
            {
                "domain": DomainPolicy(path="LDAP://x", name="", store=Store()),
                "status": ServiceStatus.STOPPED,
                "store": Store(),
            },
            [STOPPED],
            "so the domain policy 'LDAP://x' is assigned, but not enforced",
        ),
        (
            {"domain": DOMAIN, "start_type": StartType.MANUAL, "store": Store()},
            [NOT_AT_BOOT],
            "so the domain policy 'Corp' is not enforced after",
        ),
    ],
)
def test_what_keeps_a_policy_from_being_enforced_is_found(given, codes, words):
    found = _find(**given)
    assert [finding.code for finding in found] == codes
    assert words in found[0].warning()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"dynamic": True},
        {"start_type": StartType.BOOT},
        {"start_type": StartType.UNKNOWN},
        {"status": ServiceStatus.START_PENDING},
        {"status": ServiceStatus.STOPPED, "start_type": StartType.DISABLED, "store": Store()},
        {"status": ServiceStatus.MISSING, "store": Store()},
        {"domain": DOMAIN, "store": Store()},
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(given):
    assert _find(**given) == []


@pytest.mark.parametrize(("given", "name"), [({}, "P"), ({"store": Store(), "dynamic": True}, None)])
def test_a_finding_about_a_host_names_the_policy(given, name):
    (finding,) = _find(start_type=StartType.MANUAL, **given)
    assert finding.policy == name
