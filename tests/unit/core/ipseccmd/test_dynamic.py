# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines of dynamic mode as changes of dynamic rules. Their meaning is in tests/data/corpus/dynamic.yml."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.limits import check_dynamic
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.commands import (
    AddRule,
    FilterSpec,
    Parameters,
    Rekey,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.format import format_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import (
    Mode,
    asked_by,
    read_line,
    read_lines,
    read_list,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Action, Group, ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import (
    AddDynamic,
    DynamicRule,
    FlushDynamic,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.methods import Offer
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.negotiation import Negotiation
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from hypothesis import assume, given
from hypothesis import strategies as st
from unit import ipseccmd_strategies, strategies

# ¦ marks the place that the error points to
ERRORS = {
    "ipseccmd -f ¦default -n ah[md5]": "add -w reg -p POLICY",
    "ipseccmd -f 0+192.0.2.1 *=0 -n ¦block": "put each filter in brackets instead, as in -f [0+192.0.2.1]",
    "ipseccmd -f 0=*::TCP -n esp[3des,sha] ¦pass": "put each filter in parentheses instead, as in -f (0=*::TCP)",
    "ipseccmd -f 0+* 0+192.0.2.1:¦80-90:TCP": "is not a valid port",
    "ipseccmd -f ¦0+* [*+0]": "the rule has the filter me+any 2 times",
    "ipseccmd -f (0=192.0.2.1) -t ¦192.0.2.9": "a rule with a tunnel endpoint must negotiate",
    "ipseccmd -f 0=* -n inpass -t ¦192.0.2.9": "a rule with a tunnel endpoint cannot have inpass",
    "ipseccmd -f 0+192.0.2.1 ¦-t 192.0.2.9": "use one rule with -f 0=192.0.2.1 -t 192.0.2.9",
    "ipseccmd -f 0+* -n ¦ah[md5] ah[sha]PFS": "only some of the security methods have PFS",
    "ipseccmd -f 0+* -n ¦ah[md5]P1 ah[sha]P2": "PFS of different groups",
    "ipseccmd -f 0+* -n ¦ah[md5]P1 ah[sha]PFS": "PFS of different groups",
    'ipseccmd -f 0+* -a c:"CN=A" ¦k': "another order of authentication methods",
    'ipseccmd -f 0+* -a k c:"CN=A" ¦p:x': "another order of authentication methods",
    "ipseccmd -f 0+* -a p:x ¦p:y": "a second pre-shared key",
    "ipseccmd -f 0+* -a k ¦K": "kerberos twice",
    'ipseccmd -f 0+* -a k ¦p:"ü"': "characters that netsh may read differently",
    r'ipseccmd -f 0+* -a ¦p:"a\"b"': "contains a quotation mark",
    'ipseccmd -f 0+* -a ¦c:"CN=A certmap:yes"': "netsh cannot express the name of the certificate authority",
    "ipseccmd -f 0+* -1k ¦59S": "use 60 seconds",
    "ipseccmd -f 0+* -1k ¦10Q/3601S": "use 3600 or 3660 seconds",
    "ipseccmd -f 0+* -1p -1k ¦2Q": "the limit of quick modes cannot be 2",
    "ipseccmd -f 0+* -1e ¦0": "this must be 1 to 4294967295 seconds, not 0",
    "ipseccmd -f 0+192.0.2.1 192.0.2.2=0 -1f ¦0+192.0.2.1": "write 192.0.2.2=me me+192.0.2.1",
    "ipseccmd -f 0+192.0.2.1 -1f ¦0+192.0.2.1 0+192.0.2.2": "cannot be set to others",
}


@pytest.mark.parametrize("marked", ERRORS)
def test_error_points_to_its_place(marked):
    with pytest.raises(SourceError) as caught:
        asked_by([read_line(marked.replace("¦", ""))])
    assert ERRORS[marked] in caught.value.problem
    assert caught.value.column == marked.index("¦") + 1


def test_error_in_a_list_has_its_place():
    lines = read_list(["-f 0+*", "-f 0+192.0.2.1 -1k 90S"], "commands")
    with pytest.raises(ModelError, match=r"commands\[1\]: line 1, column 20: the main-mode lifetime"):
        asked_by(lines)


def test_error_in_a_script_has_its_line():
    text = "@echo off\nset KEY=s3cret\nipseccmd -f 0+* -a p:%KEY% ^\n  k\n"
    lines, _script = read_lines(commands_of(Program.IPSECCMD, text, False), False)
    with pytest.raises(SourceError) as caught:
        asked_by(lines)
    assert (caught.value.line, caught.value.column) == (4, 3)
    assert "s3cret" not in str(caught.value)


NOTES = {
    "ipseccmd -f 0+* -1e 60": "-1e has no effect without -soft",
    "ipseccmd -f (0+*) -1e 60": "-1e: ignored, because all filters of the rule permit or block",
    "ipseccmd -f [0+*] (0=192.0.2.1) -n ah[md5] inpass -soft": "-n, -soft: ignored",
    "ipseccmd -f 10.1.2.3/255.0.0.0=*": "10.0.0.0/8 is used instead",
}


@pytest.mark.parametrize("line", NOTES)
def test_ignored_input_gives_a_note(line):
    (note,) = asked_by([read_line(line)]).notes
    assert NOTES[line] in note


MIXED = """\
ipseccmd -w reg -p P -r R -f 0+* -n block
ipseccmd -f [0+192.0.2.1]
ipseccmd -w reg -p P -x
ipseccmd -u
ipseccmd -f 10.1.2.3/8=* -1e 5
"""


def test_lines_of_both_modes_keep_their_order():
    lines, _script = read_lines(commands_of(Program.IPSECCMD, MIXED, False), False)
    asked = asked_by(lines)
    assert [placed.edit.assigned for placed in asked.edits] == [None, True]
    assert [type(placed.change) for placed in asked.changes] == [AddDynamic, FlushDynamic, AddDynamic]
    assert [placed.command.line() for placed in asked.changes] == [2, 4, 5]
    assert [note.partition(":")[0] for note in asked.notes] == ["line 5", "line 5"]
    assert not asked.confirms


def test_confirmation_is_asked_for_by_one_line():
    lines = [read_line("-f 0+*"), read_line("-f 0+192.0.2.1 -c")]
    assert asked_by(lines).confirms
    assert not asked_by(lines[:1]).confirms


@pytest.mark.parametrize(("mode", "left"), [(Mode.STATIC, [2, 4, 5]), (Mode.DYNAMIC, [1, 3])])
def test_lines_of_the_other_mode_are_mistakes_or_left_out(mode, left):
    script = commands_of(Program.IPSECCMD, MIXED, False)
    lines, kept = read_lines(script, True, modes=(mode,))
    assert [item.line for item in kept.left_out] == left
    assert len(lines) == 5 - len(left)
    with pytest.raises(SourceError, match=r"dynamic=true"):
        read_lines(script, False, modes=(mode,))


def _offers(rule):
    group = None if rule.pfs_group is None else int(rule.pfs_group)
    return tuple(Offer(method, group if method.pfs else None) for method in rule.methods)


def _command(rule):
    """The command that adds a rule."""
    specs = [
        FilterSpec(item.filter.unresolved(), None if item.action is Action.NEGOTIATE else item.action)
        for item in rule.filters
    ]
    given = {}
    if rule.negotiates:
        main_mode = rule.main_mode
        given = {
            "negotiation": Negotiation(Action.NEGOTIATE, _offers(rule), rule.inpass),
            "authentication": rule.authentication,
            "main_mode_methods": main_mode.methods,
            "main_mode_rekey": Rekey(main_mode.quick_mode_limit, main_mode.lifetime_seconds),
            "main_mode_pfs": main_mode.pfs,
            "soft": rule.soft,
            "soft_lifetime": rule.soft_lifetime,
        }
    kind = None if rule.connection_type == "all" else rule.connection_type
    return AddRule(Parameters(filters=tuple(specs), tunnel=rule.tunnel, connection_type=kind, **given))


def _as_read(rule):
    """The rule without addresses of names; one that does not negotiate has no other settings."""
    filters = tuple(dataclasses.replace(item, filter=item.filter.unresolved()) for item in rule.filters)
    if rule.negotiates:
        return dataclasses.replace(rule, filters=filters)
    return DynamicRule(filters=filters, connection_type=rule.connection_type)


# ipseccmd has two groups
_in_manual = strategies.dynamic_rules(end=ipseccmd_strategies.ends).filter(
    lambda rule: (
        rule.pfs_group != Group.MODP_2048 and all(method.group != Group.MODP_2048 for method in rule.main_mode.methods)
    )
)


@given(_in_manual)
def test_line_of_a_rule_is_read_as_that_rule(rule):
    line = format_command(_command(rule))
    (placed,) = asked_by([read_line(line)]).changes
    assert placed.change.rule == _as_read(rule)


@given(ipseccmd_strategies.dynamic, st.booleans())
def test_any_command_is_a_rule_that_netsh_can_say_or_an_error_with_a_place(command, in_list):
    try:
        line = read_line(format_command(command), "commands[0]" if in_list else "")
    except ModelError:
        assume(False)
    try:
        (placed,) = asked_by([line]).changes
    except ModelError as error:
        assert error.column is not None
        assert 1 < error.column <= len(line.text.value)
        return
    check_dynamic(placed.change.rule)
