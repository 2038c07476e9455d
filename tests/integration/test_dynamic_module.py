# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Both implementations of the host module handle dynamic rules as docs/host-module.md describes it."""

from __future__ import annotations

import base64
import collections
import pathlib
import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import Applied, HostState, parse_notified
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.dynamic import DynamicRequest, ReplayTask
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.task import TASK_NAME, task_xml
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from integration.key_search import KEY, Processes, where
from integration.module import Module
from unit import stores
from winhost.host import RECORD, Host

PARTS = ["store", "service", "record", "dynamic"]
READ = {"protocol": 2, "do": "read", "parts": PARTS, "names": [], "interfaces": [], "port": 5985}
NO_SERVICE = {"start_type": None, "notify": None}
ONE, TWO, OLD = (f"ipsec.windows-{digit * 12}" for digit in "12f")
KEY = KEY.encode("ascii", "replace").decode()
NAMED = 2
"""How often the list of rules names a rule that negotiates, for each filter: it has two policies of that name."""
OTHERS = "srcaddr=me dstaddr=198.51.100.1 protocol=ANY srcport=0 dstport=0 mirrored=yes conntype=all"


def _selector(number):
    return f"srcaddr=me dstaddr=192.0.2.{number} protocol=TCP srcport=0 dstport=443 mirrored=yes conntype=all"


def _policies(name):
    return [
        f'add mmpolicy name="{name}" qmpermm=0 mmlifetime=480 softsaexpirationtime=300 mmsecmethods="3DES-SHA1-3"',
        f'add qmpolicy name="{name}" soft=no pfsgroup=NOPFS qmsecmethods="ESP[3DES,SHA1]:100000k/3600s"',
    ]


def _rule(name, *numbers, folder="Rules", order=1):
    """The operations that record a rule with a filter for each number."""
    settings = (
        f'mmpolicy="{name}" qmpolicy="{name}" actioninbound=negotiate actionoutbound=negotiate kerberos=no psk="{KEY}"'
    )
    path = f"{folder}\\{name}"
    return [
        Create(path),
        Set(path, "Order", Value.number(order)),
        Set(path, "Policies", Value.strings(_policies(name))),
        Set(path, "Rules", Value.strings(f"{_selector(number)}\t{settings}" for number in numbers)),
    ]


def _remove(name, *numbers):
    return [*_rule(name, *numbers, folder="Removed"), Delete(f"Rules\\{name}")]


def _without_shown(store):
    found = store.copy()
    found.change(Delete("Shown"))
    return found


class Desk:
    """A host and requests to its host module about dynamic rules."""

    def __init__(self, host, engine):
        self.host = host
        self.module = Module(host, engine)

    @property
    def record(self):
        return stores.from_tree(self.host.tree, RECORD)

    @property
    def shown(self):
        return {name: value.data for name, value in self.record.values("Shown").items()}

    def request(self, *operations, policies=(), service=None, expect=None, **options):
        before, policies_before = _without_shown(self.record), stores.from_tree(self.host.store())
        after, policies_after = before.copy(), policies_before.copy()
        for operation in operations:
            after.change(operation)
        for operation in policies:
            policies_after.change(operation)
        dynamic = DynamicRequest(
            expect=expect or before.digest(), operations=operations, result=after.digest(), **options
        )
        return {
            "protocol": 2,
            "do": "apply",
            "expect": policies_before.digest(),
            "operations": stores.packed(policies),
            "result": policies_after.digest(),
            "mark_pending": False,
            "service": service or NO_SERVICE,
            "dynamic": dynamic.render(),
        }

    def apply(self, *operations, **options):
        (answer,) = self.module.ask(self.request(*operations, **options))
        return Applied.parse(answer)

    def done(self, *operations, **options):
        """What an apply without problems says about dynamic rules."""
        found = self.apply(*operations, **options).dynamic
        assert (found.error, found.missing, found.left, found.record) == (None, (), (), None)
        assert found.applied == len(operations)
        return found

    def read(self):
        return HostState.parse(self.module.ask(READ)[0], [Part(part) for part in PARTS])

    @property
    def listing(self):
        return self.read().dynamic

    def netsh(self, command):
        return self.host.netsh(["ipsec", "dynamic", *(word.replace('"', "") for word in _words(command))], "", None)

    def rules(self):
        """The names of the rules that exist, with the number of filters of each."""
        return dict(collections.Counter(rule.main_mode.name for rule in self.host.dynamic_rules()))

    def policies(self):
        """All names of ours among the policies."""
        texts = [self.netsh(f"show {kind} all")[1] for kind in ("mmpolicy", "qmpolicy")]
        return [sorted(set(re.findall(r"ipsec\.windows-[0-9a-f]{12}", text))) for text in texts]


