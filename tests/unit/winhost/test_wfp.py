# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of a simulated host in the filtering platform, and `netsh wfp show`."""

from __future__ import annotations

import ipaddress
import itertools
import random
import time
import xml.etree.ElementTree as ET

import pytest
from unit import stores
from winhost import query_faults, wfp
from winhost.host import Host
from winhost.programs import Programs, ask

SHOW = ["wfp", "show", "filters", "file=-"]
IN, OUT, IKE = "INBOUND_TRANSPORT_V4", "OUTBOUND_TRANSPORT_V4", "IKEEXT_V4"
IN6, OUT6 = "INBOUND_TRANSPORT_V6", "OUTBOUND_TRANSPORT_V6"


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path, "win1", "192.0.2.2")


def _assign(host, *rules):
    store = stores.change(stores.Store(), {"name": "P", "rules": list(rules)}, assigned=True).store
    stores.put(host, store)
    host.start_service()


def _rule(action, *filters, name="r", **options):
    return {"name": name, "action": action, "filters": list(filters), **options}


def _shown(host):
    code, output = host.netsh(SHOW)
    assert code == 0
    items = ET.fromstring(output).findall("filters/item")
    assert int(ET.fromstring(output).find("filters").get("numItems")) == len(items)
    return items


def _own(host):
    return [item for item in _shown(host) if item.findtext("providerKey") == wfp.POLICY_AGENT]


def _line(item):
    """A filter as its layer, its conditions and its action."""
    conditions = []
    for found in item.findall("filterCondition/item"):
        texts = [e.text for e in found.find("conditionValue").iter() if e.tag != "type" and not len(e)]
        field = found.findtext("fieldKey").removeprefix("FWPM_CONDITION_").removeprefix("IP_")
        conditions.append(f"{field}={'~'.join(texts)}")
    action = item.findtext("action/type").removeprefix("FWP_ACTION_")
    callout = (item.findtext("action/filterType") or "").removeprefix("FWPM_CALLOUT_IPSEC_")
    return " ".join([item.findtext("layerKey").removeprefix("FWPM_LAYER_"), *conditions, action, callout]).strip()


def _lines(host):
    return [_line(item) for item in _own(host)]


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        (_rule("block", "*=0"), [f"{IN} BLOCK"]),
        (_rule("block", "0=*"), [f"{OUT} BLOCK"]),
        (_rule("permit", "*+0"), [f"{IN} PERMIT", f"{OUT} PERMIT"]),
        (
            _rule("block", "192.0.2.0/255.255.255.0=198.51.100.7"),
            [
                f"{OUT} LOCAL_ADDRESS=192.0.2.0~255.255.255.0 REMOTE_ADDRESS=198.51.100.7 BLOCK",
                f"{IN} LOCAL_ADDRESS=198.51.100.7 REMOTE_ADDRESS=192.0.2.0~255.255.255.0 BLOCK",
            ],
        ),
        (
            _rule("block", "*:1024+0:445:TCP"),
            [
                f"{IN} PROTOCOL=6 LOCAL_PORT=445 REMOTE_PORT=1024 BLOCK",
                f"{OUT} PROTOCOL=6 LOCAL_PORT=445 REMOTE_PORT=1024 BLOCK",
            ],
        ),
        (
            _rule("block", {"source": "10.0.0.1-10.0.0.9", "destination": "me", "mirrored": False}),
            [f"{IN} REMOTE_ADDRESS=10.0.0.1~10.0.0.9 BLOCK"],
        ),
        (
            _rule("block", {"source": "2001:db8::/32", "destination": "me", "mirrored": False}),
            [f"{IN6} REMOTE_ADDRESS=2001:db8::~32 BLOCK"],
        ),
        (
            _rule("block", {"source": "any/ipv6", "destination": "2001:db8::7", "mirrored": False}),
            [
                f"{OUT6} REMOTE_ADDRESS=2001:db8::7 BLOCK",
                f"{IN6} LOCAL_ADDRESS=2001:db8::7 BLOCK",
            ],
        ),
        (
            _rule("block", {"source": "me", "destination": "dns", "mirrored": False}),
            [f"{OUT} REMOTE_ADDRESS=192.0.2.53 BLOCK", f"{OUT} REMOTE_ADDRESS=192.0.2.54 BLOCK"],
        ),
        (_rule("block", {"source": "me", "destination": "gateway"}), []),
        (_rule("block", "*=0", connection_type="lan"), [f"{IN} INTERFACE_TYPE=6 BLOCK"]),
        (_rule("block", "*=0", connection_type="dialup"), [f"{IN} INTERFACE_TYPE=23 BLOCK"]),
        (_rule("block", "*=0", enabled=False), []),
        (
            _rule("negotiate", "*+0", "192.0.2.9+0:80:TCP"),
            [
                f"{IN} CALLOUT_TERMINATING INBOUND_TRANSPORT_V4",
                f"{OUT} CALLOUT_TERMINATING OUTBOUND_TRANSPORT_V4",
                f"{IN} REMOTE_ADDRESS=192.0.2.9 PROTOCOL=6 LOCAL_PORT=80 CALLOUT_TERMINATING INBOUND_TRANSPORT_V4",
                f"{OUT} REMOTE_ADDRESS=192.0.2.9 PROTOCOL=6 LOCAL_PORT=80 CALLOUT_TERMINATING OUTBOUND_TRANSPORT_V4",
                f"{IKE} PERMIT",
                f"{IKE} REMOTE_ADDRESS=192.0.2.9 PERMIT",
            ],
        ),
        (
            _rule("negotiate", "0=10.0.0.0/255.0.0.0", tunnel="198.51.100.1"),
            [
                f"{OUT} REMOTE_ADDRESS=10.0.0.0~255.0.0.0 CALLOUT_TERMINATING OUTBOUND_TUNNEL_V4",
                f"{IKE} REMOTE_ADDRESS=198.51.100.1 PERMIT",
            ],
        ),
    ],
)
def test_the_filters_of_a_rule(host, rule, lines):
    host.set(servers={"dns": ["192.0.2.53", "192.0.2.54", "2001:db8::53"]})
    _assign(host, rule)
    assert _lines(host) == lines
    assert {item.findtext("displayData/name") for item in _own(host)} <= {"r"}


