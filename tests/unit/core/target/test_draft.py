# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What commands of static mode and edits of rules do to a store, one after the other, in one plan."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import edits_of, read_line, read_lines
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import Plan
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_rule_edit
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits
from unit import stores

SECURE = "-w reg -p P -r R -f 0+192.0.2.1"


@dataclasses.dataclass
class Outcome:
    store: Store
    plan: Plan
    notes: list[str]

    @property
    def operations(self):
        return len(self.plan.operations)

    @property
    def policies(self):
        return stores.facts(self.store)

    @property
    def assigned(self):
        graph = Graph(self.store)
        return graph.text(graph.active, "ipsecName") if graph.active else None

    def rule(self, name="R", policy="P"):
        return next(rule for rule in self.policies[policy]["rules"] if rule["name"] == name)


def _do(store, goal):
    done = stores.run_goal(store, goal)
    return Outcome(done.store, done.plan, done.notes)


def run(store, *lines):
    return _do(store, Edits(*edits_of(read_line(line, f"line {i}") for i, line in enumerate(lines, 1))))


def edit(store, absent=False, **options):
    found, notes = parse_rule_edit(options, State.ABSENT if absent else State.PRESENT)
    return _do(store, Edits((PlacedEdit(found),), notes))


def test_a_rule_is_added_to_a_new_policy():
    done = run(Store(), f'{SECURE} -a p:"key"')
    policy = done.policies["P"]
    assert (policy["poll_interval"], policy["main_mode"]["lifetime_seconds"]) == (180, 28800)
    assert done.rule()["security_methods"][0]["esp"] == [{"encryption": "3des", "integrity": "sha"}]
    assert done.rule()["authentication"] == [{"preshared_key": None}]
    assert done.assigned is None
    assert run(done.store, f'{SECURE} -a p:"key"').operations == 0


def test_a_command_with_filters_replaces_only_the_filters():
    first = run(Store(), f"{SECURE} -n ah[md5] -soft -lan -a k p:x")
    done = run(first.store, "-w reg -p p -r r -f 0+192.0.2.2")
    expected = {**first.rule(), "filters": [{**first.rule()["filters"][0], "destination": "192.0.2.2"}]}
    assert done.rule() == expected


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ("-n ah[sha]", {"security_methods": ["ah"]}),
        ("-n inpass", {"inpass": True, "security_methods": ["esp"] * 4}),
        ("-n ah[sha] inpass", {"inpass": True, "security_methods": ["ah"]}),
        ("-a c:CN=x", {"authentication": [{"certificate": "CN=x"}]}),
        ("-dialup", {"connection_type": "dialup"}),
        ("-soft", {}),
    ],
)
def test_options_that_are_not_given_stay(given, changed):
    first = run(Store(), f"{SECURE} -n ah[md5] -soft -lan")
    rule = run(first.store, f"-w reg -p P -r R {given}").rule()
    differing = {key for key in rule if rule[key] != first.rule()[key]}
    assert differing == changed.keys()
    for key, value in changed.items():
        if key == "security_methods":
            assert [[kind for kind in ("ah", "esp") if method[kind]] for method in rule[key]] == [[it] for it in value]
        else:
            assert rule[key] == value


def test_soft_alone_keeps_the_methods():
    first = run(Store(), f"{SECURE} -n ah[md5]")
    rule = run(first.store, "-w reg -p P -r R -soft").rule()
    assert (rule["soft"], [method["ah"] for method in rule["security_methods"]]) == (True, [["md5"]])


def test_new_methods_remove_inpass():
    first = run(Store(), f"{SECURE} -n ah[md5] inpass")
    assert run(first.store, "-w reg -p P -r R -n ah[sha]").rule()["inpass"] is False


@pytest.mark.parametrize(("word", "action"), [("block", "block"), ("PASS", "permit")])
def test_block_and_pass_override_everything_else(word, action):
    done = run(Store(), f"{SECURE} -n ah[md5] {word} inpass -soft")
    assert done.rule()["action"] == action
    keyword = word.lower()
    assert done.notes == [
        f"line 1: -n: everything except {keyword} is ignored",
        f"line 1: -soft is ignored with -n {keyword}",
    ]
    back = run(done.store, "-w reg -p P -r R -n inpass")
    assert (back.rule()["action"], len(back.rule()["security_methods"])) == ("negotiate", 4)


def test_main_mode_belongs_to_the_policy():
    first = run(Store(), SECURE, "-w reg -p P -r Other -f 0+192.0.2.2")
    done = run(first.store, "-w reg -p P -r R -1s 3des-sha-2 -1k 10Q -1p")
    main_mode = done.policies["P"]["main_mode"]
    assert (len(main_mode["methods"]), main_mode["quick_mode_limit"], main_mode["pfs"]) == (1, 10, True)
    assert main_mode["lifetime_seconds"] == 28800
    assert done.notes == ["main mode belongs to the policy: it changes for all rules of 'P'"]
    assert run(done.store, "-w reg -p P -r R -1p").notes == []


