# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Scripts of netsh: any lines as commands of `netsh ipsec static`."""

from __future__ import annotations

import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program, batch_file
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_netsh, write_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError, Text
from unit import corpus

from .inputs import CORE, TOKEN, check_hidden, text_of

_PREFIX: t.Final = "netsh ipsec static "
_SCRIPTS: t.Final = corpus.FOLDER.parent / "scripts" / "netsh"
SUBJECT: t.Final = (f"{CORE}/netsh/*.py",)
WORDS: t.Final = (
    *(
        "add ",
        "set ",
        "delete ",
        "show ",
        "policy ",
        "filterlist ",
        "filter ",
        "filteraction ",
        "rule ",
        "defaultrule ",
    ),
    *(
        "all ",
        "store ",
        "name=",
        "newname=",
        "description=",
        "mmpfs=",
        "qmpermm=",
        "mmlifetime=",
        "activatedefaultrule=",
    ),
    *("pollinginterval=", "assign=", 'mmsecmethods="3DES-SHA1-2"', "filterlist=", "srcaddr=", "dstaddr=", "protocol="),
    *("mirrored=", "srcmask=", "dstmask=", "srcport=", "dstport=", "qmpfs=", "inpass=", "soft=", "action=negotiate "),
    *('qmsecmethods="AH[MD5]+ESP[DES,SHA1]:9k/300s"', "filteraction=", "tunnel=", "conntype=lan ", "activate="),
    *("kerberos=", f"psk={TOKEN} ", 'rootca="CN=x certmap:yes excludecaname:no"', "=me ", "=any ", "=yes ", "=no "),
    *("=TCP ", "=192.0.2.1 ", "=2001:db8::1 ", "=192.0.2.1-192.0.2.9 ", "=dns ", "=srv ", '"', "\n"),
)


def check(data: bytes) -> None:
    """A script is refused with a `SourceError`, or it converts to task arguments.

    Written as a script, they convert to the same arguments.
    """
    lines = text_of(data).split("\n")
    texts = [Text.of(line if line.startswith(("netsh", "ipsec")) else _PREFIX + line) for line in lines]
    notes: list[str] = []
    try:
        items = read_netsh(map(parse_command, texts), notes)
    except SourceError:
        return
    tasks = [parse_task(item)[0] for item in items]
    keys = [
        method
        for task in tasks
        for holder in (*(task.rules or ()), *([task.default_response] if task.default_response else ()))
        for method in holder.authentication or ()
        if isinstance(method, PresharedKey)
    ]
    token = [text for text in texts if TOKEN in text.value]
    if len(token) == 1 and token[0].value.count(TOKEN) == 1:
        check_hidden(notes, keys, "a note")
        _check_error(token[0].value, keys)
    _check_written(items)


def _check_error(text: str, keys: t.Iterable[object]) -> None:
    """Check the error for the same command with a mistake at its end."""
    try:
        parse_command(Text.of(f"{text} nosuch=x"))
    except SourceError as error:
        check_hidden(error, keys, "an error")


def _check_written(items: t.Sequence[dict[str, t.Any]]) -> None:
    try:
        lines = write_netsh(items)
    except ModelError:
        return
    script = commands_of(Program.NETSH, batch_file(lines), False)
    again = read_netsh([parse_command(command.text) for command in script.commands], [])
    assert write_netsh(again) == lines, "the written script is read as another one"
    assert list(map(parse_task, again)) == list(map(parse_task, items)), "the written script has other arguments"


def seeds() -> t.Iterator[bytes]:
    for path in sorted(_SCRIPTS.glob("*.cmd")):
        text = path.read_text("utf-8")
        yield "\n".join(
            line.removeprefix(_PREFIX)
            for line in text.splitlines()[:60]
            if line.startswith(_PREFIX) and "%" not in line
        ).encode()
    base = "add policy P\nadd filterlist L\nadd filter L me 192.0.2.1\nadd filteraction A action=negotiate\n"
    yield f"{base}add rule R P L A psk={TOKEN}".encode()
    yield f'{base}add rule R P L A tunnel=192.0.2.9 kerberos=no rootca="CN=x certmap:yes" conntype=lan'.encode()
    yield f"{base}add rule R P L A\nset policy P assign=y\nset defaultrule P activate=y psk={TOKEN}".encode()
    yield b"delete policy P\nadd policy P mmsecmethods=3DES-SHA1-3 mmlifetime=9 qmpermm=2 pollinginterval=30"
