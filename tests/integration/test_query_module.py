# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Both implementations of the host module report what a host has in force as docs/host-module.md describes it."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import re
import shutil
import threading
import time

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part, read_request, wait_request
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import unpack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from integration.module import Module
from unit import stores
from winhost import query_module
from winhost.engine_powershell import PowerShellEngine
from winhost.host import Host
from winhost.query_module import applied_digest

SLOW = pytest.mark.judge_with("powershell")
AGENT = "{aa6a7d87-7f8f-4d2a-be53-fda555cd5fe3}"
RULES = [
    {"name": "Close SMB", "filters": ["*+0:445:tcp"], "action": "block"},
    {"name": "Secure", "filters": ["0+192.0.2.0/24"], "action": "negotiate"},
]
CLASSES = {
    "associations": ("MSFT_NetMainModeSA", "MSFT_NetQuickModeSA"),
    "counters": tuple(f"Win32_PerfRawData_Counters_{name}" for name in query_module._COUNTERS),
}


def _read(*parts, module):
    """The answer to a read request for some parts."""
    (answer,) = module.ask(json.loads(read_request([Part(part) for part in parts], port=5985)))
    assert answer.get("reason") is None, answer
    return answer


def _wait(module, since, seconds, expect=None, events=(5460, 5465)):
    request = wait_request(since=since, seconds=seconds, events=events, expect=expect)
    (answer,) = module.ask(json.loads(request))
    return answer


def _rows(filters):
    """The lines of the answer, with their names as text."""
    rows = [row.split(";") for row in unpack(filters["rows"]).splitlines()]
    return [[*row[:7], base64.b64decode(row[7]).decode("utf-16-le"), row[8]] for row in rows]


def _assign(host, *rules):
    """Assign a policy and let the service enforce it."""
    before = stores.from_tree(host.store())
    done = stores.change(before, {"name": "P", "rules": list(rules or RULES)}, assigned=True)
    stores.put(host, stores.after(before, done.operations))
    host.reload_service()


@pytest.fixture
def module(tmp_path, engine):
    """The host module of a fresh host whose service runs and is audited."""
    host = Host(tmp_path / "win1", "win1", "127.0.0.1")
    host.set(audited=True)
    host.start_service()
    return Module(host, engine)


def _item(
    name="<name>n</name>",
    provider=AGENT,
    key="{k}",
    layer="L",
    sublayer="S",
    conditions="",
    more="",
    number="1",
    weight="5",
):
    return (
        f"<item><filterKey>{key}</filterKey><displayData>{name}<description/></displayData><flags/>"
        f"<providerKey>{provider}</providerKey><providerData/><layerKey>{layer}</layerKey>"
        f"<subLayerKey>{sublayer}</subLayerKey>{more}<filterCondition>{conditions}</filterCondition>"
        f"<action><type>A</type><filterType/></action><filterId>{number}</filterId>"
        f"<effectiveWeight><type>FWP_UINT64</type><uint64>{weight}</uint64></effectiveWeight></item>"
    )


def _condition(value, kind="T"):
    fields = "<fieldKey>F</fieldKey><matchType>M</matchType>"
    return f"<item>{fields}<conditionValue><type>{kind}</type>{value}</conditionValue></item>"


def _document(*items, start='<?xml version="1.0"?>'):
    return f"{start}\n<wfpdiag>\n<filters>\n" + "\n".join(items) + "\n</filters>\n</wfpdiag>\n"


def _named(*names):
    return _document(*(_item(f"<name>{name}</name>") for name in names))


def _nested(count):
    return "<a>" * count + "</a>" * count


_LONGEST = "x" * query_module.LONGEST
_PROVIDER = f"<providerKey>{AGENT}</providerKey>"
_RANGE = (
    "<rangeValue><valueLow><type>X</type><uint16>1</uint16></valueLow>"
    "<valueHigh><type>X</type><uint16>2</uint16></valueHigh></rangeValue>"
)
_ROW = ["1", "{k}", "L", "S", "A", "", "5", "n", ""]
"""The row of `_item()`."""


def _row(**changes):
    names = ("id", "key", "layer", "sublayer", "action", "callout", "weight", "name", "conditions")
    return [changes.get(name, text) for name, text in zip(names, _ROW, strict=True)]


