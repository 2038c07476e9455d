# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The examples on the pages of the documentation are true."""

from __future__ import annotations

import importlib
import ipaddress
import pathlib
import re
import textwrap
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.ipsec.windows.plugins.filter.from_ipseccmd import from_ipseccmd
from ansible_collections.ipsec.windows.plugins.filter.from_netsh import from_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.verdict import Packet, judge
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.limits import check_dynamic
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import LocalAddresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.counters import COUNTER_CLASSES, COUNTERS, WIDE
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running import MissingReason
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.parse import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError, Policy, SpecialKind
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.filters import PROTOCOLS
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.lines import read_list
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.subsets import Subset
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_rule
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import (
    parse_policy,
    parse_rule_edit,
    parse_task,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.script import ScriptGoal
from unit import stores

DOCS = pathlib.Path(__file__).parent.parent.parent / "docs"


class Row(t.NamedTuple):
    """A row of a table: the code in its cells, and the texts of the cells."""

    codes: tuple[list[str], ...]
    cells: tuple[str, ...]


def tables(page: str, heading: str) -> list[list[Row]]:
    """The tables between a heading and the next one."""
    found: list[list[Row]] = [[]]
    section = re.split(rf"(?m)^#+ {re.escape(heading)}\n", (DOCS / page).read_text())[1]
    for line in re.split(r"(?m)^#+ ", section)[0].splitlines():
        if not line.startswith("|"):
            found.append([])
            continue
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        found[-1].append(Row(tuple(re.findall("`([^`]+)`", cell) for cell in cells), cells))
    # without the names of the columns and the line below them
    return [rows[2:] for rows in found if rows]


def table(heading: str, index: int = 0, page: str = "notation.md") -> list[t.Any]:
    """The rows of a table as parameters, which have their first code as id."""
    rows = tables(page, heading)[index]
    assert rows
    return [pytest.param(row, id=next(code for codes in row.codes for code in codes)) for row in rows]


def _rule(**options: t.Any) -> t.Any:
    (rule,) = parse_policy({"name": "P", "rules": [{"name": "R", "filters": ["0=*"], **options}]}).rules
    return rule


def _filters(*filters: t.Any) -> t.Any:
    return frozenset(_rule(filters=list(filters)).filters)


def _equal(values: t.Iterable[t.Any]) -> bool:
    first, *others = values
    return all(value == first for value in others)


@pytest.mark.parametrize("row", table("Filters") + table("Ports and protocols"))
def test_filters(row):
    texts, dictionaries, _meaning = row.codes
    assert _equal(_filters(item) for item in [*texts, *map(yaml.safe_load, dictionaries)])


@pytest.mark.parametrize("row", table("Addresses"))
def test_addresses(row):
    texts, dictionaries, others = row.codes
    found = [_filters(f"{text}+0") for text in texts]
    found += [_filters({"source": text, "destination": "me", "mirrored": True}) for text in dictionaries]
    assert _equal(found)
    for text in others:
        _filters({"source": text, "destination": "me"})
    if not texts:
        for text in dictionaries:
            with pytest.raises(ModelError):
                _filters(f"{text}+0")


def test_words_mean_ipv6_beside_an_ipv6_address():
    short = {"source": "any/ipv6", "destination": "me"}
    assert _filters(short) == _filters({**short, "destination": "me/ipv6"})


def test_one_filter_cannot_have_any_of_both_families():
    with pytest.raises(ModelError, match="one filter with any and one with any/ipv6"):
        _filters({"source": "any/both", "destination": "me"})
    found = _filters({"source": ["any", "any/ipv6"], "destination": "me"})
    assert found == _filters("*+0", {"source": "any/ipv6", "destination": "me/ipv6", "mirrored": True})


def test_all_protocols_are_listed():
    text = (DOCS / "notation.md").read_text()
    sentence = re.search(r"- A protocol is (.*?), or a number", text, re.DOTALL)[1]
    assert set(re.findall("`(.*?)`", sentence)) == PROTOCOLS.keys()
    for name in PROTOCOLS:
        _filters({"source": "any", "destination": "me", "protocol": name}, f"*+0::{name}")


@pytest.mark.parametrize("row", table("Lists"))
def test_lists(row):
    ((dictionary,), texts) = row.codes
    assert _filters(yaml.safe_load(dictionary)) == _filters(*texts)


@pytest.mark.parametrize("row", table("Brackets"))
def test_brackets(row):
    ((text,), _meaning) = row.codes
    notes: list[str] = []
    parse_command(f"ipseccmd -f {text}", notes)
    assert notes == []
    with pytest.raises(ModelError):
        _filters(text)
    if text != "default":
        with pytest.raises(ModelError, match="brackets are for dynamic mode"):
            parse_command(f"ipseccmd -w reg -p P -r R -f {text}", notes)


REFUSED = [
    *[(row, _filters) for row in table("Not accepted")],
    *[(row, lambda text: _rule(security_methods=[text])) for row in table("Security methods", 1)],
    *[(row, lambda text: _main_mode(methods=[text])) for row in table("Main mode methods", 1)],
]


@pytest.mark.parametrize(("row", "parse"), [pytest.param(*row.values, parse, id=row.id) for row, parse in REFUSED])
def test_what_is_not_accepted(row, parse):
    for text in row.codes[0]:
        with pytest.raises(ModelError):
            parse(text)


def _main_mode(**options: t.Any) -> t.Any:
    return parse_policy({"name": "P", "main_mode": options}).main_mode


@pytest.mark.parametrize("row", table("Security methods"))
def test_security_methods(row):
    texts, dictionaries, _meaning = row.codes
    items = [*texts, *map(yaml.safe_load, dictionaries)]
    assert _equal(_rule(security_methods=[item]).action.methods for item in items)


@pytest.mark.parametrize("row", table("Main mode methods"))
def test_main_mode_methods(row):
    texts, dictionaries, _meaning = row.codes
    assert _equal(_main_mode(methods=[item]) for item in [*texts, *map(yaml.safe_load, dictionaries)])


def test_the_strongest_methods():
    wanted = _rule(security_methods=["esp[3des,sha] PFS"])
    assert _rule(security_methods="strongest").action.methods == wanted.action.methods
    found = parse_policy({"name": "P", "main_mode": "strongest"}).main_mode
    assert (found.methods, found.pfs) == (_main_mode(methods=["3des-sha-14"]).methods, True)


def _lines(*headings: str) -> list[t.Any]:
    return [row for heading in headings for row in table(heading)]


@pytest.mark.parametrize(
    "row",
    _lines(
        "Actions",
        "Lifetimes, and the other settings of main mode",
        "Authentication",
        "The rest of a rule",
    ),
)
def test_options_of_command_lines(row):
    """Each command line means the same as the task in its row, once both have their defaults."""
    for line in row.codes[0]:
        (found,) = from_ipseccmd(f"ipseccmd -w reg -p P -r R -f 0=* {line}")
        policy, _state, _mode = parse_task(found)
        for text in row.codes[1]:
            options = yaml.safe_load(text)
            main_mode = {"main_mode": options.pop("main_mode")} if "main_mode" in options else {}
            task = parse_policy({"name": "P", "rules": [{"name": "R", "filters": ["0=*"], **options}], **main_mode})
            assert (policy.rules, policy.main_mode) == (task.rules, task.main_mode)


def test_intervals():
    (found,) = from_ipseccmd('ipseccmd -w reg -p "Server isolation":30 -r R -f 0=*')
    policy, _state, _mode = parse_task(found)
    assert policy.poll_interval == parse_policy({"name": "P", "poll_interval": 30}).poll_interval == 30 * 60
    assert parse_policy({"name": "P", "poll_interval": "90s"}).poll_interval == 90


HOST = ipaddress.ip_address("192.0.2.2")
LOCAL = LocalAddresses({SpecialKind.ME: frozenset({HOST})})
WINNERS = re.findall(r"```yaml\n(.*?)```\n(\|.*?)\n\n", (DOCS / "which-filter-wins.md").read_text(), re.DOTALL)


def _packet(peer: str, text: str) -> Packet:
    """The packet that a cell such as "from peer, TCP 445" describes."""
    direction, protocol, port = re.fullmatch(r"(from|to|reply from) peer, (\w+) (\d+)", text).groups()
    ends = {"source_port": 50000, "destination_port": int(port), "protocol": PROTOCOLS[protocol.lower()]}
    if direction == "from":
        return Packet(source=ipaddress.ip_address(peer), destination=HOST, **ends)
    packet = Packet(source=HOST, destination=ipaddress.ip_address(peer), **ends)
    return packet if direction == "to" else packet.reply()


@pytest.mark.parametrize(("rules", "rows"), WINNERS, ids=range(len(WINNERS)))
def test_which_filter_wins(rules, rows):
    policy = Policy(name="P", rules=parse_policy({"name": "P", "rules": yaml.safe_load(rules)}).rules)
    for row in rows.splitlines()[2:]:
        peer, packet, name, result = (cell.strip() for cell in row.strip("|").split("|"))
        verdict = judge(policy.rules, _packet(peer, packet), LOCAL)
        names = ", ".join(match.rule.name for match in verdict.deciding)
        assert (name, result) == ((names, verdict.outcome) if names else ("none", "pass")), row


def test_all_examples_of_winners_are_found():
    text = (DOCS / "which-filter-wins.md").read_text()
    assert len(WINNERS) == text.count("```yaml") > 5


def _blocks(heading: str) -> list[tuple[str, str]]:
    """The languages and the codes of the blocks of a section about scripts."""
    section = re.split(rf"(?m)^## {re.escape(heading)}\n", (DOCS / "scripts.md").read_text())[1]
    return re.findall(r"(?ms)^```(\w+)\n(.*?)^```", re.split(r"(?m)^## ", section)[0])


def test_values_from_outside():
    (_yaml, task), (_bat, script), (_text, addresses), (_bat, commands) = _blocks("Values from outside")
    ((options,),) = [entry.values() for entry in yaml.safe_load(task)]
    given = {name: options[name] for name in ("arguments", "variables")}
    found = from_ipseccmd(script, **given, files={"list.txt": addresses})
    assert found == from_ipseccmd(commands)
    with pytest.raises(AnsibleFilterError, match="the option arguments gives it"):
        from_ipseccmd(script)


def test_dynamic_rules_of_a_script():
    (_bat, script), (_yaml, task) = _blocks("Before and after")[-2:]
    ((options,),) = [entry.values() for entry in yaml.safe_load(task)]
    found, wanted = (
        [parse_dynamic_rule(rule, "", []) for rule in rules]
        for rules in (from_ipseccmd(script, dynamic=True), options["rules"])
    )
    assert found == wanted


def test_scripts_for_netsh_f():
    (_bat, script), (_text, rules), (_bat, commands) = _blocks("Scripts for netsh -f")
    assert from_netsh(script, files={"rules.txt": rules}) == from_netsh(commands)


def test_policies_of_a_domain():
    (_bat, script), (_yaml, task), (_yaml, runs) = _blocks("Policies of a domain")
    (options,) = (entry["ipsec.windows.ipsec_policy"] for entry in yaml.safe_load(task))
    (found,) = from_netsh(script)
    assert options.pop("store") == "domain"
    assert parse_task(found) == parse_task(options)
    assert [found[name] for name in ("gpos", "gpos_mode")] == [options[name] for name in ("gpos", "gpos_mode")]
    of_netsh, of_ipseccmd = yaml.safe_load(runs)
    line = read_line(of_ipseccmd["ipsec.windows.ipseccmd"]["command"])
    assert (line.command.policy, line.domain is not None) == (options["name"], True)
    assert (of_netsh["run_once"], of_ipseccmd["run_once"]) == (True, True)


def test_checks_at_the_start_of_a_script():
    (_bat, script), (_bat, commands) = _blocks("Checks at the start of a script")
    assert from_ipseccmd(script, unsupported="ignore") == from_ipseccmd(commands)
    with pytest.raises(AnsibleFilterError):
        from_ipseccmd(script)


def _tasks() -> list[t.Any]:
    """The tasks of all pages with a module of the collection: the module, its options, and the page as id."""
    found = []
    for page in sorted(DOCS.glob("*.md")):
        for block in re.findall(r"(?ms)^ *```yaml\n(.*?)^ *```", page.read_text()):
            tasks = yaml.safe_load(textwrap.dedent(block))
            for task in tasks if isinstance(tasks, list) else []:
                found += [
                    pytest.param(name.removeprefix("ipsec.windows."), options or {}, id=f"{page.stem}-{len(found)}")
                    for name, options in task.items()
                    if name.startswith("ipsec.windows.")
                ]
    return found


@pytest.mark.parametrize(("module", "options"), _tasks())
def test_options_of_tasks_are_documented(module, options):
    plugins = DOCS.parent / "plugins"
    documentation = yaml.safe_load((plugins / "modules" / f"{module}.yml").read_text())["DOCUMENTATION"]
    known = {*documentation.get("options", {})}
    for name in documentation["extends_documentation_fragment"]:
        if name.startswith("ipsec.windows."):
            fragment = importlib.import_module(
                f"ansible_collections.ipsec.windows.plugins.doc_fragments.{name.removeprefix('ipsec.windows.')}"
            )
            known |= yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION).get("options", {}).keys()
    assert options.keys() <= known


