# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands of `netsh ipsec dynamic` as changes of dynamic rules."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic import commands as dynamic_commands
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    Action,
    Certificate,
    DnsName,
    MainMode,
    ModelError,
    PresharedKey,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import (
    AddDynamic,
    DeleteDynamic,
    DynamicRule,
    FlushDynamic,
    SetConfig,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.lines import read_changes, read_list
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.tasks import read_dynamic
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import (
    parse_dynamic_rule,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.mistakes import Mistakes, SourceErrors
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from hypothesis import given
from unit import strategies
from unit.netsh_scripts import lines_of

POLICIES = "add mmpolicy M\nadd qmpolicy Q\n"


def changes_of(text, notes=None):
    """What the lines, which are below ``netsh ipsec dynamic``, change."""
    script = "\n".join(f"netsh ipsec dynamic {line}" for line in text.splitlines())
    return [
        placed.change for placed in read_dynamic(map(parse_command, lines_of(script)), [] if notes is None else notes)
    ]


def rule_of(text):
    """The only rule of the lines after the policies M and Q."""
    (change,) = changes_of(POLICIES + text)
    return change.rule


def rule(**tree):
    return parse_dynamic_rule(tree, "", [])


RULES = {
    "add rule me 192.0.2.1 M Q": rule(filters=["0+192.0.2.1"]),
    "add rule srcaddr=me dstaddr=any mmpolicy=m qmpolicy=q mirrored=no": rule(filters=["0=*"]),
    "add rule me 10.0.0.0 M Q dstmask=255.0.0.0 protocol=TCP srcport=0 dstport=445": rule(
        filters=["0+10.*.*.*:445:TCP"]
    ),
    "add rule 10.1.0.0 srcmask=16 dstaddr=dns mmpolicy=M qmpolicy=Q conntype=dialup": rule(
        filters=[{"source": "10.1.0.0/16", "destination": "dns"}], connection_type="dialup"
    ),
    "add rule me srv.example M Q ICMP": rule(filters=["0+srv.example::ICMP"]),
    "add rule me 10.0.0.1-10.0.0.9 M Q": rule(filters=[{"source": "me", "destination": "10.0.0.1-10.0.0.9"}]),
    "add rule me 2001:db8::1 M Q": rule(filters=[{"source": "me/ipv6", "destination": "2001:db8::1"}]),
    "add rule me any M actioninbound=permit actionoutbound=permit": rule(filters=["(0+*)"]),
    "add rule me any M actionin=block actionout=BLOCK psk=x": rule(filters=["[0+*]"]),
    "add rule me any M Q actioninbound=permit": rule(filters=["0+*"], inpass=True),
    "add rule me any M Q actioninbound=permit actionoutbound=negotiate": rule(filters=["0+*"], inpass=True),
    "add rule 10.1.0.0 10.2.0.0 M Q srcm=16 dstm=16 mirrored=no tunneldst=192.0.2.9": rule(
        filters=["10.1.*.*=10.2.*.*"], tunnel="192.0.2.9"
    ),
    "add rule me any M Q tunneldst=gw.example mirrored=no": rule(filters=["0=*"], tunnel="gw.example"),
    'add rule me any M Q kerberos=yes psk="a key" rootca="CN=A certmap:no" rootca=CN=B': rule(
        filters=["0+*"],
        authentication=["kerberos", {"preshared_key": "a key"}, {"certificate": "CN=A"}, {"certificate": "CN=B"}],
    ),
}


@pytest.mark.parametrize("line", RULES)
def test_rule(line):
    assert rule_of(line) == RULES[line]


MAIN = {
    "": rule(filters=["0+*"]),
    "qmpermm=3": rule(filters=["0+*"], main_mode={"quick_mode_limit": 3}),
    "mmlifetime=60": rule(filters=["0+*"], main_mode={"lifetime_seconds": 3600}),
    "softsaexpirationtime=900": rule(filters=["0+*"], soft_lifetime=900),
    'mmsecmethods="3DES-SHA1-3 DES-MD5-1"': rule(filters=["0+*"], main_mode={"methods": ["3des-sha-14", "des-md5-1"]}),
}


@pytest.mark.parametrize("words", MAIN)
@pytest.mark.parametrize("verb", ["add", "set"])
def test_main_mode_policy(verb, words):
    first = f"{verb} mmpolicy N {words}" if verb == "add" else f"add mmpolicy N\nset mmpolicy N {words}"
    (change,) = changes_of(f"{first}\nadd qmpolicy Q\nadd rule me any N Q")
    assert change.rule == MAIN[words]


WITH_PFS = [f"{method} PFS1" for method in ("esp[3des,sha]", "esp[3des,md5]", "esp[des,sha]", "esp[des,md5]")]
QUICK = {
    "": rule(filters=["0+*"]),
    "soft=yes": rule(filters=["0+*"], soft=True),
    "pfsgroup=GRP1": rule(filters=["0+*"], security_methods=WITH_PFS),
    'pfsgroup=grp3 qmsecmethods="ESP[3DES,SHA1]"': rule(
        filters=["0+*"], security_methods=["esp[3des,sha] PFS"], pfs_group=14
    ),
    'pfsgroup=GRPMM qmsecmethods="AH[MD5]:100000k/3600s AH[SHA1]+ESP[DES,None]"': rule(
        filters=["0+*"], security_methods=["ah[md5] 3600S/100000K PFS", "ah[sha]+esp[des,none] PFS"]
    ),
    'pfsgroup=NOPFS qmsecmethods="AH[MD5]"': rule(filters=["0+*"], security_methods=["ah[md5]"]),
}


@pytest.mark.parametrize("words", QUICK)
@pytest.mark.parametrize("verb", ["add", "set"])
def test_quick_mode_policy(verb, words):
    first = f"{verb} qmpolicy N {words}" if verb == "add" else f"add qmpolicy N\nset qmpolicy N {words}"
    (change,) = changes_of(f"{first}\nadd mmpolicy M\nadd rule me any M N")
    assert change.rule == QUICK[words]


def test_set_changes_all_rules_that_use_a_policy():
    text = (
        POLICIES + "add rule me 192.0.2.1 M Q\nadd rule me 192.0.2.2 M Q\nadd mmpolicy N\nadd rule me 192.0.2.3 N Q\n"
    )
    changes = changes_of(text + "set mmpolicy m mmlifetime=60\nset qmpolicy Q soft=y\nset mmpolicy M qmpermm=2")
    rules = [change.rule for change in changes]
    assert [rule.main_mode for rule in rules] == [
        MainMode(lifetime_seconds=3600, quick_mode_limit=2),
        MainMode(lifetime_seconds=3600, quick_mode_limit=2),
        MainMode(),
    ]
    assert [rule.soft for rule in rules] == [True, True, True]


def test_set_rule_changes_what_it_gives():
    text = POLICIES + "add rule me 192.0.2.1 M Q psk=x protocol=TCP dstport=80\nadd mmpolicy N mmlifetime=60\n"
    selector = "set rule 192.0.2.1 me TCP 80 0 yes all"
    (change,) = changes_of(f"{text}{selector} mmpolicy=N actioninbound=permit")
    assert change.rule.main_mode.lifetime_seconds == 3600
    assert (change.rule.inpass, change.rule.authentication) == (True, (PresharedKey("x"),))
    (change,) = changes_of(f"{text}{selector} rootca=CN=A kerberos=no")
    assert (change.rule.inpass, change.rule.authentication) == (False, (Certificate(ca="CN=A"),))
    (change,) = changes_of(f"{text}{selector} actioninbound=block actionoutbound=block")
    assert change.rule == rule(filters=["[0+192.0.2.1:80:TCP]"])


def test_delete_rule_deletes_by_what_identifies_it():
    text = POLICIES + "add rule me 192.0.2.1 M Q\nadd rule me 192.0.2.2 M Q\n"
    added, deleted = changes_of(text + "delete rule 192.0.2.1 me ANY 0 0 yes all")
    assert added.rule == rule(filters=["0+192.0.2.2"])
    assert deleted == DeleteDynamic(rule(filters=["0+192.0.2.1"]).identity)
    (only,) = changes_of("delete rule me any TCP 0 80 no lan tunneldst=192.0.2.9")
    wanted = rule(filters=["0=*:80:TCP"], tunnel="192.0.2.9", connection_type="lan")
    assert only == DeleteDynamic(wanted.identity)


def test_a_rule_that_is_deleted_first_is_added_again():
    deleted, added = changes_of(f"delete rule me any ANY 0 0 yes all\n{POLICIES}add rule me any M Q")
    assert deleted == DeleteDynamic(added.rule.identity)
    assert added == AddDynamic(rule(filters=["0+*"]))


def test_delete_all_forgets_everything_but_settings():
    before = (
        f"{POLICIES}set config ipsecexempt 3\nadd rule me any M Q\ndelete rule me any TCP 0 0 yes all\ndelete all\n"
    )
    assert changes_of(before) == [SetConfig({"ipsecexempt": "3"}), FlushDynamic()]
    assert changes_of(f"{before}{POLICIES}add rule me any M Q")[2:] == [AddDynamic(rule(filters=["0+*"]))]
    with pytest.raises(SourceError, match="no earlier command creates this mmpolicy"):
        changes_of(f"{before}add qmpolicy Q\nadd rule me any M Q")


def test_unused_policies_are_forgotten():
    notes = []
    assert changes_of(f"{POLICIES}delete mmpolicy M\ndelete qmpolicy q", notes) == []
    assert notes == []
    assert changes_of(f"{POLICIES}delete mmpolicy all\ndelete qmpolicy all\n{POLICIES}", notes) == []
    assert [note.partition(",")[0] for note in notes] == [
        "line 3: each mmpolicy of the host stays",
        "line 4: each qmpolicy of the host stays",
    ]


SETTINGS = {
    "set config ipsecexempt 0": {"ipsecexempt": "0"},
    "set config property=bootmode value=Block": {"bootmode": "block"},
    'set config BootExemptions "TCP:0:3389:Inbound  UDP:0:53:outbound"': {
        "bootexemptions": "tcp:0:3389:inbound udp:0:53:outbound"
    },
    "set config bootexemptions none": {"bootexemptions": "none"},
    "set config strongcrlcheck 2": {"strongcrlcheck": "2"},
}


@pytest.mark.parametrize("line", SETTINGS)
def test_setting(line):
    assert changes_of(line) == [SetConfig(SETTINGS[line])]


USED = f"{POLICIES}add rule me any M Q\n"
# ¦ marks the place that the error points to
ERRORS = {
    "add rule me any ¦M": "no earlier command creates this mmpolicy, and those of the host are not known here",
    "add mmpolicy M\nadd rule me any M ¦Q": "no earlier command creates this qmpolicy",
    "add mmpolicy M\nadd rule me any M¦": "a rule that negotiates needs qmpolicy=",
    "add mmpolicy M\nadd rule me any M actioninbound=permit¦": "a rule that negotiates needs qmpolicy=",
    "add mmpolicy M\nadd mmpolicy ¦m": "the script has created this mmpolicy; adding it again fails",
    "add qmpolicy Q\nadd qmpolicy ¦Q soft=y": "the script has created this qmpolicy; adding it again fails",
    "set mmpolicy ¦M": "no earlier command creates this mmpolicy",
    "set qmpolicy ¦Q": "no earlier command creates this qmpolicy",
    "delete mmpolicy ¦M": "no earlier command creates this mmpolicy",
    "delete qmpolicy ¦Q": "no earlier command creates this qmpolicy",
    f"{USED}delete mmpolicy ¦M": "a rule of the script uses the mmpolicy; delete the rule first",
    f"{USED}delete qmpolicy ¦q": "a rule of the script uses the qmpolicy; delete the rule first",
    f"{USED}add rule ¦any me M Q": "the script already adds a rule for this traffic; adding it again fails",
    f"{USED}set rule ¦me any TCP 0 0 yes all": "no earlier command adds a rule for this traffic",
    f"{POLICIES}add rule me any M Q actioninbound=¦block": "inbound packets are blocked here, and outbound packets neg",
    f"{POLICIES}add rule me any M Q actionoutbound=¦permit": "inbound packets are negotiated here, and outbound",
    f"{POLICIES}add rule me any M Q actionin=¦negotiate actionout=block": "or has actioninbound=permit and actiono",
    f"{POLICIES}add rule me any M Q actioninbound=¦deny": "expected permit, block or negotiate",
    f"{POLICIES}add rule me any M Q tunneldst=¦192.0.2.9": "a tunnel needs mirrored=no, and a second rule",
    f"{POLICIES}add rule me any M mirrored=no actionin=block actionout=block tunneldst=¦192.0.2.9": "must negotiate",
    f"{POLICIES}add rule me any M Q mirrored=no actionin=permit tunneldst=¦192.0.2.9": "cannot have inpass",
    f"{POLICIES}add rule me any M Q mirrored=no tunneldst=¦10.0.0.1-10.0.0.5": "one address or DNS name",
    f"{POLICIES}add rule me any M Q TCP dstport=¦80-90": "a dynamic rule has one port, not a range; use one rule for",
    f"{POLICIES}add rule me any M Q UDP srcport=¦1-2": "a dynamic rule has one port, not a range",
    f"{POLICIES}add rule me any M Q dstport=¦80": "a port needs protocol=TCP or protocol=UDP",
    f"{POLICIES}add rule me any M Q conntype=¦wifi": "expected all, lan or dialup",
    f"{POLICIES}add rule me 10.0.0.0¦/8 M Q": "write dstaddr=10.0.0.0 dstmask=8",
    f"{POLICIES}add rule me any M Q kerberos=¦no": "this leaves no authentication method",
    f"{POLICIES}add rule me any M Q kerberos=¦maybe": "expected yes or no",
    f"{POLICIES}add rule me any M Q ¦description=x": "this argument does not exist here",
    f"{POLICIES}add rule me any¦": "add rule needs mmpolicy=",
    "add mmpolicy M mmlifetime=¦0": "expected a number from 1 to",
    "add mmpolicy M mmlifetime=¦480m": "expected a number from 1 to",
    "add mmpolicy M qmpermm=¦-1": "expected a number from 0 to",
    "add mmpolicy M softsaexpirationtime=¦0": "expected a number from 1 to",
    "add mmpolicy M mmsecmethods=¦3DES-SHA1-14": "expected cipher-hash-group",
    'add mmpolicy "¦ "': "this name is empty",
    "add qmpolicy Q pfsgroup=¦2": "expected GRP1, GRP2, GRP3, GRPMM or NOPFS",
    "add qmpolicy Q soft=¦1": "expected yes or no",
    "add qmpolicy Q qmsecmethods=ESP[¦AES,SHA1]": "ESP takes a cipher (3DES, DES, None)",
    "delete rule me any¦": "delete rule needs protocol=",
    "delete rule all¦": "delete rule needs dstaddr=",
    "delete all ¦M": "there are no arguments",
    "set config ¦ikelogging 1": "this is for finding faults, not a setting to keep",
    "set config ¦IPsecDiagnostics 7": "this is for finding faults, not a setting to keep",
    "set config ¦ipsecloginterval 60": "this is for finding faults, not a setting to keep",
    "set config ¦bootmod stateful": "expected ipsecexempt, bootmode, bootexemptions or strongcrlcheck",
    "set config ipsecexempt ¦4": "expected 0, 1, 2 or 3",
    "set config bootexemptions ¦TCP:inbound": "expected none, or PROTOCOL",
    "set config bootmode¦": "set config needs value=",
    "¦export x": "this is not a command",
    "add ¦policy P": "this is not a command",
    "add rule ¦?": "this shows help and changes nothing",
}


@pytest.mark.parametrize("marked", ERRORS)
def test_error_points_to_its_place(marked):
    text = marked.replace("¦", "")
    with pytest.raises(SourceError) as caught:
        changes_of(text)
    before = marked[: marked.index("¦")]
    assert ERRORS[marked] in caught.value.problem
    line = before.count("\n") + 1
    column = len(before.rpartition("\n")[2]) + len("netsh ipsec dynamic ") + 1
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("what", ["mmpolicy", "qmpolicy"])
def test_policies_that_are_used_cannot_be_deleted_all_together(what):
    with pytest.raises(SourceError, match=f"line 4, column 1: a rule of the script uses the {what}"):
        changes_of(f"{USED}delete {what} all")


def test_a_consequence_is_not_another_mistake():
    with pytest.raises(SourceError) as caught:
        changes_of("add mmpolicy M mmlifetime=x\nadd qmpolicy Q\nadd rule me any M Q\nset mmpolicy M qmpermm=1")
    assert not isinstance(caught.value, SourceErrors)
    assert caught.value.line == 1
    with pytest.raises(ModelError) as caught:
        read_list(
            [f"netsh ipsec dynamic {line}" for line in ("add mmpolicy M mmlife=x", "add rule me any M", "show all")],
            "commands",
            False,
        )
    assert [line.partition(":")[0] for line in str(caught.value).splitlines() if "commands" in line] == [
        "commands[0]",
        "commands[2]",
    ]


def test_an_error_does_not_show_a_key():
    for words in ('psk="s3cret key" conntype=x', "psk=s3cret psk=s3cret", "psk=s3cret tunneldst=1.2.3.4", "x=s3cret"):
        with pytest.raises(SourceError) as caught:
            changes_of(f"{POLICIES}add rule me any M Q {words}")
        assert "s3cret" not in str(caught.value)


MIXED = """\
pushd ipsec dynamic
add mmpolicy M
add qmpolicy Q
popd
pushd ipsec static
add policy P
popd
pushd ipsec dynamic
add rule me 10.1.2.3 srcmask=32 mmpolicy=M qmpolicy=Q
add rule 10.0.0.1 any M Q srcmask=255.0.0.0
set mmpolicy M mmlifetime=5
popd
pushd ipsec static
set policy P assign=y
popd
"""


def _read_script(text, ignore=False, allow=False):
    mistakes = Mistakes()
    found = read_changes(commands_of(Program.NETSH, text, ignore, mistakes), ignore, allow, mistakes)
    mistakes.raise_all()
    return found


def test_static_and_dynamic_commands_keep_their_order():
    changes, _script = _read_script(MIXED)
    assert [placed.words.verb for placed in changes.static] == ["add", "set"]
    assert [str(placed.change.rule.filters[0]) for placed in changes.dynamic] == ["me+10.1.2.3", "10.0.0.0/8+any"]
    assert {placed.change.rule.main_mode.lifetime_seconds for placed in changes.dynamic} == {300}
    assert [placed.command.line() for placed in changes.dynamic] == [9, 10]
    (note,) = changes.notes
    assert note.startswith("line 10: ")
    assert "10.0.0.0/8" in note


def test_the_place_of_a_change_is_in_its_list():
    commands = [f"netsh ipsec dynamic {line}" for line in ("add mmpolicy M", "set config ipsecexempt 1", "delete all")]
    changes = read_list(commands, "commands", True)
    assert [placed.place for placed in changes.dynamic] == ["commands[1]", "commands[2]"]


def test_delete_all_must_be_allowed():
    for text in ("netsh ipsec dynamic delete all", "netsh ipsec static delete all"):
        with pytest.raises(SourceError, match="set allow_delete_all=true if that is intended"):
            _read_script(text)
    changes, _script = _read_script("netsh ipsec dynamic delete all", allow=True)
    assert [placed.change for placed in changes.dynamic] == [FlushDynamic()]
    changes, _script = _read_script("netsh ipsec dynamic delete mmpolicy all")
    assert changes.dynamic == ()


def test_show_is_left_out_if_asked_for():
    text = "\n".join(
        f"netsh ipsec dynamic {line}" for line in ("show all", "show rule all", "set config bootmode block")
    )
    with pytest.raises(SourceError, match="'show' changes nothing"):
        _read_script(text)
    changes, script = _read_script(text, ignore=True)
    assert [left.line for left in script.left_out] == [1, 2]
    assert [placed.change for placed in changes.dynamic] == [SetConfig({"bootmode": "block"})]


@given(strategies.dynamic_rules())
def test_the_commands_of_a_rule_are_read_as_its_filters(rule):
    """What the collection gives netsh means the same to it."""
    known = dataclasses.replace(rule, filters=tuple(map(_known, rule.filters)))
    written = dynamic_commands.commands_of(known, "ipsec.windows-0123456789ab")
    rules = [f"add rule {text}" for text in written.rules]
    read = [change.rule for change in changes_of("\n".join((*written.policies, *rules)))]
    assert read == [_one_filter(known, item) for item in known.filters]


def _known(item):
    """The filter with the addresses of its names."""
    ends = {
        end: address.address
        for end in ("source", "destination")
        if isinstance(address := getattr(item.filter, end), DnsName)
    }
    return dataclasses.replace(item, filter=dataclasses.replace(item.filter, **ends))


def _one_filter(rule, item):
    """A filter of the rule as a rule of its own, as netsh has it: master key PFS is one quick mode."""
    if item.action is not Action.NEGOTIATE:
        return DynamicRule(filters=(item,), connection_type=rule.connection_type)
    limit = 1 if rule.main_mode.pfs else rule.main_mode.quick_mode_limit
    main_mode = dataclasses.replace(rule.main_mode, pfs=False, quick_mode_limit=limit)
    return dataclasses.replace(rule, filters=(item,), main_mode=main_mode)