def test_the_filters_of_a_dynamic_rule(host):
    host.start_service()
    for words in (
        "mmpolicy m",
        "rule srcaddr=192.0.2.9 dstaddr=me mirrored=no mmpolicy=m actioninbound=block actionoutbound=block",
    ):
        assert host.netsh(f"ipsec dynamic add {words}".split())[0] == 0
    assert _lines(host) == [f"{IN} REMOTE_ADDRESS=192.0.2.9 BLOCK"]
    host.netsh(["ipsec", "dynamic", "delete", "all"])
    assert _lines(host) == []


def test_the_direction_chooses_the_action_of_a_dynamic_rule(host):
    host.start_service()
    for words in (
        "mmpolicy m",
        "rule srcaddr=192.0.2.9 dstaddr=192.0.2.8 mirrored=no mmpolicy=m actioninbound=block actionoutbound=permit",
    ):
        assert host.netsh(f"ipsec dynamic add {words}".split())[0] == 0
    assert [line.split()[0::3] for line in _lines(host)] == [[OUT, "PERMIT"], [IN, "BLOCK"]]


def test_filters_of_other_programs_are_beside_those_of_the_service(host):
    _assign(host, _rule("block", "*=0"))
    assert len(_own(host)) == 1
    others = [item for item in _shown(host) if item.findtext("providerKey") != wfp.POLICY_AGENT]
    assert {item.findtext("providerKey") for item in others} == {wfp.FIREWALL, ""}
    host.stop_service()
    assert len(_own(host)) == 0
    assert len(_shown(host)) == len(others)


def test_the_id_and_the_key_of_a_filter_are_unique(host):
    _assign(host, _rule("block", "*+0"), _rule("permit", "*+0", name="s"))
    items = _shown(host)
    for name in ("filterKey", "filterId"):
        assert len({item.findtext(name) for item in items}) == len(items)


def test_a_name_is_escaped(host):
    _assign(host, _rule("block", "*=0", name="a & <b> \u20ac \U0001f512"))
    assert _own(host)[0].findtext("displayData/name") == "a & <b> \u20ac \U0001f512"
    assert wfp._element("name", "a\ud800\x01") == "<name>a\ufffd\ufffd</name>"


def test_a_host_prints_in_its_language_but_for_names_of_the_platform(host):
    host.set(language="de")
    _assign(host, _rule("block", "*=0"))
    assert _shown(host)[0].findtext("displayData/name").startswith("Kernnetzwerk")
    assert _lines(host) == [f"{IN} BLOCK"]


# what decides