@pytest.mark.parametrize("row", table("What netsh cannot say", page="dynamic.md"))
def test_what_netsh_cannot_say(row):
    given = yaml.safe_load(row.codes[0][0])
    with pytest.raises(ModelError):
        check_dynamic(parse_dynamic_rule({"filters": ["0+192.0.2.10"], **given}, "", []))


STORED: t.Final = """\
add policy Ports
add filter "Bad guys" 203.0.113.1 me
add filter "Bad guys" 203.0.113.2 me
add filteraction Deny action=block
add rule Banned Ports "Bad guys" Deny
add policy Other
add rule Banned Other "Bad guys" Deny"""


def test_lists_that_change_every_day():
    """Each command leaves the same as the task beside it."""
    store = run_netsh(Store(), *(f"netsh ipsec static {line}" for line in STORED.splitlines()))
    blocks = [text for _language, text in _blocks("Lists that change every day")]
    commands, tasks, (whole,) = blocks[0:6:2], blocks[1:6:2], blocks[6:]
    seen = [stores.facts(store)]
    for command, task in zip(commands, tasks, strict=True):
        (options,) = (item["ipsec.windows.ipsec_rule"] for item in yaml.safe_load(task))
        edit, _notes = parse_rule_edit(options, State.PRESENT)
        done = stores.run_goal(store, Edits((PlacedEdit(edit),)))
        store = run_netsh(store, command.replace("^\n", ""))
        assert [_known(policies) for policies in map(stores.facts, (done.store, store))] == [
            _known(stores.facts(store))
        ] * 2
        seen.append(stores.facts(store))
        assert seen[-1] != seen[-2]
    (item,) = yaml.safe_load(whole)
    found = run_netsh(store, *item["ipsec.windows.netsh_ipsec"]["commands"])
    assert stores.facts(found) == seen[-1]


def run_netsh(store, *commands):
    return stores.run_goal(store, ScriptGoal(read_list(commands, "", False).static)).store


def _known(policies):
    """Policies without ids, which differ."""
    return {name: [{**rule, "id": None} for rule in policy["rules"]] for name, policy in policies.items()}


@pytest.mark.parametrize("row", table("Statistics", page="queries.md"))
def test_counters(row):
    groups, _meaning, classes, names = row.codes
    assert [f"Win32_PerfRawData_Counters_{name}" for name in classes] == [COUNTER_CLASSES[group] for group in groups]
    assert all([*COUNTERS[group].values()] == names for group in groups)
    assert {*re.findall(r"`(\w+)` \(64 bits\)", row.cells[3])} == WIDE & {*names}


def test_all_words_of_queries_are_on_their_page():
    (subsets,) = tables("queries.md", "Queries: what a host has in force")
    assert [row.codes[0] for row in subsets] == [[subset] for subset in Subset]
    (reasons,) = tables("queries.md", "What is missing")
    assert [row.codes[0] for row in reasons] == [[reason] for reason in MissingReason]
    (counters,) = tables("queries.md", "Statistics")
    assert [group for row in counters for group in row.codes[0]] == [*COUNTER_CLASSES]
