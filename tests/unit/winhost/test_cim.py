# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The CIM classes of a simulated host."""

from __future__ import annotations

import json
import time

import pytest
from unit import stores
from winhost import cim, query_faults
from winhost.host import Host

STANDARD, COUNTERS, RSOP = "root/StandardCimv2", "root/cimv2", r"root\RSOP\Computer"
PERFORMANCE = "Win32_PerfRawData_Counters_"
ASKED = {
    "MSFT_NetMainModeSA": (STANDARD, "sas"),
    "MSFT_NetQuickModeSA": (STANDARD, "sas"),
    **{
        PERFORMANCE + name: (COUNTERS, "counters")
        for name in (
            "IPsecDriver",
            "IPsecIKEv1IPv4",
            "IPsecIKEv1IPv6",
            "IPsecConnections",
            "GenericIKEv1AuthIPandIKEv2",
        )
    },
    "RSOP_IPSECPolicySetting": (RSOP, "rsop"),
    "RSOP_GPO": (RSOP, "rsop"),
}
"""The classes that are asked for, with their namespaces and queries."""
RANGES = {"uint8": 2**8, "uint16": 2**16, "uint32": 2**32, "uint64": 2**64}


@pytest.fixture
def host(tmp_path):
    """A host with two associations and a domain policy with two rules."""
    found = Host(tmp_path, "win1", "192.0.2.2")
    found.set(
        associations=[
            {"remote": "192.0.2.9"},
            {
                "remote": "2001:db8::9",
                "local": "2001:db8::2",
                "module": "ikev2",
                "main": {"CipherAlgorithm": 65003},
                "quick": [{"SPI": 7}, {"EncapsulationMode": 2}],
            },
        ]
    )
    rules = [{"name": name, "action": "negotiate", "filters": ["*+0"]} for name in ("a", "b")]
    store = stores.change(stores.Store(), {"name": "Corp", "rules": rules}).store
    name = next(key for key in stores.to_tree(store) if "ipsecPolicy" in key).rpartition("\\")[2]
    found.assign_domain_policy(f"LDAP://CN={name},DC=example,DC=test", "Corp", stores.to_tree(store))
    found.start_service()
    return found


def _fits(value, kind):
    """Whether a value has a type; null is a value of each type."""
    if value is None:
        return True
    if kind.startswith("[]"):
        return isinstance(value, list) and all(_fits(item, kind[2:]) for item in value)
    if kind in RANGES:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < RANGES[kind]
    if kind in cim.classes():
        return isinstance(value, dict) and _is_instance(value, kind)
    return isinstance(value, {"string": str, "bool": bool}[kind])


def _is_instance(value, name):
    types = cim.classes()[name]
    return value.keys() == types.keys() and all(_fits(value[key], kind) for key, kind in types.items())


@pytest.mark.parametrize("name", ASKED)
def test_instances_fit_the_definitions_of_their_classes(host, name):
    found = host.cim(ASKED[name][0], name)
    assert found
    assert all(_is_instance(instance, name) for instance in found)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(("value", "kind"), [(True, "uint8"), (256, "uint8"), ("1", "uint32"), ([1, "a"], "[]uint8")])
def test_a_value_that_does_not_fit(value, kind):
    assert not _fits(value, kind)


def test_every_property_of_a_class_has_a_value_somewhere(host):
    """But for those that Windows leaves out as well."""
    absent = {
        name: [key for key, value in host.cim(ASKED[name][0], name)[0].items() if value is None] for name in ASKED
    }
    assert {name: keys for name, keys in absent.items() if keys and not name.startswith("RSOP")} == {
        "MSFT_NetMainModeSA": [
            "OtherAuthenticationMethod",
            "OtherCipherAlgorithm",
            "OtherHashAlgorithm",
            "VendorID",
            "LocalSecondId",
            "OtherGroupId",
            "RemoteSecondId",
        ],
        "MSFT_NetQuickModeSA": [
            "EmTargetName",
            "InterfaceAlias",
            "MmTargetName",
            "PeerV4PrivateAddress",
            "SecondCipherAlgorithm",
            "SecondIntegrityAlgorithm",
            "SecondSPI",
        ],
    }


def test_associations(host):
    main, quick = (host.cim(STANDARD, f"MSFT_Net{mode}ModeSA") for mode in ("Main", "Quick"))
    assert [(sa["LocalEndpoint"], sa["RemoteEndpoint"], sa["KeyModule"], sa["CipherAlgorithm"]) for sa in main] == [
        ("192.0.2.2", "192.0.2.9", 1, 6),
        ("2001:db8::2", "2001:db8::9", 3, 65003),
    ]
    assert [(sa["RemoteEndpoint"], sa["EncapsulationMode"], sa["MmSaId"]) for sa in quick] == [
        ("192.0.2.9", 3, 1),
        ("2001:db8::9", 3, 2),
        ("2001:db8::9", 2, 2),
    ]
    assert main[0]["LocalFirstId"]["Identity"] == "WIN1$@EXAMPLE.TEST"
    host.stop_service()
    assert host.cim(STANDARD, "MSFT_NetMainModeSA") == []