def _words(command):
    return re.findall(r'(?:[^\s"]|"[^"]*")+', command)


@pytest.fixture
def desk(tmp_path, engine):
    """A fresh host whose service runs."""
    host = Host(tmp_path / "win1", "win1", "127.0.0.1")
    host.start_service()
    return Desk(host, engine)


def test_a_fresh_host_has_no_dynamic_rules(desk):
    state = desk.read()
    assert (state.record.paths(), state.record_digest) == ([], Store().digest())
    listing = state.dynamic
    assert (listing.rules, listing.policies, listing.empty, listing.config, listing.task) == (
        {},
        frozenset(),
        True,
        None,
        None,
    )


def test_rules_are_added_and_read_back(desk):
    first = desk.done(*_rule(ONE, 1, 2), *_rule(TWO, 3, order=2))
    assert first.record_digest == _without_shown(desk.record).digest()
    assert desk.rules() == {ONE: 2, TWO: 1}
    assert desk.policies() == [[ONE, TWO], [ONE, TWO]]
    assert desk.shown == {ONE: 2 * NAMED, TWO: NAMED}
    state = desk.read()
    assert state.record.text() == desk.record.text()
    assert state.record_digest == first.record_digest
    assert (state.dynamic.rules, state.dynamic.policies, state.dynamic.empty) == (
        {ONE: 2 * NAMED, TWO: NAMED},
        {ONE, TWO},
        False,
    )


def test_the_key_of_the_record_is_only_for_administrators(desk):
    desk.done(*_rule(ONE, 1))
    ((_time, _name, key, sddl),) = desk.host.events("registry_security")
    assert key.endswith(r"\SOFTWARE\ipsec.windows.dynamic")
    assert sddl == "D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)"


def test_another_record_than_expected_is_a_conflict(desk):
    desk.done(*_rule(ONE, 1))
    journal = desk.host.registry.path.stat().st_size
    request = desk.request(*_rule(TWO, 2), policies=[Create("key")], expect="0" * 64, task_xml=task_xml(5))
    (answer,) = desk.module.ask(request)
    applied = Applied.parse(answer)
    assert (applied.conflict, applied.applied, applied.dynamic.applied, applied.service) == (True, 0, 0, None)
    assert applied.dynamic.record.text() == desk.record.text()
    assert applied.dynamic.record_digest == _without_shown(desk.record).digest()
    assert desk.host.registry.path.stat().st_size == journal
    assert desk.host.tasks.query(TASK_NAME) is None
    assert desk.rules() == {ONE: 1}


def test_another_policy_store_than_expected_changes_no_dynamic_rule(desk):
    request = desk.request(*_rule(ONE, 1), task_xml=task_xml(5))
    (answer,) = desk.module.ask({**request, "expect": "0" * 64})
    applied = Applied.parse({**answer, "digest": Store().digest()})
    assert applied.conflict
    assert (applied.store.paths(), applied.dynamic.record.paths()) == ([], [])
    assert desk.record.paths() == []
    assert desk.host.tasks.query(TASK_NAME) is None
    assert desk.rules() == {}


def test_what_a_replay_writes_is_not_a_conflict(desk):
    desk.done(*_rule(ONE, 1))
    request = desk.request(*_rule(TWO, 2))
    desk.host.registry.change([("set", rf"{RECORD}\Shown", ONE, 4, 5), ("create", rf"{RECORD}\Shown\below")])
    assert Applied.parse(desk.module.ask(request)[0]).conflict is False


