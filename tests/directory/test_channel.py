# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The loop of a task on a domain, with a directory in memory: conflicts, lost connections and refusals."""

from __future__ import annotations

import functools
import socket

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import (
    DirectoryError,
    LostConnection,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.goal import DomainGoal
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AttributeChange,
    ChangeKind,
    ModifyEntry,
    Scope,
    Search,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.gpos import parse_gpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import MultipleAddresses
from ansible_collections.ipsec.windows.plugins.plugin_utils import _domain_task
from ansible_collections.ipsec.windows.plugins.plugin_utils._action import TaskFailure
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._domain_task import DomainChannel, DomainTask
from ansible_collections.ipsec.windows.plugins.plugin_utils._names import look_up
from ansible_collections.ipsec.windows.plugins.plugin_utils._rounds import CommonOptions
from directory.memory import MemoryDirectory

BLOCK = {"name": "R", "filters": ["*+0:445:TCP"], "action": "block"}
OTHER = {"name": "S", "filters": ["*+0:139:TCP"], "action": "block"}
OLD_OR_NEW = "Either the old policy or the new one is in force, never a mixture; run the task again"


class Connection:
    """A connection to a directory in memory. It breaks at the search with the number `breaks`, counted from 1."""

    def __init__(self, directory, breaks=0):
        self._directory = directory
        self._left = breaks
        self.server = directory.server
        self.open = True
        self.write = directory.write

    def search(self, search):
        self._left -= 1
        if self._left == 0:
            raise LostConnection(f"{self.server}: the connection is closed")
        return self._directory.search(search)

    def close(self):
        self.open = False


class Files:
    """The files GPT.INI, which agree with the directory unless they are in `versions`."""

    def __init__(self):
        self.read_for = []
        self.versions = {}

    def read(self, gpo):
        self.read_for.append(gpo.name)
        return self.versions.get(gpo.name, gpo.version)

    def write(self, gpo, _old, new):
        self.versions[gpo.name] = new

    def close(self):
        pass


class World:
    """A directory, and how often it was connected to. `breaks` has the search at which each connection breaks."""

    def __init__(self):
        self.directory = MemoryDirectory()
        self.files = Files()
        self.breaks = []
        self.connections = []

    def connect(self, _options):
        breaks = self.breaks.pop(0) if self.breaks else 0
        self.connections.append(Connection(self.directory, breaks))
        return self.connections[-1]

    def run(self, wanted, gpos=None, check_mode=False):
        """The result of a task."""
        options = CommonOptions(
            multiple_addresses=MultipleAddresses.ERROR,
            accept=frozenset(),
            return_policy=True,
            check_mode=check_mode,
            diff=True,
        )
        goal = DomainGoal(policies=OnePolicy(*parse_task(wanted)), gpos=() if gpos is None else (parse_gpos(gpos),))
        with DomainChannel(ConnectionOptions.of({"server": self.directory.server})) as channel:
            result = DomainTask(channel, goal, options).run()
        assert not any(connection.open for connection in self.connections)
        return result

    def fail(self, *task, **more):
        with pytest.raises(TaskFailure) as caught:
            self.run(*task, **more)
        return str(caught.value), caught.value.result

    def policy(self):
        """The DN and the data of the policy P."""
        search = Search(
            base=self.directory.container,
            scope=Scope.ONE_LEVEL,
            match=(("objectClass", "ipsecPolicy"), ("ipsecName", "P")),
            attributes=("ipsecData",),
        )
        (found,) = self.directory.search(search)
        return found.dn, found.attributes["ipsecdata"][0]


@pytest.fixture
def world(monkeypatch):
    found = World()
    found.directory.members_may_read()
    monkeypatch.setattr(_domain_task, "connect", found.connect)
    monkeypatch.setattr(_domain_task, "SmbGptFiles", lambda _options, _server: found.files)
    monkeypatch.setattr(_domain_task, "apply", functools.partial(_domain_task.apply, sleep=found.directory.advance))
    return found


def test_a_task_has_one_connection(world):
    assert world.run({"name": "P", "rules": [BLOCK]})["changed"]
    assert len(world.connections) == 1


def test_check_mode_writes_nothing(world):
    result = world.run({"name": "P", "rules": [BLOCK]}, check_mode=True)
    assert result["changed"]
    assert world.directory.writes == []
    assert {step["operation"] for step in result["operations"]} == {"create", "change"}
    assert all("status" not in step for step in result["operations"])


@pytest.mark.parametrize("breaks", [1, 2, 3])
def test_a_connection_that_breaks_while_reading_is_opened_once_more(world, breaks):
    world.breaks = [breaks]
    assert world.run({"name": "P", "rules": [BLOCK]})["changed"]
    assert len(world.connections) == 2
    world.breaks = [1, 1]
    with pytest.raises(LostConnection):
        world.run({"name": "P"})
    assert len(world.connections) == 4


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("number", [1, 4])
def test_a_connection_that_breaks_while_writing_says_what_is_known(world, number, done):
    world.directory.cut(number, done)
    message, result = world.fail({"name": "P", "rules": [BLOCK]})
    assert message.startswith(f"{world.directory.server} stopped after {number - 1} of ")
    assert OLD_OR_NEW in message
    assert result["changed"]
    assert [step["status"] for step in result["operations"]].count("done") == number - 1
    assert len(world.connections) == 1
    world.directory.mend()
    assert world.run({"name": "P", "rules": [BLOCK]})["changed"]
    assert not world.run({"name": "P", "rules": [BLOCK]})["changed"]


class Others:
    """Somebody else, who changes the policy P before writes to it, so many `times`, from the write `after` on."""

    def __init__(self, world, times, after=0):
        self.world, self.times, self.after, self.written = world, times, after, b""
        world.directory.before_write = self

    def __call__(self, write):
        dn, data = self.world.policy()
        if not isinstance(write, ModifyEntry) or write.dn != dn or not self.times:
            return
        if self.after:
            self.after -= 1
            return
        self.times -= 1
        # the interval for polls
        self.written = new = data[:-8] + (self.times + 1).to_bytes(4, "little") + data[-4:]
        changes = (
            AttributeChange(ChangeKind.DELETE, "ipsecData", (data,)),
            AttributeChange(ChangeKind.ADD, "ipsecData", (new,)),
        )
        self.world.directory.before_write = None
        self.world.directory.write(ModifyEntry(dn, changes))
        self.world.directory.before_write = self


def test_a_change_by_others_is_kept_and_the_task_planned_again(world):
    world.run({"name": "P", "rules": [BLOCK]})
    others = Others(world, 2)
    result = world.run({"name": "P", "rules": [BLOCK, OTHER]})
    assert result["changed"]
    assert [rule["name"] for rule in result["policies"][0]["rules"]] == ["R", "S"]
    assert any("so the change was planned again" in warning for warning in result["warnings"])
    assert others.times == 0
    assert world.policy()[1] == others.written
    assert len(world.connections) == 2
    assert not world.run({"name": "P", "rules": [BLOCK, OTHER]})["changed"]


def test_a_change_by_others_after_the_last_write_leaves_the_result_of_the_task(world):
    world.directory.add_gpo("Workstations")
    world.run({"name": "P", "rules": [BLOCK]}, gpos=["Workstations"])
    # the clock stands still, so the policy is touched once more
    others = Others(world, 1, after=1)
    result = world.run({"name": "P", "rules": [BLOCK, OTHER]})
    assert others.times == 0
    assert result["changed"]
    assert result["rules"] == {"added": 1, "changed": 0, "removed": 0}
    assert "name: S" in str(result["diff"])
    assert {step["status"] for step in result["operations"]} == {"done"}
    assert [rule["name"] for rule in result["policies"][0]["rules"]] == ["R", "S"]
    assert world.policy()[1] == others.written


def test_changes_by_others_end_a_task_after_three_times(world):
    world.run({"name": "P", "rules": [BLOCK]})
    others = Others(world, 9)
    message, result = world.fail({"name": "P", "rules": [BLOCK, OTHER]})
    assert message.startswith("the policy store of the domain was changed by others 3 times")
    assert others.times == 6
    assert result["changed"]


def test_a_connection_that_breaks_after_a_conflict_is_not_opened_again(world):
    world.run({"name": "P", "rules": [BLOCK]})
    Others(world, 1)
    # reading takes four searches, and the search after the conflict is the one that breaks
    searches = []
    connection = Connection.search

    def search(self, asked):
        searches.append(asked)
        if len([s for s in searches if s.base == ""]) > 2 and asked.base == "":
            raise LostConnection("the connection is closed")
        return connection(self, asked)

    world.connections.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "search", search)
        message, result = world.fail({"name": "P", "rules": [BLOCK, OTHER]})
    assert message.startswith("the connection is closed (")
    assert len(world.connections) == 1
    assert result["changed"]
    assert result["operations"]


