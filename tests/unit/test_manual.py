# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every sentence of the manual has a test.

`manual_sentences.yml` lists these tests; most are command lines of the corpus. This file checks that list, and tests
the filters of main mode, on which computer and store a line works, and what query mode shows.
"""

from __future__ import annotations

import ast
import functools
import pathlib
import re

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.commands import (
    DeleteRules,
    Help,
    Query,
    Show,
    StoreKind,
    WritePolicy,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.syntax import OPTIONS, SYNTAX
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    ModelError,
    defaults,
)
from unit import corpus, stores

CHECKOUT = pathlib.Path(__file__).parent.parent.parent
# headings and the first rows of tables
HEADINGS = frozenset(
    {"ipseccmd dynamic mode", "ipseccmd static mode", "ipseccmd query mode"}
    | {"Syntax", "Parameters", "Remarks", "Examples"}
    | {"Filter examples", "Value", "Parameter", "Description"}
)
# a sentence ends with a full stop, with or without a closing parenthesis, before a blank and a capital letter
END = re.compile(r"(?:(?<=[.?!])|(?<=\.\))) (?=[A-Z(])")


def sentences():
    """The sentences of the manual in order, each once, with syntax lines and cells of tables."""
    _first, _blank, text = (stores.DATA / "manual.txt").read_text("utf-8").partition("\n\n")
    lines = (" ".join(line.replace("•", " ").split()) for line in text.splitlines())
    pieces = dict.fromkeys(piece for line in lines if line for piece in END.split(line))
    return [piece for piece in pieces if piece not in HEADINGS]


@functools.cache
def listed_sentences():
    return yaml.safe_load((stores.DATA / "manual_sentences.yml").read_text("utf-8"))


REFUSED = {
    "main-mode-filter-permits": ("ipseccmd -f 0+* -1f (0+10.1.2.3)", "a main mode filter does not permit or block"),
    "main-mode-filter-blocks": ("ipseccmd -f 0+* -1f [0+10.1.2.3]", "a main mode filter does not permit or block"),
    "main-mode-filter-with-port": ("ipseccmd -f 0+* -1f 0+10.1.2.3:80:TCP", "no ports and no protocol"),
    "main-mode-filter-with-protocol": ("ipseccmd -f 0+* -1f 0+10.1.2.3::TCP", "no ports and no protocol"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_line_of_dynamic_mode_is_an_error(name):
    line, words = REFUSED[name]
    with pytest.raises(ModelError, match=words):
        read_line(line)


def test_u_deletes_all_dynamic_rules():
    assert read_line("ipseccmd -u").command == DeleteRules()
    for other in ("-f 0+*", "-soft", "-w reg -p P -x"):
        with pytest.raises(ModelError, match="must be the only option"):
            read_line(f"ipseccmd -u {other}")


# for each line: the computer if it is not the host of the task, the store, and its computer or domain
WHERE = {
    "local": ("ipseccmd -w reg -p P -r R -f 0+*", (None, StoreKind.REGISTRY, None)),
    "local-in-dynamic-mode": ("ipseccmd -f 0+*", (None, None, None)),
    "computer-in-front": (r"ipseccmd \\corpsrv1 -f 0+*", ("corpsrv1", None, None)),
    "registry-of-another-computer": (
        "ipseccmd -w REG:corpsrv1 -p P -r R -f 0+*",
        ("corpsrv1", StoreKind.REGISTRY, "corpsrv1"),
    ),
    "directory": ("ipseccmd -w ds -p P -r R -f 0+*", (None, StoreKind.DIRECTORY, None)),
    "domain": ("ipseccmd -w DS:corp.example -p P -r R -f 0+*", (None, StoreKind.DIRECTORY, "corp.example")),
}


@pytest.mark.parametrize("name", WHERE)
def test_computer_and_store_of_a_line(name):
    text, expected = WHERE[name]
    line = read_line(text)
    store, location = (
        (line.command.store, line.command.location) if isinstance(line.command, WritePolicy) else (None, None)
    )
    assert (line.computer, store, location) == expected


# for each line: what it shows, and the computer
QUERIES = {
    "filters-policies": ("ipseccmd show filters policies", {Query.FILTERS, Query.POLICIES}, None),
    "all-of-server1": (r"ipseccmd \\Server1 show all", set(Query), "Server1"),
    "another-order": ("ipseccmd show sas filters", {Query.FILTERS, Query.SAS}, None),
    "words-twice": ("ipseccmd SHOW auth Auth auth", {Query.AUTH}, None),
    "all-and-one": ("show stats all", set(Query), None),
    **{f"only-{query}": (f"ipseccmd show {query}", {query}, None) for query in Query},
}


@pytest.mark.parametrize("name", QUERIES)
def test_query(name):
    text, what, computer = QUERIES[name]
    assert read_line(text).command == Show(frozenset(what), computer)


NO_QUERIES = {
    "nothing": ("ipseccmd show", "column 14: show needs what to show: filters, policies, auth, stats, sas or all"),
    "misspelt": ("ipseccmd show filter", "column 15: show takes filters, .* did you mean filters[?]"),
    "no-show": ("ipseccmd filters", "column 10: expected an option, such as -f, or show"),
    "computer-after-show": (r"ipseccmd show \\Server1 all", "column 15: show takes filters"),
}


@pytest.mark.parametrize("name", NO_QUERIES)
def test_invalid_query(name):
    text, words = NO_QUERIES[name]
    with pytest.raises(ModelError, match=words):
        read_line(text)


def test_help_shows_the_syntax():
    assert read_line("ipseccmd /?").command == Help()
    for option in OPTIONS:
        assert f"-{option}" in SYNTAX


def test_soft_associations_live_300_seconds():
    assert defaults.SOFT_LIFETIME == 300
    assert f"-1e SECONDS     lifetime of a soft association. Default: {defaults.SOFT_LIFETIME}\n" in SYNTAX


def test_options_of_the_syntax_lines():
    """The options of the manual's syntax lines are all options, and the words of query mode are all words."""
    syntax = (piece for piece in sentences() if re.match(r"ipseccmd (\[|-u|DynamicMode)", piece))
    dynamic, delete, static, query = syntax
    assert re.findall(r"\w+", query.partition(" show ")[2]) == [*Query, "all"]
    options = {text: set(re.findall(r"(?<=-)\w+", text)) for text in (dynamic, delete, static)}
    assert set().union(*options.values()) - {"w", "p", "r"} == {*OPTIONS} - {"w", "p", "r"}
    assert options[static] == {"w", "p", "r", "x", "y", "o"}
    given = set(re.findall(r" -(\w+)", corpus.dynamic()["dynamic-everything"]["line"]))
    assert given == options[dynamic] - {"lan"}
    for last in ("", "-x", "-y", "-o", "-x -o"):
        written = read_line(f"ipseccmd -f 0=10.1.2.3 -lan -n ah[md5] -w reg:a -p P:30 -r R {last}").command
        assert (written.assign, written.delete) == ({"-x": True, "-y": False}.get(last[:2]), "-o" in last)