GOOD = {
    "a filter of ours and one of others": (_document(_item(), _item(provider="{0}")), 2, [_ROW]),
    "two roots": (_document(_item(number="1")) + _document(_item(number="2"), start=""), 2, [_ROW, _row(id="2")]),
    "no filters": ('<wfpdiag><filters numItems="0"/></wfpdiag>', 0, []),
    "a filter without content": (_document("<item/>", _item()), 2, [_ROW]),
    "text around": ("Daten gesammelt.\r\n" + _document(_item(), start="") + "Fertig für heute.\r\n", 1, [_ROW]),
    "a namespace": (_document(_item()).replace("<wfpdiag>", "<wfpdiag xmlns='urn:x'>"), 1, [_ROW]),
    "other case and spaces": (_document(_item(provider=f" {AGENT.upper()}\n", layer="\n L\t")), 1, [_ROW]),
    "the provider at the end": (
        _document(_item().replace(_PROVIDER, "").replace("</item>", f"{_PROVIDER}</item>")),
        1,
        [_ROW],
    ),
    "no provider": (_document(_item().replace("providerKey", "other")), 1, []),
    "a provider that is not a GUID": (_document(_item(provider=AGENT.strip("{}"))), 1, []),
    "another provider after ours": (_document(_item(more="<providerKey>{9}</providerKey>")), 1, []),
    "our provider after another": (_document(_item(provider="{9}", more=_PROVIDER)), 1, []),
    "our provider twice": (_document(_item(more=_PROVIDER)), 1, []),
    "elements twice": (
        _document(_item(more="<layerKey>M</layerKey>", conditions=_condition("<a>1</a><a>2</a><type>3</type>"))),
        1,
        [_row(conditions="F,M,T,1~2")],
    ),
    "elements with others inside": (
        _document(_item(layer="x<y>z</y>", conditions=_condition("<a>1<b>2</b>3</a>"))),
        1,
        [_row(layer="", conditions="F,M,T,2")],
    ),
    "a prefix": (
        _document(_item()).replace("filterId>", "x:filterId>").replace("<wfpdiag>", "<wfpdiag xmlns:x='urn:x'>"),
        1,
        [_ROW],
    ),
    "a filter in a filter of others": (_document(_item("", "{0}", more=f"<filters>{_item()}</filters>")), 1, []),
    "a value with separators": (
        _document(_item(conditions=_condition("<a>C:\\x,1|2;é</a>"))),
        1,
        [_row(conditions="F,M,T,C:?x?1?2??")],
    ),
    "conditions": (
        _document(
            _item(
                conditions=_condition("<uint32>192.0.2.1</uint32>")
                + _condition(_RANGE)
                + _condition("<v4AddrMask><addr>10.0.0.0</addr><mask>255.0.0.0</mask></v4AddrMask>")
                + _condition("<v6AddrMask><addr>fe80::</addr><prefixLength>10</prefixLength></v6AddrMask>")
                + _condition("")
            )
        ),
        1,
        [_row(conditions="F,M,T,192.0.2.1|F,M,T,1~2|F,M,T,10.0.0.0~255.0.0.0|F,M,T,fe80::~10|F,M,T,")],
    ),
    "empty conditions": (_document(_item(conditions="<item/><item>x</item>")), 1, [_row(conditions=",,,|,,,")]),
    "a missing key": (_document(_item().replace("subLayerKey", "other")), 1, [_row(sublayer="")]),
    "a callout": (
        _document(_item().replace("<filterType/>", "<calloutKey>FWPM_CALLOUT_X</calloutKey>")),
        1,
        [_row(callout="FWPM_CALLOUT_X")],
    ),
    "no weight": (_document(_item(weight="")), 1, [_row(weight="")]),
    "names": (
        _named(
            "&lt;&amp;&quot;",
            "é\U0001f511",
            "a;b|c,d~\te",
            "<![CDATA[ <x> &#1; ]]>y",
            "a<!-- b -->c<?d e?>f",
            "",
            "  ",
            "a\r\nb",
        ),
        8,
        [_row(name=name) for name in ('<&"', "é\U0001f511", "a;b|c,d~\te", " <x> &#1; y", "acf", "", "  ", "a\nb")],
    ),
    "names that XML cannot hold": (
        _named("&#0;&#1;&#x1b;", "&#xFFFF;", "&#xD800;", "&#xD83D;&#xDD11;"),
        4,
        [_row(name=name) for name in ("\0\1\x1b", "\uffff", "\ufffd", "\U0001f511")],
    ),
    "no name": (_document(_item("")), 1, [_row(name="")]),
    "the longest name": (_named(_LONGEST), 1, [_row(name=_LONGEST)]),
    "a long text that is not read": (_document(_item(more=f"<a>{_LONGEST * 3}</a>")), 1, [_ROW]),
    "a long text of others": (_document(_item(provider="{0}", more=f"<layerKey>{_LONGEST}x</layerKey>")), 1, []),
    "the deepest elements": (_document(_item(more=_nested(query_module.DEEPEST - 3))), 1, [_ROW]),
    "another encoding is named": (
        _document(_item("<name>ü</name>"), start='<?xml version="1.0" encoding="utf-16"?>'),
        1,
        [_row(name="ü")],
    ),
    "an unknown encoding": (_document(_item(), start='<?xml version="1.0" encoding="klingon"?>'), 1, [_ROW]),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + _named("ü").encode(), 1, [_row(name="ü")]),
    "UTF-16": (b"\xff\xfe" + _named("ü").encode("utf-16-le"), 1, [_row(name="ü")]),
    "big-endian UTF-16": (b"\xfe\xff" + _named("ü").encode("utf-16-be"), 1, [_row(name="ü")]),
    "a code page of the host": (_named("ü").encode("cp850"), 1, [_row(name="\ufffd")]),
    "surrogates in UTF-8": (_named("X").encode().replace(b"X", b"\xed\xa0\x80"), 1, [_row(name="\ufffd" * 3)]),
}
"""What netsh prints, the number of all filters in it, and the rows."""
BAD = {
    "nothing": ("", 1, "there is no element 'filters'"),
    "other text": ("Data collection failed.\r\n", 2, "there is no element 'filters'"),
    "no list": ("<wfpdiag>\n<timeStamp/></wfpdiag>", 2, "there is no element 'filters'"),
    "no end": (_document(_item())[:-50], 4, None),
    "an open second root": (_document(_item()) + "<wfpdiag>", 7, None),
    "a wrong tag": (_document(_item()).replace("</displayData>", "</displaydata>"), 4, None),
    "an entity": (_document(_item("<name>&b;</name>"), start='<!DOCTYPE a [<!ENTITY b "c">]>'), 1, None),
    "many entities": (
        _document(_item("<name>&c;</name>"), start='<!DOCTYPE a [<!ENTITY b "xxxxxxxx"><!ENTITY c "&b;&b;&b;&b;">]>'),
        1,
        None,
    ),
    "an external entity": (
        _document(_item("<name>&b;</name>"), start='<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hosts">]>'),
        1,
        None,
    ),
    "an external declaration": (_document(_item(), start='<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd">'), 1, None),
    "an undeclared entity": (_named("&b;"), 4, None),
    "a declaration behind text": ("x\n" + _document(_item()), 2, None),
    "XML 1.1": (_document(_item(), start='<?xml version="1.1"?>'), 1, None),
    "too deep": (
        _document(_item(more="\n" + _nested(query_module.DEEPEST - 2))),
        4,
        "more than 64 elements are nested",
    ),
    "far too deep": (_document(_item(more=_nested(100_000))), 4, "more than 64 elements are nested"),
    "too deep in others": (_document(_item(provider="{0}", more=_nested(100))), 4, "more than 64 elements are nested"),
    "a name that is too long": (_named("\n" + _LONGEST), 4, "a text is too long"),
    "a condition that is too long": (
        _document(_item(conditions=_condition(f"<a>{_LONGEST}</a>"))),
        4,
        "a text is too long",
    ),
    "a long name of pairs": (_named("\U0001f511" * (query_module.LONGEST // 2 + 1)), 4, "a text is too long"),
    "a control character": (_named("a\x01b"), 4, None),
    "a NUL": (_named("a\0b"), 4, None),
    "no character": (_named("&#x110000;"), 4, None),
    "UTF-16 without a mark": (_document(_item()).encode("utf-16-le"), 1, None),
    "a single ampersand": (_named("a & b"), 4, None),
    "an attribute twice": (_document(_item()).replace("<filters>", "<filters a='1' a='2'>"), 3, None),
    "an unknown prefix": (_document(_item()).replace("filterId>", "x:filterId>"), 4, None),
    "no id": (
        _document("", _item(number="")),
        5,
        "a filter cannot have the id, keys, action and weight ';{k};L;S;A;;5'",
    ),
    "a place far to the right": (_document(f"<!--{_LONGEST}-->" + _item(number="")), 4, "weight ';{k};L;S;A;;5'"),
    "a place far below": (_document("\n" * query_module.LONGEST + _item(number="")), 65_540, "weight ';{k};L;S;A;;5'"),
    "an id in words": (
        _document(_item(number="seventy")),
        4,
        "a filter cannot have the id, keys, action and weight 'seventy;{k};L;S;A;;5'",
    ),
    "an id in other digits": (_document(_item(number="\u0661")), 4, "action and weight '\u0661;{k};L;S;A;;5'"),
    "a huge weight": (_document(_item(weight="1" * 21)), 4, "keys, action and weight '1;{k};L;S;A;;1"),
    "a layer with a separator": (_document(_item(layer="a;b")), 4, "action and weight '1;{k};a;b;S;A;;5'"),
    "a layer with a line break": (
        _document(_item(layer="a\nb")),
        4,
        "a filter cannot have the id, keys, action and weight '1;{k};a b;S;A;;5'",
    ),
    "a type with a separator": (
        _document(_item(conditions=_condition("", "T|U"))),
        4,
        "the field, match and type 'F,M,T|U'",
    ),
    "a key that is too long to show": (_document(_item(key=";" * 1000)), 4, "a filter cannot have the id"),
}
"""What netsh prints, the line of what is wrong, and what is said about it if both implementations say the same."""
FILTERS = json.loads(read_request([Part.FILTERS]))


def _print(module, folder, outputs, code=0):
    """Let netsh print something else each time."""
    outputs = [text if isinstance(text, bytes) else text.encode() for text in outputs]
    if module.engine == "python":
        texts = iter(output.decode(errors="surrogateescape") for output in outputs)
        module.host.netsh = lambda *_arguments, **_options: (code, next(texts))
        return
    folder = folder / "programs"
    folder.mkdir()
    for number, output in enumerate(outputs):
        (folder / f"output {number}").write_bytes(output)
    script = 'cd "${0%/*}"; n=$(cat next); echo $((n + 1)) > next; cat "output $n"'
    (folder / "next").write_text("0\n")
    (folder / "netsh.exe").write_text(f"#!/bin/sh\n{script}; exit {code}\n")
    (folder / "netsh.exe").chmod(0o755)
    module.programs = folder


def test_what_netsh_may_print(module, tmp_path):
    _print(module, tmp_path, [output for output, _total, _rows in GOOD.values()])
    answers = module.ask(*[FILTERS] * len(GOOD))
    for (case, (_output, total, rows)), answer in zip(GOOD.items(), answers, strict=True):
        found = answer.get("filters")
        assert found, (case, answer)
        assert (case, _rows(found)) == (case, rows)
        counts = (found["count"], found["total"], found["truncated"], found["error"])
        assert (case, counts) == (case, (len(rows), total, False, None))


def test_what_cannot_be_read_ends_the_request_with_its_place(module, tmp_path):
    _print(module, tmp_path, [output for output, _line, _problem in BAD.values()])
    answers = module.ask(*[FILTERS] * len(BAD))
    for (case, (_output, line, problem)), answer in zip(BAD.items(), answers, strict=True):
        assert (case, answer.get("failed"), answer.get("reason")) == (case, True, "malformed")
        found = re.fullmatch(r"netsh wfp show filters: line (\d+), column \d+: (.+)", answer["msg"])
        assert found, (case, answer["msg"])
        assert (case, int(found[1])) == (case, line)
        assert problem is None or problem in found[2], case
        assert len(answer["msg"]) < 400
        assert answer["msg"].isprintable()


def test_both_engines_say_the_same_place_for_what_only_the_host_module_refuses(tmp_path, both_engines):
    outputs = {case: output for case, (output, _line, problem) in BAD.items() if problem}
    answers = []
    for engine in both_engines:
        module = Module(Host(tmp_path / engine, "win1", "127.0.0.1"), engine)
        _print(module, tmp_path, outputs.values())
        answers.append([answer["msg"] for answer in module.ask(*[FILTERS] * len(outputs))])
    assert dict(zip(outputs, answers[0], strict=True)) == dict(zip(outputs, answers[1], strict=True))


def test_a_program_that_fails(module, tmp_path):
    _print(module, tmp_path, ["Zugriff verweigert: 5 < 6 & ü.\r\n", "x" * 100_000, _document(_item())], code=1)
    answers = module.ask(*[FILTERS] * 3)
    assert [answer["filters"]["error"] for answer in answers] == [
        {"reason": "failed", "detail": "Zugriff verweigert: 5 < 6 & ü."},
        {"reason": "failed", "detail": "x" * 1000},
        {"reason": "failed", "detail": _document(_item())[:1000].strip()},
    ]


def test_a_host_with_a_policy(module):
    _assign(module.host)
    filters = _read("filters", module=module)["filters"]
    rows = _rows(filters)
    assert (filters["count"], filters["truncated"], filters["error"]) == (len(rows), False, None)
    assert filters["total"] > filters["count"]
    names = {"Close SMB": "FWP_ACTION_BLOCK", "Secure": "FWP_ACTION_CALLOUT_TERMINATING"}
    assert {(row[7], row[4]) for row in rows if "TRANSPORT" in row[2]} == set(names.items())
    (inbound,) = (row for row in rows if row[7] == "Close SMB" and row[2] == "FWPM_LAYER_INBOUND_TRANSPORT_V4")
    assert inbound[8] == (
        "FWPM_CONDITION_IP_PROTOCOL,FWP_MATCH_EQUAL,FWP_UINT8,6|FWPM_CONDITION_IP_LOCAL_PORT,FWP_MATCH_EQUAL,FWP_UINT16,445"
    )
    assert {row[5] for row in rows if row[7] == "Secure" and "TRANSPORT" in row[2]} == {
        "FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V4",
        "FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V4",
    }


def test_both_engines_read_the_same(tmp_path, both_engines):
    answers = []
    for engine in both_engines:
        host = Host(tmp_path / engine, "win1", "127.0.0.1")
        host.set(
            language="de",
            audited="failure",
            load_error="5",
            associations=[{"remote": "192.0.2.9", "quick": [{}, {"LocalPort": 445}]}, {"remote": "2001:db8::9"}],
            counters={
                "IPsecDriver": {"SARekeys": 2**32 - 1},
                "IPsecConnections": {"TotalBytesInsincestart": 2**64 - 1},
            },
        )
        host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
        host.assign_domain_policy("LDAP://CN=x", "Corp\u00fc", host.store())
        host.start_service()
        answer = _read(*CLASSES, "filters", "events", "rsop", module=Module(host, engine))
        for event in answer["events"]["rows"]:
            assert abs(event.pop("time") - host.now()) < 30
        answer["filters"]["rows"] = unpack(answer["filters"]["rows"])
        answers.append(answer)
    assert answers[0] == answers[1]
    found = answers[0]
    assert found["events"]["audit"] == "Fehler"
    assert [(event["id"], event["data"]["Policy"]) for event in found["events"]["rows"]] == [(5457, "Corp\u00fc")]
    main, quick = (found["associations"][mode] for mode in ("main_mode", "quick_mode"))
    assert [item["RemoteEndpoint"] for item in main] == ["192.0.2.9", "2001:db8::9"]
    assert main[0]["LocalFirstId"]["Identity"] == "WIN1$@EXAMPLE.TEST"
    assert not main[0].keys() & {*query_module._IGNORED, "VendorID"}
    assert [(item["LocalPort"], item["LifetimeSeconds"]) for item in quick] == [(0, 3600), (445, 3600), (0, 3600)]
    counters = found["counters"]["classes"]
    assert counters.keys() == set(CLASSES["counters"])
    assert counters["Win32_PerfRawData_Counters_IPsecConnections"]["TotalBytesInsincestart"] == 2**64 - 1
    for part, classes in CLASSES.items():
        assert found[part]["errors"] == dict.fromkeys(classes)
    objects = found["rsop"]["objects"]
    store = stores.windows_2022()
    datas = {store.get(path, "ipsecData").data for path in store.paths() if store.get(path, "ipsecData")}
    assert {base64.b64decode(item["ipsecData"]) for item in objects if "ipsecData" in item} == datas
    assert {found["rsop"]["gpos"][item["GPOID"]] for item in objects} == {"IPsec of the domain"}
    assert any(len(item.get("ipsecNFAReference", [])) > 1 for item in objects)


def test_the_last_events_are_read_newest_first(module):
    for _time in range(30):
        module.host.reload_service()
    module.host.stop_service()
    module.host.start_service()
    events = _read("events", module=module)["events"]
    records = [event["record"] for event in events["rows"]]
    assert records == sorted(records, reverse=True)
    # those about the service itself, 5478 and 5479, are not about policies
    assert {event["id"] for event in events["rows"]} == {5465}
    assert (len(records), events["error"], events["audit"]) == (30, None, "Success and Failure")
    for _time in range(30):
        module.host.reload_service()
    assert len(_read("events", module=module)["events"]["rows"]) == 50


def test_no_event_is_not_an_error(module):
    module.host.set(audited=False)
    events = _read("events", module=module)["events"]
    assert (events["rows"], events["audit"], events["error"]) == ([], "No Auditing", None)


def test_odd_texts_in_events(module):
    for kind in ("types", "names"):
        module.host.set(queries={"events": f"malformed {kind}"})
        event = _read("events", module=module)["events"]["rows"][0]
        assert (event["id"], event["record"]) == (5461, 2**63)
        expected = {"types": {"Policy": "a\0b\x1b[31m", "Error": "x" * 100_000}, "names": {"": "1", "Errör": "<Data>"}}
        assert event["data"] == expected[kind]


@SLOW
def test_auditpol_that_says_nothing_useful(module):
    for fault in ("missing", "denied", "failed", "empty", "malformed truncated", "malformed guid", "malformed text"):
        module.host.set(queries={"auditpol": fault})
        events = _read("events", module=module)["events"]
        assert (fault, events["audit"], events["error"]) == (fault, None, None)


ALL = ("filters", "events", *CLASSES, "rsop")


def _errors(answer):
    """The errors of all parts; those of classes as the set of all of them."""
    found = {part: answer[part]["error"] for part in ("filters", "events", "rsop")}
    for part in CLASSES:
        assert set(answer[part]["errors"]) == set(CLASSES[part])
        (found[part],) = {json.dumps(error, sort_keys=True) for error in answer[part]["errors"].values()}
        found[part] = json.loads(found[part])
    return {part: error and error["reason"] for part, error in found.items()}


def _queries(fault):
    return {"queries": dict.fromkeys(("filters", "events", "sas", "counters", "rsop"), fault)}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (_queries("denied"), {"filters": "failed", **dict.fromkeys(("events", "rsop", *CLASSES), "access_denied")}),
        ({"administrator": False}, dict.fromkeys(ALL, "access_denied")),
        (
            _queries("missing"),
            {"filters": "failed", "events": "failed", **dict.fromkeys(("rsop", *CLASSES), "no_class")},
        ),
        (_queries("failed"), dict.fromkeys(ALL, "failed")),
        (_queries("empty"), {**dict.fromkeys(ALL), "counters": "failed"}),
    ],
    ids=["denied", "no administrator", "missing", "failed", "empty"],
)
def test_the_reason_for_what_is_missing(module, settings, expected):
    module.host.set(**settings)
    answer = _read(*ALL, module=module)
    assert _errors(answer) == expected
    assert (answer["filters"]["rows"], answer["filters"]["count"], answer["events"]["rows"]) == ("", 0, [])
    assert [answer["associations"][mode] for mode in ("main_mode", "quick_mode")] == [[], []]
    assert (answer["counters"]["classes"], answer["rsop"]["objects"], answer["rsop"]["gpos"]) == ({}, [], {})
    if expected["filters"]:
        assert answer["filters"]["error"]["detail"]


def _change_environment(monkeypatch, change):
    """Change the environment of PowerShell."""
    original = PowerShellEngine.environment
    monkeypatch.setattr(PowerShellEngine, "environment", lambda engine: change(original(engine)))


@pytest.mark.engines("powershell")
def test_programs_that_do_not_exist(module, tmp_path, monkeypatch):
    def without_programs(environment):
        (tmp_path / "powershell").symlink_to(pathlib.Path(shutil.which("pwsh")).resolve())
        return environment | {"PATH": str(tmp_path)}

    _change_environment(monkeypatch, without_programs)
    answer = _read("filters", "events", module=module)
    assert answer["filters"]["error"]["reason"] == "no_program"
    assert (answer["events"]["audit"], answer["events"]["error"]) == (None, None)


def test_windows_7_has_no_classes_of_associations(module):
    module.host.set_version("Windows 7", 6, 1, 7601)
    found = _read("associations", module=module)["associations"]
    assert found["errors"] == {name: {"reason": "too_old", "detail": ""} for name in CLASSES["associations"]}
    assert (found["main_mode"], found["quick_mode"], found["truncated"]) == ([], [], False)


def test_odd_values_of_classes(module):
    module.host.set(
        associations=[{"remote": "192.0.2.9"}],
        queries={"sas": "malformed identity", "counters": "malformed types", "rsop": "malformed text"},
    )
    answer = _read(*CLASSES, "rsop", module=module)
    (main,) = answer["associations"]["main_mode"]
    assert (main["LocalFirstId"], main["RemoteFirstId"]) == ("WIN1", {"Identity": 5})
    # a counter that is not a number is left out
    assert all("six" not in values.values() for values in answer["counters"]["classes"].values())
    (found,) = answer["rsop"]["objects"]
    assert "a\0b\x1b[31m" + "x" * 100_000 in found.values()


@SLOW
def test_of_many_instances_only_some_are_returned(module):
    module.host.set(queries={"sas": "huge 6000", "rsop": "huge 20001", "events": "huge 3000"})
    answer = _read("associations", "rsop", "events", module=module)
    found = answer["associations"]
    assert (len(found["main_mode"]), len(found["quick_mode"]), found["truncated"]) == (5000, 5000, True)
    assert (answer["rsop"]["objects"], answer["rsop"]["error"]["reason"]) == ([], "failed")
    assert answer["rsop"]["error"]["detail"] == "there are more than 20000 objects"
    assert len(answer["events"]["rows"]) == 50


@SLOW
def test_of_many_filters_only_some_are_returned(module):
    module.host.set(queries={"filters": "huge 20003"})
    filters = _read("filters", module=module)["filters"]
    rows = _rows(filters)
    assert (len(rows), filters["count"], filters["truncated"]) == (20_000, 20_003, True)
    assert filters["total"] > filters["count"]
    numbers = [int(row[0]) for row in rows]
    assert numbers == sorted(numbers)
    # a task on the controller reads this, too
    assert len(filters["rows"]) < 2_000_000


@pytest.mark.engines("powershell")
def test_much_output_takes_little_memory(module, tmp_path, monkeypatch):
    _change_environment(monkeypatch, lambda environment: environment | {"DOTNET_GCHeapHardLimit": hex(100 << 20)})
    items = [_item(provider="{0}", conditions=_condition(f"<a>{number}</a>") * 10) for number in range(35_000)]
    output = _document(*items, _item())
    assert len(output) > 50_000_000
    _print(module, tmp_path, [output])
    filters = _read("filters", module=module)["filters"]
    assert (_rows(filters), filters["total"]) == ([_ROW], 35_001)


@pytest.mark.engines("python")
def test_what_does_not_answer_in_time_is_missing(module, monkeypatch):
    monkeypatch.setattr(query_module, "LIMIT", 0.2)
    module.host.set(queries=dict.fromkeys(("filters", "events", "sas", "counters", "rsop", "auditpol"), "slow"))
    answer = _read(*ALL, module=module)
    assert _errors(answer) == dict.fromkeys(ALL, "timed_out")
    assert answer["events"]["audit"] is None
    # the other classes of a namespace are not asked then
    assert [event[2] for event in module.host.events("query")] == [
        "filters",
        "auditpol",
        "events",
        "sas",
        "counters",
        "rsop",
    ]


@pytest.mark.judge
@pytest.mark.engines("powershell")
def test_a_host_that_hangs_is_not_waited_for(module, tmp_path):
    module.limit(tmp_path / "plugins", 5)
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "netsh.exe").write_text(f"#!/bin/sh\necho '<wfpdiag>'; touch {folder}/$$; exec sleep 300\n")
    (folder / "netsh.exe").chmod(0o755)
    module.programs = folder
    module.host.set(queries=dict.fromkeys(("events", "sas"), "slow 300"))
    answer = _read("filters", "events", "associations", module=module)
    assert answer["filters"]["error"] == {
        "reason": "timed_out",
        "detail": "netsh.exe did not end within 5 seconds and was stopped",
    }
    (hanging,) = (path.name for path in folder.iterdir() if path.name.isdigit())
    assert not pathlib.Path("/proc", hanging).exists()
    errors = [answer["events"]["error"], *answer["associations"]["errors"].values()]
    assert {error["reason"] for error in errors} == {"timed_out"}
    assert [event[2] for event in module.host.events("query")] == ["auditpol", "events", "sas"]


