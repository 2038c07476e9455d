# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every sentence of the manual's dynamic and static mode has tests that show it.

They are in `manual_sentences.yml`; most are command lines of the corpus. Here are the check of that table, and tests
for what only dynamic mode does, and for where a line works.
"""

from __future__ import annotations

import ast
import functools
import pathlib
import re

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils import defaults
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.commands import AddRule, DeleteRules, Help, Write
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.lines import read_line
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.syntax import OPTIONS, SYNTAX
from ansible_collections.ipsec.windows.plugins.module_utils.model import ModelError
from unit import corpus, stores

CHECKOUT = pathlib.Path(__file__).parent.parent.parent
# headings and the first rows of tables say nothing
HEADINGS = frozenset(
    {"ipseccmd dynamic mode", "ipseccmd static mode", "Syntax", "Parameters", "Remarks", "Examples"}
    | {"Filter examples", "Value", "Parameter", "Description"}
)
# a sentence ends with a point, which a parenthesis may follow, before a blank and a capital letter
END = re.compile(r"(?:(?<=[.?!])|(?<=\.\))) (?=[A-Z(])")


def sentences():
    """Those of the manual in their order, each once, and what is none but says something: forms, cells of tables."""
    _first, _blank, text = (stores.DATA / "manual.txt").read_text("utf-8").partition("\n\n")
    lines = (" ".join(line.replace("•", " ").split()) for line in text.splitlines())
    pieces = dict.fromkeys(piece for line in lines if line for piece in END.split(line))
    return [piece for piece in pieces if piece not in HEADINGS]


@functools.cache
def table():
    return yaml.safe_load((stores.DATA / "manual_sentences.yml").read_text("utf-8"))


def _said(command):
    """What a command of dynamic mode says, without what it leaves out."""
    given = command.parameters
    methods = given.negotiation.offers if given.negotiation else ()
    rekey = given.main_mode_rekey
    said = {
        "computer": command.computer,
        "filters": [(spec.action, str(spec.filter)) if spec.action else str(spec.filter) for spec in given.filters],
        "methods": [(str(offer.method), offer.pfs_group) for offer in methods],
        "tunnel": given.tunnel and str(given.tunnel),
        "authentication": [type(method).__name__ for method in given.authentication],
        "key exchange": [str(method) for method in given.main_mode_methods],
        "rekey": rekey and (rekey.quick_modes, rekey.seconds),
        "master pfs": given.main_mode_pfs,
        "main mode filters": [str(filter_) for filter_ in given.main_mode_filters],
        "soft lifetime": given.soft_lifetime,
        "soft": given.soft,
        "confirm": given.confirm,
        "connections": given.connection_type,
    }
    return {key: value for key, value in said.items() if value}


DYNAMIC = {
    "everything": (
        r"ipseccmd \\corpsrv1 -f 0=10.1.2.3 -n esp[des,md5] -t 10.1.2.4 -a k -1s des-sha-1 -1k 3Q/60S -1p "
        "-1f 0+10.1.2.3 -1e 600 -soft -confirm -dialup",
        {
            "computer": "corpsrv1",
            "filters": ["me=10.1.2.3"],
            "methods": [("esp[des,md5]", None)],
            "tunnel": "10.1.2.4",
            "authentication": ["Kerberos"],
            "key exchange": ["des-sha-1"],
            "rekey": (3, 60),
            "master pfs": True,
            "main mode filters": ["me+10.1.2.3"],
            "soft lifetime": 600,
            "soft": True,
            "confirm": True,
            "connections": "dialup",
        },
    ),
    "filters-alone": ("ipseccmd -f 0+10.1.2.3", {"filters": ["me+10.1.2.3"]}),
    "permit-filter": ("ipseccmd -f (0+10.2.1.1)", {"filters": [("permit", "me+10.2.1.1")]}),
    "blocking-filter": (
        "ipseccmd -f [*=0] 0+10.2.1.1",
        {"filters": [("block", "any=me"), "me+10.2.1.1"]},
    ),
    "interface": (
        "ipseccmd -f {12345678-1234-1234-1234-123456789ABC}=* -n ah[md5]",
        {"filters": ["{12345678-1234-1234-1234-123456789abc}=any"], "methods": [("ah[md5]", None)]},
    ),
    "main-mode-filters": (
        "ipseccmd -f 0+* -1f 0+10.1.2.3 10.*.*.*=*",
        {"filters": ["me+any"], "main mode filters": ["me+10.1.2.3", "10.0.0.0/8=any"]},
    ),
    "soft-lifetime": ("ipseccmd -f 0+* -soft -1e 900", {"filters": ["me+any"], "soft": True, "soft lifetime": 900}),
    "confirm": ("ipseccmd -f 0+* -c", {"filters": ["me+any"], "confirm": True}),
    "group-1": (
        "ipseccmd -f 0+* -n esp[3des,sha] PFS1 esp[3des,md5] P1",
        {"filters": ["me+any"], "methods": [("esp[3des,sha] PFS", 1), ("esp[3des,md5] PFS", 1)]},
    ),
    "group-2": (
        "ipseccmd -f 0+* -n esp[3des,sha] PFS2 esp[3des,md5] P2",
        {"filters": ["me+any"], "methods": [("esp[3des,sha] PFS", 2), ("esp[3des,md5] PFS", 2)]},
    ),
    "no-group": (
        "ipseccmd -f 0+* -n esp[3des,sha] PFS esp[3des,md5]",
        {"filters": ["me+any"], "methods": [("esp[3des,sha] PFS", None), ("esp[3des,md5]", None)]},
    ),
    "manual-ah-md5": ("ipseccmd -f 0+* -n ah[md5]", {"filters": ["me+any"], "methods": [("ah[md5]", None)]}),
    "manual-tunnel": (
        "ipseccmd -f 10.2.1.1=10.2.1.13 -t 10.2.1.13 -n ah[sha] -1p -c",
        {
            "filters": ["10.2.1.1=10.2.1.13"],
            "tunnel": "10.2.1.13",
            "methods": [("ah[sha]", None)],
            "master pfs": True,
            "confirm": True,
        },
    ),
    "manual-ah-and-esp": (
        r'ipseccmd \\corpsrv1 -f corpsrv2+corpsrv1 -n ah[md5]+esp[des,sha] -a p:"corpauth"',
        {
            "computer": "corpsrv1",
            "filters": ["corpsrv2+corpsrv1"],
            "methods": [("ah[md5]+esp[des,sha]", None)],
            "authentication": ["PresharedKey"],
        },
    ),
}


@pytest.mark.parametrize("name", DYNAMIC)
def test_dynamic_mode(name):
    line, said = DYNAMIC[name]
    command = read_line(line).command
    assert isinstance(command, AddRule)
    assert _said(command) == said


REFUSED = {
    "main-mode-filter-permits": ("ipseccmd -f 0+* -1f (0+10.1.2.3)", "a main mode filter neither permits nor blocks"),
    "main-mode-filter-blocks": ("ipseccmd -f 0+* -1f [0+10.1.2.3]", "a main mode filter neither permits nor blocks"),
    "main-mode-filter-with-port": ("ipseccmd -f 0+* -1f 0+10.1.2.3:80:TCP", "no ports and no protocol"),
    "main-mode-filter-with-protocol": ("ipseccmd -f 0+* -1f 0+10.1.2.3::TCP", "no ports and no protocol"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_dynamic_mode_refuses(name):
    line, words = REFUSED[name]
    with pytest.raises(ModelError, match=words):
        read_line(line)


def test_u_deletes_all_dynamic_rules():
    assert read_line("ipseccmd -u").command == DeleteRules()
    for beside in ("-f 0+*", "-soft", "-w reg -p P -x"):
        with pytest.raises(ModelError, match="stands alone"):
            read_line(f"ipseccmd -u {beside}")


# for each line: the computer of the work, where it is not that of the task, and the store and its domain
WHERE = {
    "local": ("ipseccmd -w reg -p P -r R -f 0+*", (None, "reg", None)),
    "local-in-dynamic-mode": ("ipseccmd -f 0+*", (None, None, None)),
    "computer-in-front": (r"ipseccmd \\corpsrv1 -f 0+*", ("corpsrv1", None, None)),
    "registry-of-another-computer": ("ipseccmd -w REG:corpsrv1 -p P -r R -f 0+*", ("corpsrv1", "reg", "corpsrv1")),
    "directory": ("ipseccmd -w ds -p P -r R -f 0+*", (None, "ds", None)),
    "domain": ("ipseccmd -w DS:corp.example -p P -r R -f 0+*", (None, "ds", "corp.example")),
}


@pytest.mark.parametrize("name", WHERE)
def test_where_a_line_works(name):
    text, expected = WHERE[name]
    line = read_line(text)
    store, location = (line.command.store, line.command.location) if isinstance(line.command, Write) else (None, None)
    assert (line.computer, store, location) == expected


def test_help_shows_the_syntax():
    assert read_line("ipseccmd /?").command == Help()
    for option in OPTIONS:
        assert f"-{option}" in SYNTAX


def test_soft_associations_live_300_seconds():
    assert defaults.SOFT_LIFETIME == 300
    assert f"-1e SECONDS     lifetime of a soft association. Left out: {defaults.SOFT_LIFETIME}\n" in SYNTAX


def test_the_options_of_the_syntax_lines():
    """All options of the manual's three forms are taken together, and no others are known."""
    dynamic, delete, static = (piece for piece in sentences() if re.match(r"ipseccmd (\[|-u|DynamicMode)", piece))
    options = {text: set(re.findall(r"(?<=-)\w+", text)) for text in (dynamic, delete, static)}
    assert set().union(*options.values()) - {"w", "p", "r"} == {*OPTIONS} - {"w", "p", "r"}
    assert options[static] == {"w", "p", "r", "x", "y", "o"}
    given = set(re.findall(r" -(\w+)", DYNAMIC["everything"][0]))
    assert given == options[dynamic] - {"lan"}
    for last in ("", "-x", "-y", "-o", "-x -o"):
        written = read_line(f"ipseccmd -f 0=10.1.2.3 -lan -n ah[md5] -w reg:a -p P:30 -r R {last}").command
        assert (written.assign, written.delete) == ({"-x": True, "-y": False}.get(last[:2]), "-o" in last)