# the parameters that the list may name after a test
PARAMETERS = {
    "tests/unit/test_corpus.py::test_line": corpus.lines(),
    "tests/unit/test_corpus.py::test_dynamic_line": corpus.dynamic(),
    "tests/unit/test_manual.py::test_invalid_line_of_dynamic_mode_is_an_error": REFUSED,
    "tests/unit/test_manual.py::test_computer_and_store_of_a_line": WHERE,
    "tests/unit/test_manual.py::test_query": QUERIES,
    "tests/unit/test_manual.py::test_invalid_query": NO_QUERIES,
}


@functools.cache
def _tests_in(path):
    """The names of the tests in a file."""
    if not (CHECKOUT / path).is_file():
        return frozenset()
    body = ast.parse((CHECKOUT / path).read_text("utf-8")).body
    return frozenset(item.name for item in body if isinstance(item, ast.FunctionDef) and item.name.startswith("test_"))


def _exists(test):
    """Whether a test exists; a name without a path is a line of the corpus."""
    if "::" not in test:
        return test in corpus.lines() or test in corpus.dynamic()
    test, bracket, parameter = test.partition("[")
    path, _colons, name = test.partition("::")
    if bracket and parameter.removesuffix("]") not in PARAMETERS.get(test, ()):
        return False
    return name in _tests_in(path)


def test_every_sentence_is_in_the_list():
    listed = [entry["sentence"] for entry in listed_sentences()]
    assert [sentence for sentence in sentences() if sentence not in listed] == []
    assert [sentence for sentence in listed if sentence not in sentences()] == []
    assert listed == sentences()


def test_every_sentence_has_tests():
    assert [entry["sentence"] for entry in listed_sentences() if not entry["tests"]] == []
    assert [test for entry in listed_sentences() for test in entry["tests"] if not _exists(test)] == []


def test_the_check_finds_missing_tests():
    assert len(sentences()) > 150
    assert "Dynamic mode is the default mode for Ipseccmd." in sentences()
    assert "(See the first example for dynamic mode.)" in sentences()
    for missing in (
        "no-such-line",
        "tests/unit/test_corpus.py::test_line[no-such-line]",
        "tests/unit/test_corpus.py::test_no_such",
        "tests/unit/test_no_such.py::test_line",
        "tests/unit/core/target/test_draft.py::test_only_the_filters_are_replaced[x]",
    ):
        assert not _exists(missing)
    for existing in (
        "close-rdp",
        "tests/unit/test_corpus.py::test_line[close-rdp]",
        "tests/unit/test_corpus.py::test_line",
    ):
        assert _exists(existing)


def test_command_lines_of_the_manual_are_tested():
    lines = {entry["line"] for entry in (*corpus.lines().values(), *corpus.dynamic().values())}
    lines |= {text for text, _what, _computer in QUERIES.values()}
    found = {piece for piece in sentences() if re.match(r"ipseccmd (-f|show|\\\\)", piece)}
    assert len(found) == 7
    assert found <= lines