def _after_the_first_look(host, action):
    """Do something to the host when it is asked for its filters the next time."""

    before = _looks(host)

    def run():
        while _looks(host) == before:
            time.sleep(0.05)
        # an event of an earlier second is not a new one
        time.sleep(1.5)
        action()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def _looks(host):
    return sum(event[2] == "filters" for event in host.events("query"))


def test_waiting_ends_with_an_event(module):
    host = module.host
    host.reload_service()
    thread = _after_the_first_look(host, host.reload_service)
    answer = _wait(module, host.now() + 1, 60)
    thread.join()
    rows = answer["events"]["rows"]
    assert [row["id"] for row in rows] == [5465, 5465]
    assert rows[0]["time"] >= rows[1]["time"]
    assert 1 <= answer["waited"] < 60
    assert _looks(host) >= 2
    assert answer["service"] == {"status": "running", "start_type": "manual"}


@SLOW
def test_an_event_of_that_second_ends_waiting_at_once(module):
    since = module.host.now()
    module.host.reload_service()
    assert _wait(module, since, 600)["events"]["rows"]
    assert _looks(module.host) == 1


@SLOW
def test_an_event_that_says_nothing_does_not_end_waiting(module):
    since = module.host.now()
    module.host.poll()
    answer = _wait(module, since, 2)
    assert [row["id"] for row in answer["events"]["rows"]] == [5463]
    assert answer["waited"] >= 2