def test_the_poll_interval_stays_if_none_is_given():
    first = run(Store(), '-w reg -p "P":30 -r R -f 0+192.0.2.1')
    assert run(first.store, f"{SECURE} -n block").policies["P"]["poll_interval"] == 30
    assert run(first.store, "-w reg -p P:60 -x").policies["P"]["poll_interval"] == 60


def test_x_assigns_and_y_unassigns_only_the_assigned_policy():
    first = run(Store(), f"{SECURE} -x", "-w reg -p Q -r R -f 0+192.0.2.1")
    assert first.assigned == "P"
    assert run(first.store, "-w reg -p Q -y").operations == 0
    assert run(first.store, "-w reg -p Q -x").assigned == "Q"
    assert run(first.store, "-w reg -p P -y").assigned is None


def test_x_y_and_o_do_not_create_a_policy():
    with pytest.raises(
        ModelError, match="line 1: line 1, column 1: the policy 'P' does not exist, so it cannot be assigned"
    ):
        run(Store(), "-w reg -p P -x")
    for option in ("-y", "-o", "-r R -o"):
        assert run(Store(), f"-w reg -p P {option}").operations == 0


EARLY = [
    # commands, the assigned policy
    (["-w reg -p P -x", SECURE], "P"),
    (["-w reg -p P -o", "-w reg -p P -x", SECURE], "P"),
    (["-w reg -p P -x", SECURE.replace("P", "p")], "p"),
    (["-w reg -p P -x", "-w reg -p P -y", SECURE], None),
    (["-w reg -p P -x", "-w reg -p P -o", SECURE], None),
    (["-w reg -p P -x", f"{SECURE} -y"], None),
    (["-w reg -p P -x", "-w reg -p Q -r R -f 0+192.0.2.1 -x", SECURE], "Q"),
]


@pytest.mark.parametrize(("lines", "assigned"), EARLY)
def test_a_policy_can_be_assigned_before_it_is_created(lines, assigned):
    done = run(Store(), *lines)
    assert done.assigned == assigned
    assert run(done.store, *lines).assigned == assigned


def test_a_policy_that_is_assigned_early_takes_the_place_of_the_assigned_one():
    first = run(Store(), "-w reg -p Q -r R -f 0+192.0.2.1 -x")
    assert run(first.store, "-w reg -p P -x", SECURE).assigned == "P"


def test_a_policy_that_is_assigned_but_never_created_is_an_error_at_that_command():
    with pytest.raises(ModelError, match="line 2: line 1, column 1: the policy 'P' does not exist"):
        run(Store(), "-w reg -p P -o", "-w reg -p P -x", "-w reg -p Q -r R -f 0+192.0.2.1")


def test_an_error_shows_the_command():
    text = "rem two\nipseccmd -w reg -p P -r R -f 0+192.0.2.1\nipseccmd -w reg -p Q -x\n"
    lines, _script = read_lines(commands_of(Program.IPSECCMD, text, False), False)
    with pytest.raises(ModelError) as error:
        stores.run_goal(Store(), Edits(*edits_of(lines)))
    assert str(error.value).splitlines() == [
        "line 3, column 1: the policy 'Q' does not exist, so it cannot be assigned",
        "  ipseccmd -w reg -p Q -x",
        "  ^",
    ]


def test_a_new_rule_needs_filters():
    with pytest.raises(ModelError, match="line 2: line 1, column 1: the policy has no rule 'S' yet"):
        run(Store(), SECURE, "-w reg -p P -r S -n block")


def test_an_error_names_the_stored_rule_that_an_option_does_not_fit():
    with pytest.raises(ModelError, match="line 2: line 1, column 1: rule 'R': block takes no security methods"):
        run(Store(), f"{SECURE} -n block", "-w reg -p P -r R -soft")
    with pytest.raises(ModelError, match="line 2: line 1, column 1: rule 'R': a tunnel cannot have mirrored filters"):
        run(Store(), SECURE, "-w reg -p P -r R -t 192.0.2.9")


def test_o_deletes_the_policy_and_lists_rules_that_it_does_not_name():
    first = run(Store(), f"{SECURE} -x", "-w reg -p P -r S -f 0+192.0.2.2")
    done = run(first.store, '-w reg -p P -r "R" -o -x')
    assert (done.policies, done.assigned) == ({}, None)
    assert done.notes == ["the policy 'P' is deleted with rules that the command does not name: S"]
    assert run(first.store, '-w reg -p P -r "R" -r "s" -o').notes == []
    assert "does not name: R, S" in run(first.store, "-w reg -p P -o").notes[0]