def test_policies_and_dynamic_rules_change_in_one_request(desk):
    service = {"start_type": "automatic", "notify": "start"}
    desk.host.stop_service()
    applied = desk.apply(*_rule(ONE, 1), policies=[Create("key")], service=service)
    assert (applied.applied, applied.store, applied.error, applied.service.notification) == (1, None, None, "started")
    assert (applied.dynamic.error, desk.rules()) == (None, {ONE: 1})


def test_operations_on_the_record_that_fail_are_reported(desk):
    request = desk.request(*_rule(ONE, 1))
    broken = [Create(f"Rules\\{ONE}"), Set("Rules\\missing", "n", Value.number(1)), Create("never made")]
    request["dynamic"]["operations"] = stores.packed(broken)
    applied = Applied.parse(desk.module.ask(request)[0])
    found = applied.dynamic
    assert (applied.error, found.applied, found.error) == (None, 1, "the key Rules\\missing does not exist")
    assert found.record.text() == desk.record.text()
    assert found.record_digest == desk.record.digest()
    assert desk.rules() == {}


def test_operations_on_policies_that_fail_leave_dynamic_rules_alone(desk):
    request = desk.request(*_rule(ONE, 1))
    request["operations"] = stores.packed([Set("missing", "n", Value.number(1))])
    applied = Applied.parse(desk.module.ask(request)[0])
    assert applied.error == "the key missing does not exist"
    assert applied.dynamic.applied == 0
    assert (desk.record.paths(), desk.rules()) == ([], {})


def test_without_run_nothing_is_added_until_a_notification(desk):
    desk.apply(*_rule(ONE, 1), run=False)
    assert desk.rules() == {}
    notify = {"protocol": 2, "do": "notify", "service": {"start_type": None, "notify": "start"}}
    service, nothing = parse_notified(desk.module.ask(notify)[0])
    assert (service.notification, nothing, desk.rules()) == ("asked", None, {})
    _service, dynamic = parse_notified(desk.module.ask({**notify, "dynamic": True})[0])
    assert (dynamic.missing, dynamic.error, desk.rules()) == ((), None, {ONE: 1})
    assert dynamic.record_digest == _without_shown(desk.record).digest()


def test_nothing_is_added_while_the_service_does_not_run(desk):
    desk.host.stop_service()
    found = desk.done(*_rule(ONE, 1))
    assert (found.missing, desk.shown) == ((), {})
    listing = desk.listing
    assert (listing.rules, listing.policies, listing.empty, listing.config) == ({}, frozenset(), True, None)
    desk.host.start_service()
    desk.done()
    assert desk.rules() == {ONE: 1}


def test_lost_rules_are_added_again(desk):
    desk.done(*_rule(ONE, 1, 2))
    desk.host.stop_service()
    desk.host.start_service()
    assert desk.listing.rules == {}
    desk.done()
    assert (desk.rules(), desk.shown) == ({ONE: 2}, {ONE: 2 * NAMED})


def test_a_filter_that_is_deleted_by_hand_is_added_again(desk):
    desk.done(*_rule(ONE, 1, 2, 3))
    assert desk.netsh(f"delete rule {_selector(2)}")[0] == 0
    assert desk.listing.rules == {ONE: 2 * NAMED}
    found = desk.done()
    # what exists already is an error that does no harm
    assert found.errors
    assert (desk.rules(), desk.shown) == ({ONE: 3}, {ONE: 3 * NAMED})


def test_nothing_runs_while_nothing_is_missing_or_left(desk):
    desk.done(*_rule(ONE, 1))
    journal = desk.host.registry.path.stat().st_size
    assert desk.done().errors == ()
    assert desk.host.registry.path.stat().st_size == journal