def test_waiting_ends_with_the_expected_filters(module):
    host = module.host
    host.set(audited=False)
    _assign(host)
    filters = _read("filters", module=module)["filters"]
    expect = applied_digest(unpack(filters["rows"]).splitlines())
    host.stop_service()
    since = host.now() + 1000
    thread = _after_the_first_look(host, host.start_service)
    answer = _wait(module, since, 60, expect)
    thread.join()
    assert (answer["filters"]["count"], answer["filters"]["error"]) == (filters["count"], None)
    # other ids and keys than before
    assert answer["filters"]["rows"] != filters["rows"]
    assert 1 <= answer["waited"] < 60
    before = _looks(host)
    assert _wait(module, since, 600, expect)["filters"]["count"] == filters["count"]
    assert _looks(host) == before + 1


@SLOW
@pytest.mark.parametrize("expect", [None, "0" * 64, applied_digest([])], ids=["nothing", "others", "none"])
def test_waiting_ends_after_some_time(module, expect):
    # filters that cannot be read are not none
    module.host.set(queries={"filters": "failed"})
    module.host.reload_service()
    answer = _wait(module, module.host.now() + 1000, 1, expect)
    assert answer["waited"] >= 1
    assert answer["filters"]["error"]["reason"] == "failed"
    assert [row["id"] for row in answer["events"]["rows"]] == [5465]