# The names of parameters, where a table may have them behind a test
PARAMETERS = {
    "tests/unit/test_corpus.py::test_line": corpus.lines(),
    "tests/unit/test_manual.py::test_dynamic_mode": DYNAMIC,
    "tests/unit/test_manual.py::test_dynamic_mode_refuses": REFUSED,
    "tests/unit/test_manual.py::test_where_a_line_works": WHERE,
}


@functools.cache
def _tests_in(path):
    """The names of the tests in a file."""
    if not (CHECKOUT / path).is_file():
        return frozenset()
    body = ast.parse((CHECKOUT / path).read_text("utf-8")).body
    return frozenset(item.name for item in body if isinstance(item, ast.FunctionDef) and item.name.startswith("test_"))


def _exists(test):
    """Whether there is such a test; one without a path is a line of the corpus."""
    if "::" not in test:
        return test in corpus.lines()
    test, bracket, parameter = test.partition("[")
    path, _colons, name = test.partition("::")
    if bracket and parameter.removesuffix("]") not in PARAMETERS.get(test, ()):
        return False
    return name in _tests_in(path)


def test_every_sentence_is_in_the_table():
    said = [entry["sentence"] for entry in table()]
    assert [sentence for sentence in sentences() if sentence not in said] == []
    assert [sentence for sentence in said if sentence not in sentences()] == []
    assert said == sentences()


