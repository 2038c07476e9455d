# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The journal of the registry of a simulated host."""

from __future__ import annotations

import multiprocessing

from hypothesis import given
from hypothesis import strategies as st
from winhost import tree
from winhost.host import Host
from winhost.journal import Registry

texts = st.text(st.characters(exclude_categories=()), min_size=1, max_size=4).filter(lambda text: "\\" not in text)
data = st.one_of(
    texts.map(lambda text: (1, text)),
    st.lists(texts, max_size=3).map(lambda found: (7, found)),
    st.integers(0, 0xFFFFFFFF).map(lambda number: (4, number)),
    st.binary(max_size=8).map(lambda found: (3, found)),
)
changes = st.one_of(
    st.tuples(st.just("create"), texts),
    st.tuples(st.just("delete"), texts),
    st.tuples(st.just("unset"), texts, texts),
    st.builds(lambda key, name, value: ("set", key, name, *value), texts, texts, data),
)


@given(st.lists(changes, max_size=8))
def test_a_registry_is_the_result_of_its_changes(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("registry") / "registry.jsonl"
    Registry(path).change(found)
    expected: tree.Tree = {}
    tree.apply_changes(expected, found)
    assert Registry(path).tree == expected


def _write(path, name):
    for number in range(200):
        Registry(path).change([("set", "HKLM\\A", f"{name}{number}", 4, number)])


def test_several_processes_write_at_the_same_time(tmp_path):
    path = tmp_path / "registry.jsonl"
    processes = [multiprocessing.get_context("spawn").Process(target=_write, args=(path, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(Registry(path).tree["HKLM\\A"]) == 400


def test_an_incomplete_line_is_not_read_yet(tmp_path):
    path = tmp_path / "registry.jsonl"
    registry = Registry(path)
    line = b'["create", "HKLM\\\\A"]\n'
    path.write_bytes(line[:10])
    assert registry.tree == {}
    path.write_bytes(line)
    assert list(registry.tree) == ["HKLM", "HKLM\\A"]


def test_a_restarted_host_keeps_its_state(tmp_path):
    host = Host(tmp_path, "win1", "127.0.0.1")
    host.set(administrator=False)
    host.set_start_type("automatic")
    host.start_service()
    again = Host(tmp_path, "win1", "127.0.0.1")
    assert (again.setting("administrator"), again.start_type, again.running) == (False, "automatic", True)
    assert again.store() == host.store()