def test_removed_rules_go_and_the_last_one_takes_the_record_and_the_task(desk):
    desk.done(*_rule(ONE, 1), *_rule(TWO, 2), task_xml=task_xml(5))
    desk.done(*_remove(ONE, 1))
    assert (desk.rules(), desk.policies()) == ({TWO: 1}, [[TWO], [TWO]])
    assert f"Removed\\{ONE}" not in desk.record
    assert desk.shown == {TWO: NAMED}
    assert desk.host.tasks.query(TASK_NAME) is not None
    desk.done(*_remove(TWO, 2))
    assert (desk.rules(), desk.policies(), desk.record.paths()) == ({}, [[], []], [])
    assert desk.host.tasks.query(TASK_NAME) is None


def test_a_rule_is_removed_while_the_service_does_not_run(desk):
    desk.done(*_rule(ONE, 1), task_xml=task_xml(5))
    desk.host.stop_service()
    desk.done(*_remove(ONE, 1))
    assert desk.record.paths() == []
    assert desk.host.tasks.query(TASK_NAME) is None


def test_a_rule_with_the_same_filter_replaces_another(desk):
    desk.done(*_rule(OLD, 1, 2))
    desk.done(*_rule(ONE, 1, 3), *_remove(OLD, 1, 2))
    assert (desk.rules(), desk.policies()) == ({ONE: 2}, [[ONE], [ONE]])
    assert desk.netsh(f"delete rule {_selector(2)}")[0] != 0
    assert desk.netsh(f"delete rule {_selector(3)}")[0] == 0


def test_a_removed_rule_that_netsh_does_not_name_leaves_the_rules_of_others(desk):
    desk.done(*_rule(ONE, 1))
    desk.netsh(f"delete rule {_selector(1)}")
    _add_of_others(desk, _selector(1))
    desk.done(*_remove(ONE, 1))
    assert "admin" in desk.netsh("show rule")[1]
    assert desk.policies() == [[], []]


def _add_of_others(desk, selector=OTHERS):
    assert desk.netsh("add mmpolicy name=admin")[0] == 0
    assert desk.netsh(f"add rule {selector} mmpolicy=admin actioninbound=block actionoutbound=block")[0] == 0


def test_policies_of_ours_without_a_rule_are_removed_and_those_of_others_stay(desk):
    for name in (TWO, OLD):
        for command in _policies(name):
            assert desk.netsh(command)[0] == 0
    _add_of_others(desk)
    unknown = f'add rule {_selector(9)} mmpolicy="{OLD}" actioninbound=block actionoutbound=block'
    assert desk.netsh(unknown)[0] == 0
    desk.done(*_rule(ONE, 1))
    # a rule of ours that the record does not know keeps its policies
    assert desk.policies() == [[ONE, OLD], [ONE, OLD]]
    assert "admin" in desk.netsh("show mmpolicy all")[1]
    assert desk.rules() == {"admin": 1, ONE: 1, OLD: 1}


def test_a_rule_that_netsh_refuses_is_missing(desk):
    path = f"Rules\\{ONE}"
    refused = f'{_selector(1)}\tmmpolicy="nowhere" actioninbound=block actionoutbound=block'
    broken = [*_rule(ONE, 1), Set(path, "Rules", Value.strings([refused]))]
    found = desk.apply(*broken, *_rule(TWO, 2)).dynamic
    assert (found.missing, found.left, found.error) == ((ONE,), (), None)
    assert found.errors
    assert all(re.fullmatch("[0-9]{5}", number) for number in found.errors)
    assert (desk.rules(), desk.shown) == ({TWO: 1}, {TWO: NAMED})


def test_a_rule_of_which_netsh_refuses_a_part_stays_missing(desk):
    path = f"Rules\\{ONE}"
    good = f'{_selector(1)}\tmmpolicy="{ONE}" qmpolicy="{ONE}"'
    refused = f'{_selector(2)}\tmmpolicy="nowhere" actioninbound=block actionoutbound=block'
    others = [operation for order in range(2, 9) for operation in _rule(f"{TWO[:-1]}{order}", order + 1, order=order)]
    found = desk.apply(*_rule(ONE, 1), Set(path, "Rules", Value.strings([good, refused])), *others).dynamic
    assert found.missing == (ONE,)
    assert len(desk.shown) == 7
    assert ONE not in desk.shown


