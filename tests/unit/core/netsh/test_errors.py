# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Errors for mistakes in a script of netsh."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_lines, read_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import Language, parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.mistakes import Mistakes, SourceErrors
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.redact import key_spans
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from hypothesis import given
from hypothesis import strategies as st
from unit.netsh_scripts import BASE, RULE, lines_of, read, wanted

MISTAKES = {
    "unknown program": ("netsh ras", "this is not a command; expected ipsec"),
    "nothing": ("netsh ipsec static", "expected set, add, delete, show, exportpolicy or importpolicy"),
    "help": ("add policy ?", "this shows help and changes nothing"),
    "help with a slash": ("delete filterlist /?", "this shows help and changes nothing"),
    "misspelt command": ("addd policy P", "did you mean add?"),
    "ambiguous": ("add filt x", "this is ambiguous: filterlist, filter or filteraction"),
    "misspelt object": ("add polcy P", "did you mean policy?"),
    "misspelt argument": ("add policy P asign=y", "did you mean assign?"),
    "unknown argument": (
        "add filterlist L x=y",
        "this argument does not exist here; the arguments are name=, description=",
    ),
    "ambiguous argument": (f"{BASE}add rule R P filter=L", "this is ambiguous: filterlist or filteraction"),
    "two ambiguous arguments": (
        f"{BASE}add rule R P filter=L filter=A",
        "this is ambiguous: filterlist or filteraction",
    ),
    "missing": ("add filter L me", "add filter needs dstaddr="),
    "missing name": ("delete rule policy=P", "delete rule needs name="),
    "twice": ("add policy P name=Q", "name= is given twice"),
    "several words": (
        "add policy P desc=close the ports",
        "; a word without a name is the first argument that is not given, here qmpermm=; a value that has blanks needs "
        "quotation marks",
    ),
    "too many words": (
        "add filterlist L the ports",
        "expected name=value, with quotation marks around a value that has blanks; the arguments are name=, desc",
    ),
    "word that may be a GUID": ("set policy P Q", "expected name=value"),
    "no value": ("add policy name=", "name= has no value"),
    "no value after a blank": ("add policy name = ", "name= has no value"),
    "no value in quotes": ('add policy name="" P', "name= has no value"),
    "no name": ("add policy = P", "expected the name of an argument before the '='"),
    "two signs": ("add policy P description = =x", "this may be the value of the '=' before it"),
    "value or argument": (
        "add policy P description = assign=y",
        "this may be the value of the '=' before it, or the next argument; write a value directly after its '='",
    ),
    "open quote": ('add policy name="P', "not closed"),
    "guid": ("set policy P guid={1} newname=x", "a GUID is valid in one store only; use name= instead"),
    "gponame of a local store": ("set policy P gponame=x assign=y", "gponame= is for policies of a domain"),
    "gponame after the local store": (
        "set store domain\nset store local\nset policy P gponame=x assign=y",
        "gponame= is for policies of a domain",
    ),
    "gponame alone": ("set store domain\nset policy P gponame=x", "gponame= needs assign=yes or assign=no"),
    "empty gponame": ('set store domain\nset policy P gponame=" " assign=y', "this name is empty"),
    "gponame of a default rule": (
        "set store domain\nset defaultrule P activate=yes gponame=x",
        "a Group Policy object assigns a whole policy: use 'set policy' with gponame=",
    ),
    "gponame without its name": (
        "set policy P description=d mmpfs=n qmpermm=1 mmlife=1 act=n poll=1 assign=n mmsec=des-md5-1 x",
        "expected name=value",
    ),
    "new policy assigned in a domain": ("set store domain\nadd policy P assign=no", "use 'set policy' with gponame="),
    "assigned in a domain": ("set store domain\nset policy P assign=y", "use 'set policy' with gponame= and assign="),
    "two stores": (
        "add policy P\nset store location=domain\nadd policy Q\nadd policy R",
        "this changes the policies of a domain, and an earlier command changes a host; one task writes to one store",
    ),
    "back to the local store": (
        "set store location=domain\nadd policy P\nset store local\nadd policy Q",
        "this changes a host, and an earlier command changes the policies of a domain",
    ),
    "two domains": (
        "set store domain a.example\nadd policy P\nset store domain B.example\nadd policy Q",
        "an earlier command is for the domain a.example, and this is for the domain B.example",
    ),
    "domain with and without a name": (
        "set store domain\nadd policy P\nset store domain a.example\nadd policy Q",
        "an earlier command is for the domain of the server, and this is for the domain a.example",
    ),
    "no domain": ('set store domain "two words"', "expected the DNS name of a domain"),
    "store": ("set store location=remote", "expected local or domain"),
    "domain of a local store": ("set store location=local domain=x", "domain= needs location=domain"),
    "import": ("importpolicy file=x.ipsec", "import it on a host"),
    "flag": ("add policy P assign=perhaps", "expected yes or no"),
    "number": ("add policy P poll=0", "expected a number from 1 to 71582788"),
    "main mode": ("add policy P mmsec=3DES-SHA1-4", "cipher-hash-group, as in 3DES-SHA1-3"),
    "long name": (f"add policy {'x' * 256}", "at most 255"),
    "second policy": ("add policy P\nadd policy p", "adding it again fails"),
    "deleted policy": ("delete policy P\nset policy P assign=y", "this policy is deleted in line 1"),
    "everything deleted": ("delete all\nset policy P assign=y", "this policy is deleted in line 1"),
    "delete all": ("delete all\nadd policy P", "this deletes all policies of a host, which are not known here"),
    "renaming a stored policy": ("set policy P newname=Q", "ipsec_policy renames a stored one by its id"),
    "renaming to an existing policy": (
        "add policy P\nadd policy Q\nset policy P newname=q",
        "a policy with this name already exists",
    ),
    "renaming to an existing list": (
        "add filterlist L\nadd filterlist M\nset filterlist L newname=M",
        "a filter list with this name already exists",
    ),
    "unknown list": (
        "add policy P\nadd filteraction A\nadd rule R P L A",
        "no earlier command creates a filter list with this name",
    ),
    "unknown action": (
        "add policy P\nadd filterlist L\nadd rule R P L A",
        "no earlier command creates a filter action with this name",
    ),
    "used list": (f"{BASE}{RULE}\ndelete filterlist L", "a rule uses the filter list 'L'"),
    "used action": (f"{BASE}{RULE}\ndelete filteraction all", "a rule uses the filter action 'A'"),
    "no such filter": (f"{BASE}delete filter L me 192.0.2.2", "this filter list does not have this filter"),
    "mask in an address": (
        "add filter L 10.0.0.0/8 me",
        "netsh does not accept a mask in an address, only as srcmask=; write srcaddr=10.0.0.0 srcmask=8",
    ),
    "mask in the other address": (
        "add filter L srcaddr=me dstaddr=198.51.100.0/255.255.255.0",
        "; write dstaddr=198.51.100.0 dstmask=255.255.255.0",
    ),
    "two masks": (
        "add filter L 10.0.0.0/8 me srcmask=8",
        "netsh does not accept a mask in an address, only as srcmask=",
    ),
    "mask of a tunnel": (f"{BASE}{RULE} tunnel=192.0.2.0/24", "netsh does not accept a mask in an address"),
    "address": ("add filter L 10.0.0 me", "'10.0.0' is not a valid address; an IPv4 address is four numbers"),
    "address of ipseccmd": ("add filter L 0 me", "netsh does not accept this address; use me, any, an address"),
    "mask": ("add filter L 10.0.0.0 me srcmask=33", "'33' is not a valid mask for 10.0.0.0"),
    "mask with holes": ("add filter L 10.0.0.0 me srcmask=255.0.255.0", "not contiguous"),
    "mask of a name": ("add filter L a.example me srcmask=24", "a mask needs a single address"),
    "families": ("add filter L 10.0.0.1 ::1", "both must be addresses of the same family"),
    "protocol": ("add filter L me any protocol=GRE", "for this protocol, use 47"),
    "port": ("add filter L me any protocol=tcp dstport=http", "the port must be a number from 1 to 65535"),
    "port without protocol": ("add filter L me any dstport=80", "a port needs protocol=TCP"),
    "port too large": ("add filter L me any protocol=tcp dstport=65536", "1 to 65535"),
    "action": ("add filteraction A action=drop", "expected permit, block or negotiate"),
    "security method": ("add filteraction A qmsec=3DES", "ESP[cipher,hash]"),
    "cipher": ("add filteraction A qmsec=ESP[AES,SHA1]", "ESP takes a cipher"),
    "no security": ("add filteraction A qmsec=ESP[None,None]", "esp[none,none] would protect nothing"),
    "lifetime": ("add filteraction A qmsec=AH[MD5]:1k/2k", "as in 100000k/3600s"),
    "second rule": (f"{BASE}{RULE}\n{RULE}", "the policy already has a rule with this name"),
    "unknown rule": (f"{BASE}delete rule R P", "the policy has no rule with this name"),
    "stored rule": ("delete rule R P", "ipsec_rule with 'state: absent'"),
    "change of a stored rule": ("set rule R P activate=n", "as a task of ipsec_rule"),
    "default rule of a stored policy": ("set defaultrule P qmpfs=y", "activate=yes or activate=no is required"),
    "connection type": (f"{BASE}{RULE} conntype=wifi", "expected all, lan or dialup"),
    "no authentication": (f"{BASE}{RULE} kerberos=no", "this leaves no authentication method"),
    "certificate mapping": (f'{BASE}{RULE} rootca="CN=x certmap:yes"', "this option cannot be written"),
    "option twice": (f'{BASE}{RULE} rootca="CN=x certmap:no certmap:no"', "certmap is given twice"),
    "authority": (f'{BASE}{RULE} rootca=" "', "distinguished name"),
    "tunnel": (f"{BASE}{RULE} tunnel=any", "a tunnel endpoint is one address or DNS name"),
    "mirrored tunnel": (f"{BASE}{RULE} tunnel=192.0.2.9", "use mirrored=no in each 'add filter' of the list"),
    "tunnel that permits": (
        f"{BASE}{RULE} tunnel=192.0.2.9\nset filteraction A action=permit",
        "the action of this rule is permit",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_an_error(mistake):
    lines, words = MISTAKES[mistake]
    with pytest.raises(SourceError) as caught:
        read(lines)
    assert words in caught.value.problem


def test_all_mistakes_of_a_script_are_in_one_message():
    with pytest.raises(SourceErrors) as caught:
        read(f"{BASE}add policy Q asign=y\n{RULE} tunnel=any\nset policy P poll=0\nadd filter L me")
    head, *lines = str(caught.value).split("\n")
    assert head == "4 mistakes:"
    assert [line.partition(":")[0] for line in lines[::3]] == [
        "line 5, column 33",
        "line 6, column 44",
        "line 7, column 38",
        "line 8, column 35",
    ]
    assert (caught.value.line, caught.value.column) == (5, 33)
    assert lines[:3] == str(error_of(f"{BASE}add policy Q asign=y")).split("\n")


def error_of(*lines):
    with pytest.raises(SourceError) as caught:
        read(*lines)
    return caught.value


def test_one_mistake_has_no_heading():
    assert str(error_of("add policy P poll=0")).startswith("line 1, column 38: expected a number")


def test_twenty_mistakes_are_shown():
    lines = str(error_of(*["add policy"] * 25)).split("\n")
    assert (lines[0], len(lines), lines[-1]) == ("25 mistakes:", 1 + 20 * 3 + 1, "and 5 more")


# scripts with one mistake, and commands that fail because of it
CONSEQUENCES = [
    "add filterlist L x=y\nadd filteraction A\nadd rule R P L A",
    "add filterlist 'L\nadd filteraction A desc=\"x\nadd filter L me any\nadd rule R P L A\nset filteraction A soft=y",
    f"{BASE}{RULE} conntype=wifi\nset rule R P activate=n\nset rule R P newname=S\nset rule S P activate=n",
    f"{BASE}add rule R P L B\ndelete rule R P\nset rule R P psk=x",
    "add policy P assign=perhaps\nset defaultrule P qmpfs=y",
    "add filter L me any dstport=80\nadd policy P\nadd filteraction A\nadd rule R P L A\ndelete filter L any me",
    "add filteraction A action=drop\nset filteraction A newname=B\nset filteraction B soft=y",
    f"{BASE}{RULE}\ndelete rule all policy=P x=y\ndelete filterlist all\n{RULE}",
    "add filter L 10.0.0 me\nadd filteraction A\nadd rule R P L A tunnel=192.0.2.9",
    "delete all\nadd policy P assign=perhaps",
]


@pytest.mark.parametrize("script", CONSEQUENCES)
def test_consequences_of_a_mistake_are_not_listed(script):
    error = error_of(script)
    assert not isinstance(error, SourceErrors)


def test_a_mistake_beside_a_consequence_is_listed():
    error = error_of(
        "add filterlist L x=y\nadd filteraction A\nadd rule R P L A conntype=wifi\nset filteraction A soft=x"
    )
    assert [line.partition(",")[0] for line in str(error).split("\n")[1::3]] == ["line 1", "line 3", "line 4"]


def test_names_that_a_command_in_an_if_may_create_are_not_mistakes():
    text = "\n".join(
        f"netsh ipsec static {line}" for line in ("add policy P", "add filteraction A", "add rule R P L A")
    )
    mistakes = Mistakes()
    script = commands_of(Program.NETSH, f"if exist x netsh ipsec static add filterlist L\n{text}", False, mistakes)
    commands, _script = read_lines(script, False, mistakes)
    with pytest.raises(SourceError) as caught:
        read_netsh(commands, [], mistakes)
    assert not isinstance(caught.value, SourceErrors)
    assert "the 'if' in line 1" in caught.value.problem


DYNAMIC = [
    "show all",
    "set config ikelogging 1",
    "add rule srcaddr=me dstaddr=any mmpolicy=x psk=s3cret",
    "delete all",
    "",
]


@pytest.mark.parametrize("words", DYNAMIC)
def test_commands_of_the_other_language_are_refused_or_left_out(words):
    text = f"netsh ipsec static add policy P\nnetsh ipsec dynamic {words}\nnetsh ipsec static set policy P assign=y"
    static = (Language.STATIC,)
    with pytest.raises(SourceError, match=r"dynamic=true converts such .* unsupported=ignore leaves") as caught:
        read_lines(commands_of(Program.NETSH, text, False), False, languages=static)
    assert "s3cret" not in str(caught.value)
    commands, script = read_lines(commands_of(Program.NETSH, text, True), True, languages=static)
    assert [(left.line, left.reason[:44]) for left in script.left_out] == [
        (2, "this is a command of 'netsh ipsec dynamic', ")
    ]
    assert [(command.verb, command.object) for command in commands] == [("add", "policy"), ("set", "policy")]


@pytest.mark.parametrize(
    ("lines", "marked"),
    [
        ("add policy P asign=y", "asign=y"),
        ("add policy P poll=12x", "12x"),
        ("add filter L 10.0.0.1 me srcmask=255.0.255.0", "255.0.255.0"),
        ('add filteraction A qmsec="AH[MD5] ESP[DES,MD5]:5"', '5"'),
        (f"{BASE}{RULE} tunnel=192.0.2.9 psk=x", "192.0.2.9"),
        (f'{BASE}{RULE} rootca="CN=x excludecaname:yes"', "excludecaname"),
    ],
)
def test_an_error_points_at_the_mistake(lines, marked):
    with pytest.raises(SourceError) as caught:
        read(lines)
    _message, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^") :].startswith(marked)


@pytest.mark.parametrize(
    "words",
    [
        "psk=s3cret oops",
        "psk=s3cret s3cret oops=s3cret",
        "ps=s3cret oops=1",
        "pks=s3cret",
        "key=s3cret s3cret",
        'psk="s3cret',
        '"psk=s3cret s3cret" oops',
        "psk = s3cret oops = x",
        'psk = "s3cret s3cret" oops',
        "psk =s3cret oops=1",
        'psk= "s3cret" oops=1',
        "ps = a=s3cret oops=1",
        "pks = s3cret oops",
        "description = ps=s3cret",
        "description = psk = s3cret",
        "192.0.2.1 all yes text no s3cret",
        "192.0.2.1 all yes text no s3cret s3cret oops=1",
        "tunnel=192.0.2.1 all s3cret",
        "s3cret!",
        "s3cret/24",
        '"a ""s3cret"" b"',
    ],
)
def test_no_error_shows_a_key(words):
    with pytest.raises(SourceError) as caught:
        read(BASE, f"{RULE} {words}")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("words", ["psk=a s3cret", "psk = a s3cret", "s3cret"])
def test_a_word_that_may_belong_to_a_key_is_no_tunnel(words):
    lines = f"add filterlist M\nadd filter M 192.0.2.1 me mirrored=no\nadd rule S P M A {words}"
    with pytest.raises(
        SourceError, match=r"a tunnel endpoint without tunnel= is one address; .* here tunnel="
    ) as caught:
        read(BASE, lines)
    assert "s3cret" not in str(caught.value)


def test_other_arguments_are_not_hidden():
    line = "netsh ipsec static add rule name=R policy=P desc=close the ports psk=x rootca=CN=y"
    assert [line[start:end] for start, end in key_spans(line)] == ["x"]
    line = 'netsh ipsec static add rule name = R policy = "P Q" filterlist =L psk = "x y" conntype= lan'
    assert [line[start:end] for start, end in key_spans(line)] == [' "x y"']


_WORDS = """netsh ipsec static dynamic add set delete show policy filterlist filter filteraction rule defaultrule all
    store name=P name=L policy=P filterlist=L filteraction=A srcaddr=me dstaddr=192.0.2.1 srcmask=24 protocol=TCP
    dstport=80 mirrored=no assign=y kerberos=no tunnel=192.0.2.1 action=block qmsec=ESP[DES,MD5]:1k qmpfs=y newname=Q
    mmlife=9 qmsec=[[ mmsec=DES-MD5-1 rootca=CN=x psk=s3cret "psk=s3cret P L A = "" " location=local"""
WORDS = st.sampled_from(_WORDS.split())
LINES = st.one_of(
    st.lists(WORDS, max_size=9).map(lambda words: " ".join(["ipsec static", *words])),
    st.sampled_from(
        [*BASE.splitlines(), RULE, "delete policy P", "delete filterlist L", "delete rule all policy=P"]
    ).map(lambda line: f"ipsec static {line}"),
    st.text(max_size=40),
)


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_any_text_gives_tasks_or_an_error_without_keys(file):
    try:
        found = read_netsh(map(parse_command, lines_of(file)), [])
    except ModelError as error:
        assert "s3cret" not in str(error)
    else:
        for item in found:
            assert wanted(item)
