# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The command lines and batch files of the corpus create the policies that are written next to them.

The result is read twice: by the collection, and by the simulated host's own reader.
"""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program, batch_file, decode
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import (
    Mode,
    asked_by,
    edits_of,
    read_line,
    read_lines,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.render import write_lines
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import FlushDynamic
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_netsh, write_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import render_dynamic_rule
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.arguments import task_arguments
from unit import corpus, stores
from winhost import policy as windows

LINES = corpus.lines()
DYNAMIC = corpus.dynamic()
SCRIPTS = corpus.scripts()
STORES = {"windows-2022": stores.windows_2022, "microsoft-defaults": stores.microsoft_defaults}


def _answers(entry):
    """The addresses of DNS names and interfaces on the host."""
    return {"names": entry.get("names", {}), "interfaces": entry.get("interfaces", {})}


def _before(entry):
    store = STORES[entry["store"]]() if "store" in entry else Store()
    for line in entry.get("before", ()):
        store = stores.run_lines(store, [line], **_answers(entry)).store
    return store


def _check_store(store, entry, before):
    """The store has the policies of the entry, for both readers, the assigned one, and no other objects."""
    tree, tree_before = stores.to_tree(store), stores.to_tree(before)
    facts, facts_before = stores.facts(store), stores.facts(before)
    host = {policy.name: corpus.in_order(policy) for policy in windows.policies(tree)}
    host_before = {policy.name: corpus.in_order(policy) for policy in windows.policies(tree_before)}
    assert facts.keys() == host.keys() == entry["policies"].keys()
    for name, policy in entry["policies"].items():
        if policy == "as before":
            assert (facts[name], host[name]) == (facts_before[name], host_before[name])
        else:
            whole = corpus.complete(name, policy)
            assert corpus.shown(facts[name]) == corpus.shown(whole)
            assert host[name] == corpus.seen(whole)
    in_force = windows.read(tree)
    assert (in_force and in_force.policy.name) == entry["assigned"]
    graph, graph_before = Graph(store), Graph(before)
    unused = {key for key in map(fold, store.paths()) if key and not graph.users(key)}
    assert unused <= {*graph.policies, *map(fold, before.paths())}
    assert graph.leftovers() == graph_before.leftovers() == []


def _check_notes(notes, entry):
    """There is one note for each text of the entry, which it contains."""
    expected = entry.get("warnings", [])
    assert len(notes) == len(expected), notes
    assert all(any(words in note for note in notes) for words in expected), notes


@pytest.mark.parametrize("name", LINES)
def test_line(name):
    entry = LINES[name]
    before = _before(entry)
    if "error" in entry:
        with pytest.raises(ModelError) as caught:
            stores.run_lines(before, [entry["line"]], **_answers(entry))
        assert entry["error"] in str(caught.value)
        return
    domain = read_line(entry["line"]).domain
    assert (domain and (domain.name or "of the server")) == entry.get("domain")
    done = stores.run_lines(before, [entry["line"]], **_answers(entry))
    _check_store(done.store, entry, before)
    _check_notes(done.notes, entry)
    again = stores.run_lines(done.store, [entry["line"]], **_answers(entry))
    assert again.operations == ()
    assert again.store.text() == done.store.text()


@pytest.mark.parametrize("name", DYNAMIC)
def test_dynamic_line(name):
    entry = DYNAMIC[name]
    if "error" in entry:
        with pytest.raises(ModelError) as caught:
            asked_by([read_line(entry["line"])])
        assert entry["error"] in str(caught.value)
        return
    line = read_line(entry["line"])
    asked = asked_by([line])
    (placed,) = asked.changes
    if entry["rule"] == "deleted":
        assert placed.change == FlushDynamic()
    else:
        assert _by_filter(_dynamic_tree(placed.change.rule)) == _by_filter(corpus.complete_dynamic(entry["rule"]))
    assert (asked.edits, asked.confirms, line.computer) == ((), entry.get("confirm", False), entry.get("computer"))
    _check_notes(asked.notes, entry)


def _dynamic_tree(rule):
    """All that a dynamic rule has, in the words of the corpus."""
    tree = render_dynamic_rule(rule, with_keys=True)
    return {**tree, "filters": [{**corpus.FILTER, **filter_} for filter_ in tree["filters"]]}


def _by_filter(tree):
    return {**tree, "filters": sorted(tree["filters"], key=lambda filter_: sorted(map(str, filter_.items())))}


def _whole(entry):
    """The policies as arguments of tasks."""
    policies = [corpus.complete(name, policy) for name, policy in entry["policies"].items()]
    return [{**policy, "assigned": True if policy["name"] == entry["assigned"] else None} for policy in policies]


def _tasks(lines):
    """The arguments of tasks for the command lines."""
    edits, _notes = edits_of(lines)
    return task_arguments(edits, [])


# entries that need neither an existing store nor answers of a host
ALONE = [
    name
    for name, entry in LINES.items()
    if entry.keys().isdisjoint(("before", "store", "error", "names", "interfaces"))
]


@pytest.mark.parametrize("name", ALONE)
def test_line_as_a_task(name):
    entry = LINES[name]
    store = stores.apply(Store(), _tasks([read_line(entry["line"])]))
    _check_store(store, entry, Store())


@pytest.mark.parametrize("name", ALONE)
def test_policies_as_lines(name):
    """The command lines written from the policies create the same policies."""
    entry = LINES[name]
    done = stores.run_lines(Store(), write_lines(_whole(entry), []))
    _check_store(done.store, entry, Store())
    assert done.notes == []


NOT_EXPRESSIBLE = {
    "domain-isolation-require": "only some of the security methods have PFS",
    "rekey-and-pfs-attached": "only some of the security methods have PFS",
    "quotes-inside-quotes": "it contains a quotation mark",
}


@pytest.mark.parametrize("name", ALONE)
def test_policies_as_netsh(name):
    """The netsh script written from the policies creates the same policies."""
    entry = LINES[name]
    if name in NOT_EXPRESSIBLE:
        with pytest.raises(ModelError, match=NOT_EXPRESSIBLE[name]):
            write_netsh(_whole(entry))
        return
    script = commands_of(Program.NETSH, batch_file(write_netsh(_whole(entry))), False)
    tasks = read_netsh([parse_command(command.text) for command in script.commands], [])
    _check_store(stores.apply(Store(), tasks), entry, Store())


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name):
    entry = SCRIPTS[name]
    before = _before(entry)
    lines, script = _read(name)
    assert list(script.left_alone) == entry["left_alone"]
    left_out = {left.line: left.reason for left in script.left_out}
    assert left_out.keys() == (expected := entry.get("left_out", {})).keys()
    assert all(expected[line] in reason for line, reason in left_out.items()), left_out
    done = stores.run_lines(before, lines, **_answers(entry))
    _check_store(done.store, entry, before)
    _check_notes(done.notes, entry)
    assert stores.run_lines(done.store, lines, **_answers(entry)).operations == ()


def _read(name):
    entry = SCRIPTS[name]
    # UTF-16 files start with a mark
    named = None if entry.get("encoding") == "utf-16" else entry.get("encoding")
    ignore = entry.get("unsupported") == "ignore"
    found = commands_of(Program.IPSECCMD, decode(corpus.script(name), named), ignore)
    return read_lines(found, ignore, modes=(Mode.STATIC,))


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_as_tasks(name):
    entry = SCRIPTS[name]
    lines, _script = _read(name)
    before = _before(entry)
    if "not_converted" in entry:
        with pytest.raises(ModelError) as caught:
            _tasks(lines)
        assert entry["not_converted"] in str(caught.value)
        return
    items = _tasks(lines)
    store = stores.apply(before, items)
    _check_store(store, entry, before)
    assert stores.apply(store, items).text() == store.text()
    assert stores.comparable(store) == stores.comparable(stores.run_lines(before, lines, **_answers(entry)).store)