def test_a_rule_that_an_interrupted_task_has_added_in_part_is_completed(desk):
    for command in (*_policies(ONE), f'add rule {_selector(2)} mmpolicy="{ONE}" qmpolicy="{ONE}"'):
        assert desk.netsh(command)[0] == 0
    desk.done(*_rule(ONE, 1, 2, 3), *_rule(TWO, 4))
    assert (desk.rules(), desk.shown) == ({ONE: 3, TWO: 1}, {ONE: 3 * NAMED, TWO: NAMED})


def test_rules_are_added_in_their_order(desk):
    # the second one takes the same filter, which netsh refuses
    for order, missing in ((1, TWO), (3, ONE)):
        found = desk.apply(*_rule(ONE, 1, order=order), *_rule(TWO, 1, order=2)).dynamic
        assert found.missing == (missing,)
        desk.apply(*_remove(ONE, 1), *_remove(TWO, 1))
        assert desk.record.paths() == []


def test_a_flush_deletes_everything_and_adds_what_is_wanted(desk):
    desk.done(*_rule(ONE, 1), task_xml=task_xml(5))
    _add_of_others(desk)
    desk.done(*_rule(TWO, 2), *_remove(ONE, 1), flush=True)
    assert (desk.rules(), desk.policies(), desk.shown) == ({TWO: 1}, [[TWO], [TWO]], desk.shown | {TWO: NAMED})
    assert "admin" not in desk.netsh("show mmpolicy all")[1]
    desk.done(*_remove(TWO, 2), flush=True)
    assert desk.listing.empty
    assert desk.record.paths() == []
    assert desk.host.tasks.query(TASK_NAME) is None


def test_a_flush_of_an_empty_host_is_not_an_error(desk):
    desk.done(flush=True)
    assert desk.record.paths() == []


def test_after_a_flush_a_host_is_clean_until_something_changes(desk):
    desk.done(*_rule(ONE, 1), flush=True)
    assert desk.listing.clean
    _add_of_others(desk)
    assert not desk.listing.clean


def test_settings_are_set_and_what_netsh_then_shows_is_recorded(desk):
    operations = [Create("Settings"), Set("Settings", "ipsecexempt", Value.string("0"))]
    desk.done(*operations, settings={"ipsecexempt": "0"})
    config = desk.record.get("Settings", ".config").data
    assert re.fullmatch("[0-9a-f]{64}", config)
    assert desk.listing.config == config
    assert desk.netsh("set config property=ipsecexempt value=1")[0] == 0
    assert desk.listing.config not in (None, config)
    desk.done(Unset("Settings", ".config"), settings={"ipsecexempt": "0"})
    assert desk.listing.config == config == desk.record.get("Settings", ".config").data


def test_settings_keep_the_record_without_rules(desk):
    operations = [Create("Settings"), Set("Settings", "ipsecexempt", Value.string("0"))]
    desk.done(*operations, *_rule(ONE, 1), settings={"ipsecexempt": "0"})
    desk.done(*_remove(ONE, 1))
    assert sorted(desk.record.values("Settings")) == [".config", "ipsecexempt"]


def test_a_setting_that_netsh_refuses_is_an_error(desk):
    operations = [Create("Settings"), Set("Settings", "nonsense", Value.string("1"))]
    found = desk.apply(*operations, settings={"nonsense": "1"}).dynamic
    assert found.error.startswith("the setting nonsense cannot be 1 (exit code 1")
    assert desk.record.get("Settings", ".config") is None


def test_settings_need_the_service(desk):
    desk.host.stop_service()
    operations = [Create("Settings"), Set("Settings", "ipsecexempt", Value.string("0"))]
    found = desk.apply(*operations, settings={"ipsecexempt": "0"}).dynamic
    assert found.error == "settings need the PolicyAgent service, which does not run"


def test_the_replay_task_is_registered_and_read(desk):
    desk.done(*_rule(ONE, 1), task_xml=task_xml(7))
    assert desk.listing.task == ReplayTask(True, "PT7M", True)
    desk.done(task_xml=task_xml(60))
    assert desk.listing.task == ReplayTask(True, "PT60M", True)