def test_objects_that_other_policies_use_stay():
    store = stores.microsoft_defaults()
    done = run(store, '-w reg -p "Client (Respond Only)" -o')
    assert done.policies.keys() == stores.facts(store).keys() - {"Client (Respond Only)"}
    assert {name: done.policies[name] for name in done.policies} == {
        name: policy for name, policy in stores.facts(store).items() if name in done.policies
    }


def test_a_policy_that_is_deleted_and_created_again_does_not_change():
    script = ["-w reg -p P -o", f"{SECURE} -n block", "-w reg -p P -r S -f 0+192.0.2.2 -n pass", "-w reg -p P -x"]
    first = run(Store(), *script)
    again = run(first.store, *script)
    assert (again.operations, again.notes) == (0, [])
    fewer = run(first.store, *script[:2])
    assert fewer.notes == ["the policy 'P' is deleted with rules that the command does not name: S"]


def test_a_policy_that_is_created_again_keeps_nothing():
    first = run(Store(), f"{SECURE} -n block -1p -x", "-w reg -p P:30 -r S -f 0+192.0.2.2", "-f default -w reg -p P")
    done = run(first.store, "-w reg -p P -o", f"{SECURE} -n pass")
    policy = done.policies["P"]
    assert [rule["name"] for rule in policy["rules"]] == ["R"]
    assert (policy["poll_interval"], policy["main_mode"]["pfs"]) == (180, False)
    assert policy["default_response"]["enabled"] is False
    assert done.assigned is None


@pytest.mark.parametrize("last", ["-w reg -p Q -y", "-w reg -p Q -o"])
def test_a_displaced_policy_is_not_assigned_again(last):
    first = run(Store(), f"{SECURE} -x")
    for touched in ([], ["-w reg -p P -r R -n pass"]):
        done = run(first.store, *touched, "-w reg -p Q -r R -f 0+192.0.2.1 -x", last)
        assert done.assigned is None


def test_the_last_of_several_assignments_wins():
    done = run(Store(), f"{SECURE} -x", "-w reg -p Q -r R -f 0+192.0.2.1 -x")
    assert (done.assigned, done.policies.keys()) == ("Q", {"P", "Q"})


def test_the_default_response_rule():
    done = run(Store(), "-w reg -p P -f default -n ah[sha] -a p:x")
    response = done.policies["P"]["default_response"]
    assert (response["enabled"], response["security_methods"][0]["ah"]) == (True, ["sha"])
    off = stores.change(done.store, {"name": "P", "default_response": False}).store
    again = run(off, "-w reg -p P -f default -r ignored")
    assert again.policies["P"]["default_response"] == response
    assert again.notes == ["line 1: -r is ignored with -f default: the default response rule has no name"]


def test_two_rules_with_one_name_need_an_id():
    store = run(Store(), SECURE, "-w reg -p P -r S -f 0+192.0.2.2").store
    nfas = [path for path in store.paths() if path.startswith("ipsecNFA")]
    for nfa in nfas:
        store.change(Set(nfa, "ipsecName", Value.string("R")))
    with pytest.raises(ModelError, match="2 rules of the policy have the name 'R'; identify one of them with the id"):
        edit(store, policy="P", name="R", enabled=False)
    done = edit(store, policy="P", id=nfas[0][len("ipsecNFA") :], enabled=False)
    assert sorted(rule["enabled"] for rule in done.policies["P"]["rules"]) == [False, True]


def test_a_rule_without_a_name_is_changed_and_deleted_by_its_id():
    store = stores.windows_2022()
    (policy,) = stores.facts(store).values()
    first, second = policy["rules"]
    done = edit(store, policy=policy["name"], id=first["id"], name="Named", enabled=False)
    (after,) = done.policies.values()
    assert [rule["name"] for rule in after["rules"]] == ["Named", ""]
    gone = edit(store, absent=True, policy=policy["name"], id=second["id"])
    (after,) = gone.policies.values()
    assert after["rules"] == [first]
    assert edit(gone.store, absent=True, policy=policy["name"], id=second["id"]).operations == 0


def test_an_unknown_id_falls_back_to_the_name():
    first = edit(Store(), policy="P", name="R", filters=["0+192.0.2.1"])
    other = "{00000000-0000-0000-0000-000000000001}"
    assert edit(first.store, policy="P", name="r", id=other, enabled=False).rule("r")["enabled"] is False
    assert edit(first.store, absent=True, policy="P", name="R", id=other).policies["P"]["rules"] == []
    assert edit(first.store, absent=True, policy="P", id=other).operations == 0