def _matches(item, packet):
    """Whether a filter of the platform has a packet: whether it is inbound, local and remote address and port."""
    inbound, *ends = packet
    if item.findtext("layerKey") != f"FWPM_LAYER_{IN if inbound else OUT}":
        return False
    fields = dict(zip(("LOCAL_ADDRESS", "REMOTE_ADDRESS", "LOCAL_PORT", "REMOTE_PORT"), ends, strict=True))
    for condition in _line(item).split()[1:]:
        name, equals, value = condition.partition("=")
        if not equals or name == "PROTOCOL":
            continue
        if name.endswith("PORT"):
            if str(fields[name]) != value:
                return False
        elif ipaddress.ip_address(fields[name]) not in ipaddress.ip_network(value.replace("~", "/")):
            return False
    return True


def _decided(items, packet):
    """The action of the heaviest filter."""
    found = [
        (int(item.findtext("effectiveWeight/uint64")), item.findtext("action/type"))
        for item in items
        if _matches(item, packet)
    ]
    actions = {"FWP_ACTION_BLOCK": "block", "FWP_ACTION_CALLOUT_TERMINATING": "negotiate"}
    return actions.get(max(found)[1], "permit") if found else "permit"


@pytest.mark.parametrize("seed", range(8))
def test_the_filters_decide_as_the_host_enforces(tmp_path, seed):
    chance = random.Random(seed)
    host = Host(tmp_path, "win1", "192.0.2.2")
    addresses = ("*", "192.0.2.8", "192.0.2.9", "192.0.2.0/255.255.255.0", "192.0.2.8/255.255.255.254")
    ports = ("", ":80:TCP", ":445:TCP")
    rules = [
        _rule(
            chance.choice(("block", "permit", "negotiate")),
            f"{chance.choice(addresses)}{chance.choice('=+')}0{chance.choice(ports)}",
            name=str(number),
        )
        for number in range(6)
    ]
    _assign(host, *rules)
    items = _own(host)
    verdicts = set()
    for peer, port in itertools.product(("192.0.2.8", "192.0.2.9", "198.51.100.1"), (80, 445, 139)):
        ways = [_decided(items, (inbound, host.address, peer, port, 50000)) for inbound in (False, True)]
        strictest = next((found for found in ("block", "negotiate") if found in ways), "permit")
        assert host.verdict(peer, 50000, port) == strictest
        verdicts.add(strictest)
    assert len(verdicts) > 1


# stored and in force


def test_a_service_that_ignores_a_reload_keeps_its_filters(host):
    _assign(host, _rule("block", "*=0"))
    host.set(ignores_reload=True)
    _assign_stored(host, _rule("permit", "*=0"))
    host.reload_service()
    assert _lines(host) == [f"{IN} BLOCK"]
    assert host.verdict("192.0.2.9", 50000, 445) == "block"
    host.restart_service()
    assert _lines(host) == [f"{IN} PERMIT"]


def _assign_stored(host, rule):
    store = stores.change(stores.Store(), {"name": "Q", "rules": [rule]}, assigned=True).store
    stores.put(host, store)


@pytest.mark.parametrize("setting", ["lost_filters", "failed_filters"])
def test_a_filter_that_is_missing_is_not_enforced(host, setting):
    host.set(**{setting: {"r": [2]}})
    _assign(host, _rule("block", "*=0:80:TCP", "*=0:445:TCP", "*=0:139:TCP"))
    assert [line.split()[2] for line in _lines(host)] == ["LOCAL_PORT=80", "LOCAL_PORT=139"]
    assert [host.verdict("192.0.2.9", 50000, port) for port in (80, 445, 139)] == ["block", "permit", "block"]


def test_a_dynamic_filter_can_be_lost(host):
    host.set(lost_filters={"m": [1]})
    host.start_service()
    for words in (
        "mmpolicy m",
        "rule srcaddr=192.0.2.9 dstaddr=me mmpolicy=m actioninbound=block actionoutbound=block",
    ):
        host.netsh(f"ipsec dynamic add {words}".split())
    assert (len(host.dynamic_rules()), _lines(host)) == (1, [])
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"


# the command


@pytest.mark.parametrize(("build", "roots"), [(20348, 1), (22000, 2), (26100, 2)])
def test_the_state_has_two_root_elements_since_windows_11(host, build, roots):
    host.set_version("Windows", 10, 0, build)
    _assign(host, _rule("block", "*=0"))
    code, output = host.netsh(["wfp", "sh", "state", "file = -"])
    tree = ET.fromstring(f"<all>{output.partition('?>')[2]}</all>")
    assert (code, len(tree)) == (0, roots)
    assert len(tree.findall(".//filters/item")) == len(_shown(host))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["wfp"], "was not found"),
        (["wfp", "show"], "was not found"),
        (["wfp", "show", "events", "file=-"], "was not found"),
        (["wfp", "show", "filters"], "syntax"),
        (["wfp", "show", "filters", "file=c:\\x.xml"], "syntax"),
    ],
)
def test_other_commands_are_errors(host, words, text):
    code, output = host.netsh(words)
    assert code == 1
    assert text in output


