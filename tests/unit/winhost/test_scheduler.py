# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The scheduled tasks of a simulated host: what starts them, and which definitions are refused."""

from __future__ import annotations

import threading

import pytest
from winhost.event_query import Event, QueryError, matches, parse_query_list
from winhost.faults import Course, Killed, Refused
from winhost.host import Host
from winhost.journal import append
from winhost.policy import ASSIGNMENT
from winhost.shells import Command
from winhost.task_xml import TaskError, TimeTrigger
from winhost.tree import STRING

STARTED = "50006F006C006900630079004100670065006E0074002F003400"
SCM = f"*[System[Provider[@Name='Service Control Manager'] and EventID=7036]] and *[EventData[Binary='{STARTED}']]"
AUDIT = "*[System[Provider[@Name='Microsoft-Windows-Security-Auditing'] and (EventID=5478)]]"
BOOT = "<BootTrigger/>"
TIME = (
    "<TimeTrigger><StartBoundary>2020-01-01T00:00:00</StartBoundary>"
    "<Repetition><Interval>PT5M</Interval></Repetition></TimeTrigger>"
)


def _event(log, query):
    query = f'<QueryList><Query Id="0"><Select Path="{log}">{query}</Select></Query></QueryList>'
    return (
        f"<EventTrigger><Subscription>{query.replace('<', '&lt;').replace('>', '&gt;')}</Subscription></EventTrigger>"
    )


def _xml(triggers="", settings="", command="powershell.exe", arguments="-File x.ps1", head=""):
    return (
        f'{head}<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
        f"<Triggers>{triggers}</Triggers>"
        '<Principals><Principal id="Author"><UserId>S-1-5-18</UserId></Principal></Principals>'
        f"<Settings>{settings}</Settings>"
        f'<Actions Context="Author"><Exec><Command>{command}</Command>'
        f"<Arguments>{arguments}</Arguments></Exec></Actions>"
        "</Task>"
    )


@pytest.fixture
def host(tmp_path):
    found = Host(tmp_path / "win1", "win1", "192.0.2.2")
    found.ran = []
    found.tasks.engine = lambda arguments: found.ran.append(arguments) or 0
    return found


def _runs(host):
    return [event[3] for event in host.events("task")]


# what starts tasks


def test_a_task_at_a_boot(host):
    host.tasks.register("t", _xml(BOOT))
    host.boot()
    assert (host.ran, host.events("task")[0][2:]) == (["-File x.ps1"], ["t", "boot", 0])


def test_a_task_at_an_interval(host):
    host.tasks.register("t", _xml(TIME))
    before = host.now()
    host.advance(299 - before % 300)
    assert host.ran == []
    host.advance(1)
    assert len(host.ran) == 1
    host.advance(900)
    assert _runs(host) == ["time"] * 4
    assert host.now() - (before - before % 300) in (1200, 1201)
    assert [event[0] % 300 in (0, 1) for event in host.events("task")] == [True] * 4


def test_a_task_runs_when_time_passes(host):
    host.tasks.register("t", _xml(TIME))
    host.tasks.tick()
    assert host.ran == []
    host.set(clock_offset=300)
    host.tasks.tick()
    host.tasks.tick()
    host.tasks.wait()
    assert len(host.ran) == 1


@pytest.mark.parametrize(
    ("trigger", "due"),
    [
        (TimeTrigger(100), [100]),
        (TimeTrigger(100, 60), [100, 160, 220]),
        (TimeTrigger(40, 60), [100, 160, 220]),
        (TimeTrigger(0, 60, 120), [60, 120]),
        (TimeTrigger(300, 60), []),
    ],
)
def test_when_a_trigger_is_due(trigger, due):
    assert list(trigger.due(50, 250)) == due
    assert [moment for start in range(50, 250) for moment in trigger.due(start, start + 1)] == due


@pytest.mark.parametrize(
    ("log", "query", "settings", "runs"),
    [
        ("System", SCM, {}, ["event 7036"]),
        ("System", SCM, {"service_events": False}, []),
        ("System", SCM.replace("3400", "3100"), {}, []),
        ("Application", SCM, {}, []),
        ("Security", AUDIT, {}, []),
        ("Security", AUDIT, {"audited": True}, ["event 5478"]),
    ],
)
def test_a_task_at_the_start_of_the_service(host, log, query, settings, runs):
    host.set(**settings)
    host.tasks.register("t", _xml(_event(log, query)))
    host.start_service()
    host.tasks.wait()
    assert _runs(host) == runs
    host.start_service()
    host.reload_service()
    host.stop_service()
    host.tasks.wait()
    assert _runs(host) == runs
    host.restart_service()
    assert _runs(host) == runs * 2


