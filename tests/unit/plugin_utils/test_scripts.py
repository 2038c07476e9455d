# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the filters from_ipseccmd and from_netsh take besides the text of a script."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ipsec.windows.plugins.filter.from_ipseccmd import from_ipseccmd
from ansible_collections.ipsec.windows.plugins.filter.from_netsh import from_netsh

RULE = "ipseccmd -w reg -p %1 -r %2 -f 0+192.0.2.1 -n block"


def names(policies) -> list[tuple[str, list[str]]]:
    return [(policy["name"], [rule["name"] for rule in policy.get("rules", [])]) for policy in policies]


def test_from_ipseccmd_takes_arguments_variables_and_files():
    text = f'{RULE}\nfor /f %%i in (sub\\list.txt) do ipseccmd -w reg -p P -r "%X% %%i" -f 0+%%i'
    found = from_ipseccmd(
        text, arguments=["P", 445], variables={"x": 7}, files={"./sub/List.txt": "192.0.2.2\n192.0.2.3\n"}
    )
    assert names(found) == [("P", ["445", "7 192.0.2.2", "7 192.0.2.3"])]


def test_from_netsh_takes_arguments_variables_and_files():
    files = {"rules.txt": "pushd ipsec static\nadd policy name=B\n"}
    found = from_netsh("netsh ipsec static add policy name=%1\nnetsh -f rules.txt", arguments=["A"], files=files)
    assert names(found) == [("A", []), ("B", [])]
    assert names(from_netsh("netsh ipsec static add policy name=%X%", variables={"X": "C"})) == [("C", [])]


def test_files_have_the_encoding_of_the_script():
    text = "ü".encode("cp1252").decode("utf-8", "surrogateescape")
    found = from_netsh("netsh -f a.txt", "cp1252", files={"A.TXT": f"ipsec static add policy name={text}"})
    assert names(found) == [("ü", [])]


def test_from_netsh_converts_a_script_for_netsh_f():
    assert names(from_netsh("# rules\npushd ipsec static\nadd policy name=100%\npopd\n")) == [("100%", [])]


def test_from_ipseccmd_refuses_a_script_for_netsh_f():
    with pytest.raises(AnsibleFilterError, match="this is a command of netsh, which the filter from_netsh converts"):
        from_ipseccmd("pushd ipsec static\nadd policy name=a")


def test_from_ipseccmd_converts_a_policy_that_is_assigned_before_it_is_created_again():
    text = "ipseccmd -w reg -p P -o\nipseccmd -w reg -p P -x\nipseccmd -w reg -p P -r R -f 0+192.0.2.1"
    (found,) = from_ipseccmd(text)
    assert (found["assigned"], found["name"]) == (True, "P")
    with pytest.raises(AnsibleFilterError, match="line 2, column 1: the policy 'P' does not exist"):
        from_ipseccmd("\n".join(text.split("\n")[:2]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RULE, "no ipseccmd command of the script is left; left out: line 1: it depends on an argument"),
        ("ipseccmd show all", "no ipseccmd command of the script is left; left out: line 1: query mode (show) changes"),
        ("echo a", "the text has no ipseccmd commands"),
    ],
)
def test_a_script_of_which_no_command_is_left_is_an_error(text, words):
    with pytest.raises(AnsibleFilterError) as caught:
        from_ipseccmd(text, unsupported="ignore")
    assert words in str(caught.value)


def test_from_netsh_refuses_a_script_of_which_no_command_is_left():
    with pytest.raises(AnsibleFilterError, match="no netsh command of the script is left; left out: line 1"):
        from_netsh("netsh ipsec static add policy name=%1", unsupported="ignore")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"arguments": "P 445"}, "arguments: expected a list of texts, not text"),
        ({"arguments": ["P", None]}, "arguments[1]: expected a text or a number, not "),
        ({"arguments": ["P", True]}, "arguments[1]: expected a text or a number, not "),
        ({"variables": ["X"]}, "variables: expected a dictionary, not a list"),
        ({"variables": {"X": ["a"]}}, "variables.X: expected a text or a number, not a list"),
        ({"files": ["a.txt"]}, "files: expected a dictionary, not a list"),
        ({"files": {"a.txt": 5}}, "files.a.txt: expected the text of a file"),
    ],
)
def test_options_of_another_type_are_refused(options, words):
    with pytest.raises(AnsibleFilterError) as caught:
        from_ipseccmd(RULE, **options)
    assert words in str(caught.value)