def test_a_missing_right_is_found_before_the_first_write(world):
    world.directory.forbid_children(world.directory.container)
    with pytest.raises(DirectoryError, match="the right to create"):
        world.run({"name": "P", "rules": [BLOCK]})
    assert world.directory.writes == []


def test_the_timeout_of_a_task_says_what_is_known(world):
    class TaskTimeoutError(BaseException):
        pass

    def time_out(_write):
        raise TaskTimeoutError

    world.directory.before_write = time_out
    message, result = world.fail({"name": "P", "rules": [BLOCK]})
    assert message.startswith(f"the task took longer than its timeout while it wrote to {world.directory.server}. ")
    assert OLD_OR_NEW in message
    assert result["changed"]


def test_gpt_ini_is_only_read_where_a_policy_is_assigned(world):
    world.directory.add_gpo("Workstations")
    world.run({"name": "P"}, gpos=["Workstations"])
    world.files.read_for.clear()
    world.run({"name": "Q", "rules": [BLOCK]})
    assert world.files.read_for == []
    world.run({"name": "P", "description": "new"})
    assert world.files.read_for == ["Workstations"]
    world.files.versions["Workstations"] = 0
    assert world.run({"name": "P"})["changed"]
    assert world.files.versions["Workstations"] > 0


def test_a_first_assignment_follows_a_gpt_ini_that_is_ahead(world):
    world.directory.add_gpo("Workstations")
    world.files.versions["Workstations"] = 7
    result = world.run({"name": "P"}, gpos=["Workstations"])
    assert world.files.versions["Workstations"] == 8
    assert not [warning for warning in result["warnings"] if "GPT.INI" in warning]


def test_short_names_are_those_of_the_domain(monkeypatch):
    def getaddrinfo(name, _port, **_more):
        found = {"web.corp.example": ["192.0.2.7", "192.0.2.7", "2001:db8::7"], "a.example": ["192.0.2.8"]}
        if name not in found:
            raise socket.gaierror(-2, "unknown")
        return [(None, None, None, "", (address, 0)) for address in found[name]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert look_up(["web", "a.example", "web.a.example", "a" * 300], "corp.example") == {
        "web": ["192.0.2.7", "2001:db8::7"],
        "a.example": ["192.0.2.8"],
        "web.a.example": [],
        "a" * 300: [],
    }