def test_a_start_of_the_service_by_another_process_is_noticed(host):
    host.tasks.register("t", _xml(_event("System", SCM)))
    append(host.folder / "service.jsonl", [["start"]])
    host.sync()
    host.tasks.wait()
    assert _runs(host) == ["event 7036"]


def test_a_service_that_runs_already_starts_no_task(host):
    host.tasks.register("t", _xml(_event("System", SCM)))
    host.start_service()
    host.tasks.wait()
    again = Host(host.folder, "win1", "192.0.2.2")
    again.sync()
    again.tasks.wait()
    assert _runs(again) == ["event 7036"]


@pytest.mark.parametrize(("start_type", "runs"), [("automatic", True), ("manual", False), ("disabled", False)])
def test_the_service_after_a_boot(host, start_type, runs):
    host.set_start_type(start_type)
    host.boot()
    assert host.sync_running() is runs
    host.registry.change([("set", ASSIGNMENT, "DSIPSECPolicyPath", STRING, "x")])
    host.boot()
    assert host.sync_running() is (start_type != "disabled")


def test_disabled_tasks_and_triggers_start_nothing(host):
    host.tasks.register("t", _xml(BOOT, settings="<Enabled>false</Enabled>"))
    host.tasks.register("u", _xml("<BootTrigger><Enabled>false</Enabled></BootTrigger>"))
    host.boot()
    assert host.ran == []
    host.tasks.run("u")
    assert _runs(host) == ["demand"]


@pytest.mark.parametrize(("instances", "runs"), [("Queue", 2), ("Parallel", 2), ("IgnoreNew", 1)])
def test_a_task_that_runs_already(host, instances, runs):
    go_on, at_once, most = threading.Event(), [], []

    def run(_arguments):
        at_once.append(1)
        most.append(len(at_once))
        go_on.wait(60)
        at_once.pop()
        return 0

    host.tasks.engine = run
    xml = _xml(BOOT, f"<MultipleInstancesPolicy>{instances}</MultipleInstancesPolicy>")
    host.tasks.register("t", xml)
    host.tasks.boot()
    host.tasks.boot()
    while len(most) < (2 if instances == "Parallel" else 1):
        threading.Event().wait(0.01)
    go_on.set()
    host.tasks.wait()
    assert len(host.events("task")) == runs
    assert max(most) == (2 if instances == "Parallel" else 1)


@pytest.mark.parametrize(
    ("command", "arguments", "code"),
    [
        (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", "-File x", 0),
        ("cmd.exe", "/c x", 2),
        ("powershell.exe", "x" * 32752, 206),
        ("powershell.exe", "x" * 32751, 0),
    ],
)
def test_what_a_task_runs(host, command, arguments, code):
    host.tasks.register("t", _xml(command=command, arguments=arguments))
    host.tasks.run("t")
    assert (host.events("task")[0][2:], len(host.ran)) == (["t", "demand", code], int(code == 0))


# definitions


def test_a_task_is_queried_replaced_and_deleted(host):
    assert host.tasks.query("t") is None
    host.tasks.register("t", _xml(BOOT, head='<?xml version="1.0" encoding="UTF-16"?>\r\n'))
    assert "<URI>\\t</URI>" in host.tasks.query("T")
    host.tasks.register("T", _xml(arguments="-File y.ps1"))
    assert host.tasks.names() == ["t"]
    assert "y.ps1" in Host(host.folder, "win1", "192.0.2.2").tasks.query("\\t")
    with pytest.raises(TaskError, match="already exists"):
        host.tasks.register("t", _xml(), force=False)
    host.tasks.register("u", host.tasks.query("t"))
    assert [host.tasks.delete("t"), host.tasks.delete("t"), host.tasks.names()] == [True, False, ["u"]]
    with pytest.raises(TaskError, match="cannot find"):
        host.tasks.run("t")


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ("", "malformed"),
        ("<Task/>", "unexpected node"),
        (_xml(head='<?xml version="1.0" encoding="UTF-8"?>'), "encoding"),
        (_xml().replace("1.2", "9"), "version"),
        (_xml(command=""), "misses a node: Command"),
        (_xml("<LogonTrigger/>"), "unexpected node: LogonTrigger"),
        (_xml(settings="<Speed>1</Speed>"), "unexpected node: Speed"),
        (_xml(settings="<Enabled>yes</Enabled>"), "Enabled"),
        (_xml(settings="<Enabled>true</Enabled><Enabled>true</Enabled>"), "twice below Settings"),
        (_xml(settings="<MultipleInstancesPolicy>Wait</MultipleInstancesPolicy>"), "MultipleInstancesPolicy"),
        (_xml(settings="<ExecutionTimeLimit>10M</ExecutionTimeLimit>"), "ExecutionTimeLimit"),
        (_xml(settings="<ExecutionTimeLimit>PT</ExecutionTimeLimit>"), "ExecutionTimeLimit"),
        (_xml(TIME.replace("PT5M", "PT30S")), "out of range: Interval"),
        (_xml(TIME.replace("PT5M", "P32D")), "out of range: Interval"),
        (_xml(TIME.replace("<Interval>PT5M</Interval>", "")), "misses a node: Interval"),
        (_xml(TIME.replace("</Interval>", "</Interval><Duration>PT1M</Duration>")), "out of range: Duration"),
        (_xml(TIME.replace("2020-01-01T00:00:00", "")), "misses a node: StartBoundary"),
        (_xml(TIME.replace("2020-01-01T00:00:00", "1.1.2020")), "StartBoundary"),
        (_xml(TIME.replace("2020-01-01T00:00:00", "2020-01-01")), "StartBoundary"),
        (_xml("<EventTrigger/>"), "misses a node: Subscription"),
        (_xml(_event("System", "*[System[")), "query"),
        (_xml(_event("", "*")), "needs Select elements with a Path"),
        (_xml("<EventTrigger><Subscription>x</Subscription></EventTrigger>"), "not XML"),
        (_xml().replace('Context="Author"', 'Context="Other"'), "Context"),
    ],
)
def test_a_wrong_definition_is_refused(host, xml, words):
    with pytest.raises(TaskError, match=words):
        host.tasks.register("t", xml)
    assert host.tasks.names() == []


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a:b"])
def test_a_wrong_name_is_refused(host, name):
    with pytest.raises(TaskError, match="syntax"):
        host.tasks.register(name, _xml())