def test_every_sentence_has_tests():
    assert [entry["sentence"] for entry in table() if not entry["tests"]] == []
    assert [test for entry in table() for test in entry["tests"] if not _exists(test)] == []


def test_the_check_finds_what_is_missing():
    assert len(sentences()) > 150
    assert "Dynamic mode is the default mode for Ipseccmd." in sentences()
    assert "(See the first example for dynamic mode.)" in sentences()
    for missing in (
        "no-such-line",
        "tests/unit/test_corpus.py::test_line[no-such-line]",
        "tests/unit/test_corpus.py::test_no_such",
        "tests/unit/test_no_such.py::test_line",
        "tests/unit/module_utils/test_draft.py::test_only_the_filters_are_replaced[x]",
    ):
        assert not _exists(missing)
    for there in (
        "close-rdp",
        "tests/unit/test_corpus.py::test_line[close-rdp]",
        "tests/unit/test_corpus.py::test_line",
    ):
        assert _exists(there)


def test_no_line_of_the_corpus_is_for_nothing_but_itself():
    """Each of the manual's lines is in the corpus as it is there, so far as static mode has it."""
    lines = {entry["line"] for entry in corpus.lines().values()}
    assert {piece for piece in sentences() if piece.startswith("ipseccmd -f") and " -w " in piece} <= lines
