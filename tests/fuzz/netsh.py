# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Scripts of netsh: any lines as commands of `netsh ipsec static` or `netsh ipsec dynamic`."""

from __future__ import annotations

import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program, batch_file, netsh_file
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.arguments import rule_arguments
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_dynamic, read_netsh, write_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import Language, parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.domains import DomainStore
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import (
    dynamic_arguments,
    parse_dynamic_rule,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError, Text
from unit import corpus

from .inputs import CORE, TOKEN, check_hidden, text_of

_PREFIX: t.Final = "netsh ipsec static "
_DYNAMIC: t.Final = "netsh ipsec dynamic "
_STATIC: t.Final = (Language.STATIC,)
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
        "mmpolicy ",
        "qmpolicy ",
        "config ",
    ),
    *(
        "all ",
        "store ",
        "domain ",
        "gponame=",
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
    *("mmpolicy=", "qmpolicy=", "softsaexpirationtime=", "pfsgroup=GRP2 ", "actioninbound=", "actionoutbound="),
    *("tunneldstaddress=", "property=", "value=", "permit ", "block "),
    *("=TCP ", "=192.0.2.1 ", "=2001:db8::1 ", "=192.0.2.1-192.0.2.9 ", "=dns ", "=srv ", '"', "\n"),
)


def check(data: bytes) -> None:
    """A script is refused with a `SourceError`, or it converts to task arguments.

    Written as a script, they convert to the same arguments. The lines are read as commands about dynamic rules, too.
    """
    lines = text_of(data).split("\n")
    _check_dynamic(lines)
    texts = [Text.of(line if line.startswith(("netsh", "ipsec")) else _PREFIX + line) for line in lines]
    notes: list[str] = []
    try:
        items = read_netsh([parse_command(text, _STATIC) for text in texts], notes)
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
    # each store assigns policies in its own way
    if not any("gpos" in item for item in items):
        _check_written(items, None)
    if not any("assigned" in item for item in items):
        _check_written(items, DomainStore())


def _check_dynamic(lines: list[str]) -> None:
    """The rules are those of their arguments."""
    texts = [Text.of(line if line.startswith(("netsh", "ipsec")) else _DYNAMIC + line) for line in lines]
    notes: list[str] = []
    try:
        commands = [parse_command(text, (Language.DYNAMIC,)) for text in texts]
        arguments = rule_arguments(read_dynamic(commands, notes), notes)
    except ModelError:
        return
    for item in arguments:
        assert dynamic_arguments(parse_dynamic_rule(item, "", [])) == item, "the arguments are another rule"


def _check_error(text: str, keys: t.Iterable[object]) -> None:
    """Check the error for the same command with a mistake at its end."""
    try:
        parse_command(Text.of(f"{text} nosuch=x"))
    except SourceError as error:
        check_hidden(error, keys, "an error")


def _check_written(items: t.Sequence[dict[str, t.Any]], domain: DomainStore | None) -> None:
    try:
        lines = write_netsh(items, domain)
    except ModelError:
        return
    text = batch_file(lines) if domain is None else netsh_file(lines)
    script = commands_of(Program.NETSH, text, False)
    again = read_netsh([parse_command(command.text, _STATIC) for command in script.commands], [])
    assert write_netsh(again, domain) == lines, "the written script is read as another one"
    if domain is not None:
        # a policy that is only assigned has its command at the end
        again, items = (sorted(found, key=lambda item: str(item["name"])) for found in (again, items))
        gpos = [[(item.get("gpos"), item.get("gpos_mode")) for item in found] for found in (again, items)]
        assert gpos[0] == gpos[1], "the written script has other Group Policy objects"
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
    rule = "add mmpolicy M\nadd qmpolicy Q pfsgroup=GRP2\nadd rule me any M Q"
    yield f"{rule} protocol=TCP dstport=80 psk={TOKEN}\nset mmpolicy M mmlifetime=5".encode()
    yield f"{rule} mirrored=no tunneldst=192.0.2.9\ndelete rule me any ANY 0 0 no all tunneldst=192.0.2.9".encode()
    yield b"set config ipsecexempt 3\ndelete all\nadd mmpolicy M\nadd rule me dns M actionin=block actionout=block"
    yield b"set store domain corp.example\nadd policy P\nset policy P gponame=G assign=y\nset policy P newname=Q"
    yield b"delete policy P\nadd policy P mmsecmethods=3DES-SHA1-3 mmlifetime=9 qmpermm=2 pollinginterval=30"