def test_only_an_administrator_changes_tasks(host):
    host.tasks.register("t", _xml())
    host.set(administrator=False)
    with pytest.raises(TaskError, match="denied"):
        host.tasks.register("u", _xml())
    with pytest.raises(TaskError, match="denied"):
        host.tasks.delete("t")
    assert host.tasks.names() == ["t"]


@pytest.mark.parametrize(
    ("fault", "error", "names"),
    [
        ("denied task", Refused, []),
        ("denied after task", Refused, ["t"]),
        ("kill task", Killed, []),
        ("kill after task", Killed, ["t"]),
        ("cut task", None, ["t"]),
        ("hang task for 0.01", None, ["t"]),
    ],
)
def test_a_fault_when_a_task_is_registered(host, fault, error, names):
    host.faults.add(fault)
    course = Course(host, Command("", 0))
    if error is None:
        host.tasks.register("t", _xml(), course)
    else:
        with pytest.raises(error):
            host.tasks.register("t", _xml(), course)
    assert host.tasks.names() == names
    assert not host.faults


# queries of the event log

EVENT = Event("System", "P", 7, {"param1": "one", "Binary": "AB"})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("*", True),
        ("*[System]", True),
        ("*[Other]", False),
        ("*[System/EventID=7]", True),
        ("*[System[EventID=7 or EventID=8]]", True),
        ("*[System[(EventID=8 or EventID=7) and Provider[@Name='Q']]]", False),
        ("*[System[EventID!=7]]", False),
        ("*[System[EventID>=7 and EventID<8]]", True),
        ("*[EventData[Data[@Name='param1']='one']]", True),
        ("*[EventData[Data='two']]", False),
        ("*[EventData/Binary='AB'] and *[System[Provider[@Name='P']]]", True),
        ("Event[System[EventID=7]]", True),
        ("Event/System/EventID=7", True),
        ("*[Other[EventID=7]]", False),
    ],
)
def test_a_query(query, found):
    assert matches(query, EVENT) is found


@pytest.mark.parametrize(
    "query", ["", "*[", "*[System]]", "*[System[EventID=]]", "*[(System]", "a b", "*[=7]", "*['x]"]
)
def test_a_wrong_query(query):
    with pytest.raises(QueryError):
        matches(query, EVENT)


@pytest.mark.parametrize(
    "text",
    [
        "<Query/>",
        "<QueryList/>",
        "<QueryList><Other/></QueryList>",
        "<QueryList><Query><Suppress Path='a'>*</Suppress></Query></QueryList>",
    ],
)
def test_a_wrong_list_of_queries(text):
    with pytest.raises(QueryError):
        parse_query_list(text)


def test_a_list_of_queries():
    text = "<QueryList><Query Path='A'><Select>*</Select><Select Path='B'> *[System] </Select></Query></QueryList>"
    assert parse_query_list(text) == [("A", "*"), ("B", "*[System]")]