def test_a_replay_task_with_other_code_or_that_is_disabled_is_noticed(desk):
    desk.done(*_rule(ONE, 1), task_xml=task_xml(5))
    definition = desk.host.tasks.query(TASK_NAME)
    changed = [
        (re.sub("(-EncodedCommand )[^<]*", r"\1QQ==", definition), ReplayTask(False, "PT5M", True)),
        (definition.replace("<Settings>", "<Settings><Enabled>false</Enabled>"), ReplayTask(True, "PT5M", False)),
        (re.sub("<TimeTrigger>.*</TimeTrigger>", "", definition, flags=re.DOTALL), ReplayTask(True, "", True)),
    ]
    for text, expected in changed:
        assert text != definition
        desk.host.tasks.register(TASK_NAME, text)
        assert desk.listing.task == expected


def test_the_replay_task_is_unregistered(desk):
    desk.done(*_rule(ONE, 1), task_xml=task_xml(5))
    desk.done(unregister=True)
    assert desk.listing.task is None
    assert desk.rules() == {ONE: 1}


def test_the_replay_task_adds_lost_rules_again(desk):
    desk.done(*_rule(ONE, 1, 2), *_rule(TWO, 3, order=2), task_xml=task_xml(5))
    desk.host.boot()
    desk.host.start_service()
    assert desk.rules() == {}
    desk.module.replay()
    assert (desk.rules(), desk.shown) == ({ONE: 2, TWO: 1}, {ONE: 2 * NAMED, TWO: NAMED})
    assert desk.policies() == [[ONE, TWO], [ONE, TWO]]


def test_the_replay_task_does_nothing_while_the_service_does_not_run(desk):
    desk.done(*_rule(ONE, 1), task_xml=task_xml(5))
    desk.host.stop_service()
    desk.module.replay()
    assert f"Rules\\{ONE}" in desk.record
    assert desk.host.tasks.query(TASK_NAME) is not None


def test_the_replay_task_finishes_an_interrupted_task(desk):
    desk.done(*_rule(OLD, 1), task_xml=task_xml(5))
    desk.apply(*_rule(ONE, 1), *_remove(OLD, 1), run=False)
    assert desk.rules() == {OLD: 1}
    desk.module.replay()
    assert (desk.rules(), desk.policies()) == ({ONE: 1}, [[ONE], [ONE]])


def test_the_replay_task_without_a_record_deletes_itself(desk):
    desk.done(*_rule(ONE, 1), task_xml=task_xml(5))
    desk.host.registry.change([("delete", RECORD)])
    desk.module.replay()
    assert desk.host.tasks.query(TASK_NAME) is None


def test_the_definition_of_the_replay_task(desk):
    """It has no rule, no key and no name of a computer, and its command line is short enough for Windows."""
    desk.done(*_rule(ONE, 1), task_xml=task_xml(5))
    definition = desk.host.tasks.query(TASK_NAME)
    arguments = re.findall("<Arguments>(.*)</Arguments>", definition)[0]
    assert arguments.startswith("-NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand ")
    assert len(f"powershell.exe {arguments}") < 32_767
    code = base64.b64decode(arguments.rpartition(" ")[2]).decode("utf-16-le")
    assert len(code) < 12_000
    for text in (definition, code):
        assert not any(word in text for word in (ONE, KEY, "192.0.2.1", str(desk.host.setting("computer"))))
    if desk.module.engine == "powershell":
        assert "function Sync-DynamicRule {" in code
        assert not re.search(r"^\s*#|^\s*$", code.rstrip(), re.MULTILINE)


def test_a_key_is_only_in_the_record(desk, tmp_path):
    with Processes() as processes:
        desk.done(*_rule(ONE, 1), task_xml=task_xml(5))
        desk.host.stop_service()
        desk.host.start_service()
        desk.module.replay()
    assert desk.rules() == {ONE: 1}
    assert not processes.show()
    assert where(tmp_path, desk.host.registry.path, *_running_rules(desk.host)) == []


def _running_rules(host):
    """The files in which the simulated host keeps the rules that are in force."""
    return [host.folder / "dynamic.jsonl"]