def test_an_old_windows_has_no_such_command(host):
    host.set_version("Windows Server 2008", 6, 0, 6002)
    assert host.netsh(SHOW)[0] == 1


def test_only_administrators_may_ask(host):
    host.set(administrator=False)
    assert host.netsh(SHOW) == (1, "ERR IPsec[05062] : Access is denied\r\n")


# faults


@pytest.mark.parametrize("fault", ["missing", "denied", "failed"])
def test_a_command_that_fails(host, fault):
    host.set(queries={"filters": fault})
    assert host.netsh(SHOW)[0] == 1
    host.set(queries={})
    assert host.netsh(SHOW)[0] == 0


def test_an_answer_without_filters(host):
    _assign(host, _rule("block", "*=0"))
    host.set(queries={"filters": "empty"})
    assert _shown(host) == []


def test_a_slow_answer(host):
    host.set(queries={"filters": "slow 0.3"})
    start = time.monotonic()
    assert host.netsh(SHOW, patience=60)[0] == 0
    assert time.monotonic() - start >= 0.3


def test_an_answer_that_never_comes(host):
    host.set(queries={"filters": "slow"})
    with pytest.raises(TimeoutError, match="netsh wfp show did not answer within 0"):
        host.netsh(SHOW, patience=0.2)


@pytest.mark.parametrize(("fault", "more"), [("huge 300", 300), ("many 300", 0)])
def test_a_huge_answer(host, fault, more):
    _assign(host, _rule("block", "*=0"))
    few = len(_shown(host))
    host.set(queries={"filters": fault})
    assert (len(_own(host)), len(_shown(host))) == (1 + more, few + 300)


def test_a_huge_answer_is_made_while_it_is_read(host):
    host.set(queries={"filters": "huge 1000000000"})
    code, output = host.netsh_output(SHOW)
    assert code == 0
    assert sum(map(len, itertools.islice(output, 1000))) > 500_000


def test_a_huge_answer_comes_through_the_socket(host):
    host.set(queries={"filters": "huge 3000"})
    programs = Programs(host)
    try:
        code, output = ask(host.folder, "netsh", SHOW)
    finally:
        programs.close()
    assert code == 0
    assert output.count("<filterKey>") == 3000 + len(wfp.others(host))
    assert output.endswith("</wfpdiag>\r\n")


def _is_well_formed(output):
    try:
        ET.fromstring(output.encode(errors="surrogateescape"))
    except ET.ParseError:
        return False
    return True


@pytest.mark.parametrize("kind", query_faults.MALFORMED["filters"])
@pytest.mark.parametrize("what", ["filters", "state"])
def test_a_malformed_answer(host, kind, what):
    command = ["wfp", "show", what, "file=-"]
    _assign(host, _rule("block", "*=0"))
    good = host.netsh(command)[1]
    host.set(queries={"filters": f"malformed {kind}"})
    code, output = host.netsh(command)
    assert (code, output == good) == (0, False)
    # the others are XML with wrong content; an entity can be declared, and Python's parser expands it
    odd = ("entity", "deep", "long", "guid", "layer", "types", "number")
    assert _is_well_formed(output) == (kind in odd)


def test_the_kinds_of_malformed_answers():
    assert tuple(wfp.MALFORMED) == query_faults.MALFORMED["filters"]


@pytest.mark.parametrize(
    ("query", "fault", "message"),
    [
        ("colours", "missing", "there is no query 'colours'; there are filters"),
        ("filters", "wrong", "'wrong' is not a fault of the query filters; use one of missing"),
        ("counters", "huge", "'huge' is not a fault of the query counters"),
        ("sas", "many", "'many' is not a fault"),
        ("sas", "malformed deep", "sas cannot be malformed as 'deep'; use one of types"),
        ("filters", "huge x", "'x' cannot follow 'huge'"),
        ("filters", "missing 5", "'5' cannot follow 'missing'"),
        ("filters", "slow x", "'x' is not a number of seconds"),
    ],
)
def test_a_fault_that_does_not_exist(host, query, fault, message):
    with pytest.raises(ValueError, match=message):
        host.set(queries={query: fault})
    assert host.setting("queries") == {}