@SLOW
def test_no_filters_can_be_expected(module):
    assert _wait(module, module.host.now() + 1000, 600, applied_digest([]))["filters"]["count"] == 0
    assert _looks(module.host) == 1


@SLOW
def test_what_cannot_be_read_ends_waiting(module, tmp_path):
    _print(module, tmp_path, ["<wfpdiag>"])
    answer = _wait(module, module.host.now() + 1000, 60)
    assert (answer["failed"], answer["reason"]) == (True, "malformed")


def test_the_digest_does_not_depend_on_order_and_other_columns():
    """Each line is layer;action;callout;conditions."""
    rows = ["1;{a};L;S;A;C;5;bgA=;x,1|w,2", "2;{b};L;T;A;C;6;;w,2|x,1", "3;{c};K;S;B;;7;;"]
    expected = hashlib.sha256(b"K;B;;\nL;A;C;w,2|x,1\n").hexdigest()
    assert applied_digest(rows) == applied_digest(rows[::-1]) == applied_digest(rows[1:]) == expected


def test_both_engines_have_the_same_digest(tmp_path, both_engines):
    condition = [_condition(f"<a>{text}</a>") for text in ("B", "a", "~", "_", "1")]
    outputs = [_document(_item(conditions="".join(condition[:n]), layer=layer)) for n, layer in ((5, "b"), (3, "B"))]
    output = outputs[0] + outputs[1].partition("\n")[2]
    for engine in both_engines:
        module = Module(Host(tmp_path / engine, "win1", "127.0.0.1"), engine)
        # netsh prints nothing the third time, which would be an error
        _print(module, tmp_path / engine, [output, output, ""])
        rows = unpack(_read("filters", module=module)["filters"]["rows"]).splitlines()
        assert _wait(module, module.host.now() + 1000, 600, applied_digest(rows))["filters"]["count"] == 2


