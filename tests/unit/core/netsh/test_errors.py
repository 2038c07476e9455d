# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Errors for mistakes in a script of netsh."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.redact import key_spans
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from hypothesis import given
from hypothesis import strategies as st
from unit.netsh_scripts import BASE, RULE, lines_of, read, wanted

MISTAKES = {
    "unknown program": ("netsh ras", "this is not a command; expected ipsec"),
    "nothing": ("netsh ipsec static", "expected set, add, delete, show, exportpolicy or importpolicy"),
    "dynamic": ("netsh ipsec dynamic delete all", "only commands of 'netsh ipsec static' can be converted"),
    "misspelt command": ("addd policy P", "did you mean add?"),
    "ambiguous": ("add filt x", "this is ambiguous: filterlist, filter or filteraction"),
    "misspelt object": ("add polcy P", "did you mean policy?"),
    "misspelt argument": ("add policy P asign=y", "did you mean assign?"),
    "unknown argument": (
        "add filterlist L x=y",
        "this argument does not exist here; the arguments are name=, description=",
    ),
    "ambiguous argument": (
        f"{BASE}add rule R P filter=L filteraction=A",
        "this is ambiguous: filterlist or filteraction",
    ),
    "missing": ("add filter L me", "add filter needs dstaddr="),
    "missing name": ("delete rule policy=P", "delete rule needs name="),
    "twice": ("add policy P name=Q", "name= is given twice"),
    "several words": (
        "add policy P desc=close the ports",
        "expected name=value, with quotation marks around a value that has blanks",
    ),
    "blank before the value": ("add policy name= P", "name= has no value"),
    "open quote": ('add policy name="P', "not closed"),
    "guid": ("set policy P guid={1} newname=x", "a GUID is valid in one store only; use name= instead"),
    "gponame": ("set policy P gponame=x assign=y", "does not support domain policies"),
    "domain": ("set store location=domain domain=x", "does not support domain policies"),
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
    "second list": ("add filterlist L\nadd filterlist l", "a filter list with this name already exists"),
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
    "no filters": (
        f"{BASE}{RULE}\ndelete filter L me 192.0.2.1",
        "this filter list has no filters at the end of the script",
    ),
    "no such filter": (f"{BASE}delete filter L me 192.0.2.2", "this filter list does not have this filter"),
    "mask in an address": (
        "add filter L 10.0.0.0/8 me",
        "netsh does not accept a mask here; use the argument srcmask= or dstmask=",
    ),
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
        "psk = s3cret",
        "192.0.2.1 all yes text no s3cret",
    ],
)
def test_no_error_shows_a_key(words):
    with pytest.raises(SourceError) as caught:
        read(BASE, f"{RULE} {words}")
    assert "s3cret" not in str(caught.value)


def test_other_arguments_are_not_hidden():
    line = "netsh ipsec static add rule name=R policy=P desc=close the ports psk=x rootca=CN=y"
    assert [line[start:end] for start, end in key_spans(line)] == ["x"]


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
        found = read_netsh(lines_of(file), [])
    except ModelError as error:
        assert "s3cret" not in str(error)
    else:
        for item in found:
            assert wanted(item)
