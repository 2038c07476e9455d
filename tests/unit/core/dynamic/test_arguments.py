# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Scripts with commands of dynamic mode as the option `rules` of ipsec_dynamic."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.arguments import rule_arguments
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import asked_by, read_line, read_lines
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import AddDynamic
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_dynamic
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_lines as read_netsh_lines
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_rule
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedChange
from hypothesis import given
from unit import strategies


def of_ipseccmd(*lines):
    """The arguments for a batch file, and the notes."""
    found, _script = read_lines(
        commands_of(Program.IPSECCMD, "\n".join(f"ipseccmd {line}" for line in lines), False), False
    )
    notes = []
    return rule_arguments(asked_by(found).changes, notes), notes


def of_netsh(*lines):
    text = "\n".join(f"netsh ipsec dynamic {line}" for line in lines)
    found, _script = read_netsh_lines(commands_of(Program.NETSH, text, False), False)
    notes = []
    return rule_arguments(read_dynamic(found, notes), notes), notes


def test_a_rule_has_only_what_differs_from_the_defaults():
    found, notes = of_ipseccmd("-f 0+192.0.2.1", "-f [*=0:445:TCP] (0+192.0.2.2)")
    assert found == [
        {"filters": [{"source": "me", "destination": "192.0.2.1", "mirrored": True}]},
        {
            "filters": [
                {
                    "source": "any",
                    "destination": "me",
                    "protocol": "tcp",
                    "destination_port": 445,
                    "mirrored": False,
                    "action": "block",
                },
                {"source": "me", "destination": "192.0.2.2", "mirrored": True, "action": "permit"},
            ]
        },
    ]
    assert notes == []


def test_a_rule_with_all_options():
    (found,), _notes = of_ipseccmd(
        '-f 0=srv -n ah[md5]10S/20KP2 esp[des,none]P2 -t 192.0.2.9 -a k p:"x y" c:CN=y -1s des-md5-1 -1k 60S -1p -1e 5 '
        "-soft -lan"
    )
    assert found == {
        "filters": [{"source": "me", "destination": "srv", "mirrored": False}],
        "security_methods": ["ah[md5] 10S/20K PFS", "esp[des,none] PFS"],
        "pfs_group": 2,
        "soft": True,
        "soft_lifetime": 5,
        "authentication": ["kerberos", {"preshared_key": "x y"}, {"certificate": "CN=y"}],
        "tunnel": "192.0.2.9",
        "connection_type": "lan",
        "main_mode": {"methods": ["des-md5-1"], "lifetime_seconds": 60, "pfs": True},
    }


def test_both_languages_say_the_same():
    ipseccmd, _notes = of_ipseccmd("-f 0+192.0.2.1 -n esp[3des,sha]P1 inpass -a p:x -1s 3des-sha-2 -1k 5Q/120S")
    netsh, _notes = of_netsh(
        "add mmpolicy M qmpermm=5 mmlifetime=2 mmsecmethods=3DES-SHA1-2",
        "add qmpolicy Q pfsgroup=GRP1 qmsecmethods=ESP[3DES,SHA1]",
        "add rule me 192.0.2.1 M Q actioninbound=permit psk=x",
    )
    assert ipseccmd == netsh


def test_a_later_rule_replaces_the_one_with_the_same_filters():
    found, _notes = of_ipseccmd(
        "-f 0+192.0.2.1 -soft", "-f 0+192.0.2.2", "-f 192.0.2.1+0 -n ah[md5]", "-f 0+192.0.2.1 -lan"
    )
    assert [rule["filters"][0]["destination"] for rule in found] == ["192.0.2.2", "me", "192.0.2.1"]
    assert [rule.get("security_methods") for rule in found] == [None, ["ah[md5]"], None]
    assert [rule.get("connection_type") for rule in found] == [None, None, "lan"]
    assert "soft" not in found[1]


def test_a_filter_of_two_rules_is_an_error_at_the_second_one():
    with pytest.raises(ModelError) as caught:
        of_ipseccmd("-f 0+192.0.2.1", "-f 0+192.0.2.2", "-f 0+192.0.2.2 192.0.2.1+0")
    assert str(caught.value).startswith("line 3, column 1: an earlier command adds a rule with the filter ")


def test_what_is_no_rule_gives_a_note():
    found, notes = of_ipseccmd("-f 0+192.0.2.1", "-u", "-f 0+192.0.2.2")
    assert [rule["filters"][0]["destination"] for rule in found] == ["192.0.2.2"]
    (note,) = notes
    assert note.startswith("line 2: other dynamic rules of a host are not deleted; use a task of ipsec_dynamic with")
    found, notes = of_netsh(
        "set config ipsecexempt 3",
        "delete rule me 192.0.2.1 ANY 0 0 yes all",
        "add mmpolicy M",
        "add rule me 192.0.2.1 M actionin=block actionout=block",
        "show all",
    )
    assert found == [
        {"filters": [{"source": "me", "destination": "192.0.2.1", "mirrored": True, "action": "block"}]},
    ]
    assert sorted(note.partition(": ")[0] for note in notes) == ["line 1", "line 2", "line 5"]
    assert "line 1: this is no rule; write it as 'settings: {ipsecexempt: 3}' of ipsec_dynamic" in notes


def test_what_netsh_cannot_say_is_an_error_with_its_line():
    with pytest.raises(ModelError) as caught:
        of_netsh("add mmpolicy M", "add qmpolicy Q", "add rule me any M Q psk=s3cret kerberos=yes")
    assert str(caught.value).startswith("line 3, column 1: authentication[1]: a dynamic rule cannot have another order")
    assert "s3cret" not in str(caught.value)


def test_places_of_a_list_are_in_notes():
    notes = []
    changes = asked_by([read_line("-u", "commands[0]"), read_line("-f 0+*", "commands[1]")]).changes
    assert len(rule_arguments(changes, notes)) == 1
    assert notes[0].startswith("commands[0]: ")


@given(strategies.dynamic_rules())
def test_arguments_are_read_as_the_same_rule(rule):
    (found,) = rule_arguments([PlacedChange(AddDynamic(rule))], [])
    assert parse_dynamic_rule(found, "", []) == rule
