# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""PowerShell is recognised, and batch files that look like it are read."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError

COMMAND = 'netsh ipsec static add policy name="$p"'
POWERSHELL = {
    f'# setup\n$p = "x"\n{COMMAND}': (2, 1),
    f'  [string] $p="x"\r\n{COMMAND}': (1, 3),
    f'$env:P = "x"\n{COMMAND}': (1, 1),
    f"$p += 1\n{COMMAND}": (1, 1),
    f"param(\n  [string]$p\n)\n{COMMAND}": (1, 1),
    f"param ($p)\n{COMMAND}": (1, 1),
    f"foreach ($p in 1..3) {{\n  {COMMAND}\n}}": (1, 1),
    f"@(1, 2) | Out-Null\n& {COMMAND}": (2, 1),
    '& "C:\\Windows\\System32\\netsh.exe" ipsec static add policy P': (1, 1),
    "& $netsh ipsec static add policy P": (1, 1),
    "netsh ipsec static add policy `\r\n  name=P": (1, 1),
    "ipseccmd -w REG -p P `\n  -r R -f 0+*": (1, 1),
    'netsh ipsec static add policy "$env:COMPUTERNAME"': (1, 1),
    f"<# what it does\n{COMMAND}\n#>\nnetsh ipsec static add policy P": (1, 1),
    f"function Add-One($p) {{\n  {COMMAND}\n}}": (1, 1),
    f"Set-Variable p x\n{COMMAND}": (1, 1),
    f"135, 445 | ForEach-Object {{\n  {COMMAND}\n}}": (1, 1),
    f"Get-Item a | where {{ $_ }} | % {{ {COMMAND} }}": (1, 1),
}
BATCH = [
    COMMAND,
    'netsh ipsec static add policy name="US$ zone"',
    'ipseccmd -w REG -p "$p = $(x)" -r `',
    "set P=$p\nnetsh ipsec static add policy %P%",
    "echo $p = 1\nnetsh ipsec static add policy P",
    "rem foreach ($p in x)\nnetsh ipsec static add policy P",
    "powershell -Command ^\n$p = 1; $p\nnetsh ipsec static add policy P",
    'powershell "$p = 1; foreach ($x in 1) {}"\nnetsh ipsec static add policy P',
    "netsh ipsec static add policy P & echo `\necho $env:x",
    "netsh ipsec static add policy `\n netsh ipsec static show",
    f"<# : x\n{COMMAND}\n#>",
    f'powershell "gc a | % {{ $_ }}"\n{COMMAND}',
    f"powershell gc a ^| % {{ $_ }}\n{COMMAND}",
    f"call start-process.cmd a\nset-policy x\n{COMMAND}",
]


@pytest.mark.parametrize("text", POWERSHELL)
@pytest.mark.parametrize("ignore_unsupported", [False, True], ids=["error", "ignore"])
def test_powershell_is_refused(text: str, ignore_unsupported: bool) -> None:
    with pytest.raises(SourceError, match="this is PowerShell, not a batch file") as caught:
        read_script(text, ignore_unsupported)
    assert (caught.value.line, caught.value.column) == POWERSHELL[text]


@pytest.mark.parametrize("text", BATCH)
def test_a_batch_file_with_signs_of_powershell_in_its_texts_is_read(text: str) -> None:
    assert read_script(text).commands


def test_the_error_for_powershell_does_not_show_the_value_of_a_variable() -> None:
    with pytest.raises(SourceError) as caught:
        read_script('$key = "SECRET"\n& netsh ipsec static add rule R P L A psk=$key')
    assert "SECRET" not in str(caught.value)