def test_an_apply_answers_the_clock_before_the_service_is_notified(module):
    host = module.host
    host.set(clock_offset=-86400)
    store = stores.from_tree(host.store())
    request = {
        "protocol": 2,
        "do": "apply",
        "expect": store.digest(),
        "operations": stores.packed([]),
        "result": store.digest(),
        "mark_pending": False,
        "service": {"start_type": None, "notify": "reload"},
    }
    begun = host.now()
    notified, conflict = module.ask(request, {**request, "expect": "0" * 64})
    ((asked, *_action),) = (event for event in host.events("service") if event[2] == "control")
    assert begun <= notified["now"] <= asked
    assert notified["now"] <= conflict["now"] <= host.now()
    failed = {**request, "operations": stores.packed([Set("missing", "n", Value.number(1))])}
    (answer,) = module.ask(failed)
    assert answer["error"]
    assert begun <= answer["now"] <= host.now()


@pytest.mark.engines("powershell")
def test_data_of_the_resultant_set_of_policy_is_in_no_log(host, player):
    host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    host.assign_domain_policy("LDAP://CN=x", "Corp", host.store())
    host.set(event_log=True)
    request = read_request([Part.RSOP, Part.ASSOCIATIONS])
    run = player.play(host, {"ipsec.windows.__private.ipsec_host": {"request": request}})
    datas = [item["ipsecData"] for item in run[0].result["rsop"]["objects"] if "ipsecData" in item]
    assert datas
    log = host.event_log.read_text(errors="replace")
    assert "Get-ResultantPolicy" in log
    assert "RSOP_IPSECPolicySetting" in log
    for data in datas:
        numbers = list(base64.b64decode(data))
        assert data not in log
        assert not any(separator.join(map(str, numbers[:8])) in log for separator in (" ", ", ", ","))