def test_deleting_a_rule_does_not_create_the_policy():
    assert edit(Store(), absent=True, policy="P", name="R").operations == 0


def test_an_option_of_a_rule_changes_nothing_else():
    first = edit(Store(), policy="P", name="R", filters=["0+192.0.2.1"], filter_list="L", description="d", soft=True)
    done = edit(first.store, policy="P", name="r", enabled=False, poll_interval=5)
    assert done.rule() == {**first.rule(), "enabled": False}
    assert done.policies["P"]["poll_interval"] == 5
    done = edit(first.store, policy="P", name="R", action="block")
    assert (done.rule()["action"], done.rule()["filter_list"], done.rule()["filter_action"]) == ("block", "L", "R")


def test_a_null_key_keeps_the_stored_key():
    first = edit(Store(), policy="P", name="R", filters=["0+192.0.2.1"], authentication=[{"preshared_key": "k"}])
    same = edit(first.store, policy="P", name="R", authentication=[{"preshared_key": None}])
    assert same.operations == 0


def test_two_policies_with_one_name_are_an_error_that_says_what_to_do():
    first = run(Store(), SECURE, "-w reg -p Q -r R -f 0+192.0.2.1")
    first.store.change(Set(stores.stored(first.store, "Q").key, "ipsecName", Value.string("P")))
    with pytest.raises(ModelError, match="2 policies have the name 'P'; rename one by its id with ipsec_policy: "):
        run(first.store, "-w reg -p P -x")


def test_an_unreadable_rule_is_neither_changed_nor_replaced():
    store = run(Store(), SECURE, "-w reg -p P -r B -f 0+192.0.2.2").store
    hidden = next(rule for rule in stores.stored(store, "P").rules if rule.rule.name == "B")
    store.change(Set(hidden.key, "ipsecData", Value.binary(b"\1\2\3")))
    message = "the rule 'B' cannot be read: .* It can only be deleted together with its policy"
    for line in ("-n block", "-f 0+192.0.2.3"):
        with pytest.raises(ModelError, match=f"line 1: line 1, column 1: {message}"):
            run(store, f"-w reg -p P -r b {line}")
    for which in ({"name": "b"}, {"id": hidden.rule.id}, {"id": hidden.rule.id, "name": "Z"}):
        with pytest.raises(ModelError, match=message):
            edit(store, absent=True, policy="P", **which)
    with pytest.raises(ModelError, match=message):
        stores.change(store, {"name": "P", "rules": [{"name": "B", "filters": ["0+192.0.2.3"]}]}, rules_mode="merge")
    assert [rule["name"] for rule in run(store, "-w reg -p P -r C -f 0+192.0.2.3").policies["P"]["rules"]] == ["R", "C"]
    with pytest.raises(ModelError, match=r"the rule 'B' cannot be read: .* Delete the policy in a separate task"):
        run(store, "-w reg -p P -o", SECURE)
    assert run(store, "-w reg -p P -o").policies == {}


TUNNEL = {"policy": "P", "name": "R", "tunnel": "192.0.2.9"}
OUT = {"source": "10.1.0.0/16", "destination": "10.2.0.0/16"}


def _directions(done):
    return [filter_["mirrored"] for filter_ in done.rule()["filters"]]


def test_filters_are_mirrored_by_default_unless_the_whole_rule_has_a_tunnel():
    plain = edit(Store(), policy="P", name="R", filters=[OUT])
    assert _directions(plain) == [True]
    tunnel = edit(Store(), **TUNNEL, filters=[OUT])
    assert _directions(tunnel) == [False]
    # the stored rule has the tunnel
    again = edit(tunnel.store, policy="P", name="R", filters=[OUT])
    assert (_directions(again), again.operations) == ([False], 0)
    longer = edit(tunnel.store, policy="P", name="R", filters=[{**OUT, "destination": ["10.2.0.0/16", "10.3.0.0/16"]}])
    assert (_directions(longer), longer.rule()["tunnel"]) == ([False, False], "192.0.2.9")
    # the task gives a stored rule the tunnel
    assert _directions(edit(plain.store, **TUNNEL, filters=[OUT])) == [False]


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ({"filters": [OUT]}, {"tunnel": "192.0.2.9"}),
        ({"filters": [OUT], "tunnel": "192.0.2.9"}, {"filters": [{**OUT, "mirrored": True}]}),
    ],
)
def test_a_tunnel_and_a_mirrored_filter_are_refused_whichever_is_stored(stored, given):
    store = edit(Store(), policy="P", name="R", **stored).store
    with pytest.raises(ModelError, match="rule 'R': a tunnel cannot have mirrored filters"):
        edit(store, policy="P", name="R", **given)