def _replace_netsh(desk, folder, script):
    """Put another netsh.exe before the one of the host, which is `real` in the script."""
    folder.mkdir()
    program = folder / "netsh.exe"
    program.write_text(f'#!/bin/sh\nreal() {{ PATH="${{PATH#*:}}" netsh.exe "$@"; }}\n{script}\n')
    program.chmod(0o755)
    desk.module.programs = folder


@pytest.mark.engines("powershell")
def test_only_requests_about_dynamic_rules_run_a_program(desk, tmp_path):
    _replace_netsh(desk, tmp_path / "programs", f"touch {tmp_path}/ran; exit 1")
    read = {**READ, "parts": ["store", "service", "record"]}
    apply = desk.request(policies=[Create("key")]) | {"dynamic": None}
    notify = {"protocol": 2, "do": "notify", "service": {"start_type": None, "notify": "start"}, "dynamic": False}
    assert desk.module.ask(read, apply, notify)[1]["applied"] == 1
    assert not (tmp_path / "ran").exists()
    assert desk.listing.rules == {}
    assert (tmp_path / "ran").exists()


@pytest.mark.engines("powershell")
def test_a_netsh_that_prints_much_before_it_reads_does_not_block(desk, tmp_path):
    much = 'if [ $# = 0 ]; then head -c 1000000 /dev/zero | tr "\\\\0" x; fi; real "$@"'
    _replace_netsh(desk, tmp_path / "programs", much)
    # more than a pipe holds
    rules = [operation for order in range(120) for operation in _rule(f"{ONE[:-3]}{order:03}", order, order=order)]
    found = desk.done(*rules)
    assert found.errors == ()
    assert len(desk.rules()) == 120


@pytest.mark.engines("powershell")
def test_a_netsh_that_ends_before_it_reads_adds_nothing(desk, tmp_path):
    _replace_netsh(desk, tmp_path / "programs", 'if [ $# = 0 ]; then exit 1; fi; real "$@"')
    rules = [operation for order in range(120) for operation in _rule(f"{ONE[:-3]}{order:03}", order, order=order)]
    found = desk.apply(*rules).dynamic
    assert (len(found.missing), found.error, desk.rules(), desk.shown) == (120, None, {}, {})
    desk.module.programs = None
    desk.done()
    assert len(desk.rules()) == 120


@pytest.mark.judge
@pytest.mark.engines("powershell")
def test_a_netsh_that_hangs_is_stopped_and_the_mutex_is_free(desk, tmp_path):
    _replace_netsh(
        desk, tmp_path / "programs", f'if [ $# = 0 ]; then touch {tmp_path}/$$; exec sleep 300; fi; real "$@"'
    )
    desk.module.limit(tmp_path / "plugins", 5)
    found = desk.apply(*_rule(ONE, 1)).dynamic
    assert found.error == "netsh.exe did not end within 5 seconds and was stopped"
    (hanging,) = (path.name for path in tmp_path.iterdir() if path.name.isdigit())
    assert not pathlib.Path("/proc", hanging).exists()
    desk.module.programs = None
    desk.done()
    assert desk.rules() == {ONE: 1}


def test_the_mutex_is_held_until_a_request_about_dynamic_rules_has_ended(desk):
    desk.host.stop_service()
    desk.done(*_rule(ONE, 1), service={"start_type": None, "notify": "start"})
    assert len(desk.host.events("mutex")) == 1


def test_a_denied_mutex_changes_nothing(desk):
    desk.host.set(mutex="denied")
    (answer,) = desk.module.ask(desk.request(*_rule(ONE, 1), task_xml=task_xml(5)))
    assert (answer["failed"], answer["reason"]) == (True, "mutex_denied")
    assert (desk.record.paths(), desk.host.tasks.query(TASK_NAME)) == ([], None)


def test_a_task_that_cannot_be_registered_changes_nothing(desk):
    (answer,) = desk.module.ask(desk.request(*_rule(ONE, 1), task_xml="<Task/>"))
    assert (answer["failed"], answer["reason"]) == (True, "task_failed")
    assert (desk.record.paths(), desk.rules()) == ([], {})