def test_counters(host):
    host.set(counters={"IPsecDriver": {"SARekeys": 4294967295}})
    (four,), (six,), (driver,) = (
        host.cim(COUNTERS, PERFORMANCE + name) for name in ("IPsecIKEv1IPv4", "IPsecIKEv1IPv6", "IPsecDriver")
    )
    # an association of IKEv2 does not count there
    assert (four["ActiveMainModeSAs"], four["SuccessfulQuickModeNegotiations"], six["ActiveMainModeSAs"]) == (1, 1, 0)
    assert (driver["ActiveSecurityAssociations"], driver["SARekeys"]) == (3, 4294967295)


def test_the_resultant_set_of_policy(host):
    found = host.cim(RSOP, "RSOP_IPSECPolicySetting")
    (policy,) = [instance for instance in found if instance["ClassName"] == "ipsecPolicy"]
    assert policy["ipsecName"] == "Corp"
    assert len(policy["ipsecNFAReference"]) == 2
    assert bytes(policy["ipsecData"]).startswith(b"\x63\x21\x20\x22")
    names = {gpo["id"]: gpo["name"] for gpo in host.cim(RSOP, "RSOP_GPO")}
    assert names[policy["GPOID"]] == "IPsec of the domain"


def test_a_host_without_a_domain_policy_has_no_resultant_set(tmp_path):
    host = Host(tmp_path, "win1", "192.0.2.2")
    assert host.cim(RSOP, "RSOP_IPSECPolicySetting") == []
    assert [gpo["name"] for gpo in host.cim(RSOP, "RSOP_GPO")] == ["Local Group Policy"]


def test_a_domain_policy_that_is_not_cached_is_enforced(host):
    objects = {key.replace("domain", stores.CONTAINER, 1): values for key, values in host.domain.tree.items()}
    path = host.get(r"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec\GPTIPSECPolicy", "DSIPSECPolicyPath")
    other = Host(host.folder / "other", "win2", "192.0.2.3")
    other.assign_domain_policy(path, "Corp", objects, cached=False)
    other.start_service()
    assert not [key for key in other.tree if "Cache\\" in key]
    assert other.enforced.in_force == host.enforced.in_force
    assert other.cim(RSOP, "RSOP_IPSECPolicySetting") == host.cim(RSOP, "RSOP_IPSECPolicySetting")


# faults


@pytest.mark.parametrize(
    ("namespace", "name"),
    [(STANDARD, "MSFT_NetThing"), (COUNTERS, "MSFT_NetMainModeSA"), ("root", "RSOP_GPO"), ("", "")],
)
def test_a_class_that_does_not_exist(host, namespace, name):
    with pytest.raises(cim.CimError, match=r"^Invalid") as caught:
        host.cim(namespace, name)
    assert caught.value.reason == "no_class"


def test_names_of_classes_have_no_case(host):
    assert host.cim("ROOT/standardcimv2", "msft_netmainmodesa") == host.cim(STANDARD, "MSFT_NetMainModeSA")


def test_an_old_windows_has_no_classes_of_associations(host):
    host.set_version("Windows Server 2008 R2", 6, 1, 7601)
    with pytest.raises(cim.CimError):
        host.cim(STANDARD, "MSFT_NetMainModeSA")
    assert host.cim(COUNTERS, PERFORMANCE + "IPsecDriver")


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize(
    ("fault", "reason"), [("missing", "no_class"), ("denied", "access_denied"), ("failed", "failed")]
)
def test_a_query_that_fails(host, name, fault, reason):
    namespace, query = ASKED[name]
    host.set(queries={query: fault})
    with pytest.raises(cim.CimError) as caught:
        host.cim(namespace, name)
    assert caught.value.reason == reason


def test_only_administrators_may_ask(host):
    host.set(administrator=False)
    with pytest.raises(cim.CimError) as caught:
        host.cim(STANDARD, "MSFT_NetMainModeSA")
    assert caught.value.reason == "access_denied"


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_without_instances(host, name):
    namespace, query = ASKED[name]
    host.set(queries={query: "empty"})
    assert host.cim(namespace, name) == []


@pytest.mark.parametrize("name", ["MSFT_NetMainModeSA", "MSFT_NetQuickModeSA", "RSOP_IPSECPolicySetting"])
def test_a_huge_answer(host, name):
    namespace, query = ASKED[name]
    few = len(host.cim(namespace, name))
    host.set(queries={query: "huge 200"})
    found = host.cim(namespace, name)
    assert len(found) == few + 200
    assert all(_is_instance(instance, name) for instance in found)


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in ASKED for kind in query_faults.MALFORMED[ASKED[name][1]]]
)
def test_a_malformed_answer(host, name, kind):
    namespace, query = ASKED[name]
    good = host.cim(namespace, name)
    host.set(queries={query: f"malformed {kind}"})
    changed = host.cim(namespace, name) != good
    # quick-mode associations have neither
    assert changed == (name != "MSFT_NetQuickModeSA" or kind not in ("guid", "identity"))


def test_a_slow_answer(host):
    host.set(queries={"sas": "slow"})
    with pytest.raises(TimeoutError, match="the CIM classes of security associations did not answer"):
        host.cim(STANDARD, "MSFT_NetMainModeSA", patience=0.1)
    host.set(queries={"sas": "slow 0.2"})
    start = time.monotonic()
    assert len(host.cim(STANDARD, "MSFT_NetMainModeSA")) == 2
    assert time.monotonic() - start >= 0.2
