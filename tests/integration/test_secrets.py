# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A pre-shared key never reaches output, diff, log or a process's arguments, in whatever form."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import pathlib
import re
import threading
import zlib

import pytest
from integration.playbook import facts_task, policy_task
from winhost.policy import read_policy

KEY = "Tr0ub4dor&3-correct-horse"
NEW_KEY = "Tr0ub4dor&3-battery-staple"
MARK = "Tr0ub4dor"
CHUNK = re.compile(r"[A-Za-z0-9+/=_-]{12,}")


def _forms(text: str):
    """The text, what is in its base64, and in the gzip in that, as deep as it goes."""
    yield text
    for found in CHUNK.findall(text.replace("\\/", "/")):
        for start in range(4):
            piece = found[start : start + (len(found) - start) // 4 * 4]
            try:
                data = base64.b64decode(piece + "=" * (-len(piece) % 4), validate=True)
            except binascii.Error:
                continue
            if data[:2] == b"\x1f\x8b":
                try:
                    yield from _forms(zlib.decompressobj(wbits=31).decompress(data).decode("latin-1"))
                except zlib.error:
                    continue
            for codec in ("latin-1", "utf-16-le"):
                yield data.decode(codec, "replace")


def _shows(text: str) -> bool:
    wide = "\0".join(MARK)
    return any(MARK in form or wide in form for form in _forms(text))


def test_the_search_finds_what_it_looks_for():
    store = base64.b64encode(f"x{KEY}".encode("utf-16-le"))
    packed = base64.b64encode(gzip.compress(b"v;AAAA;3;" + store))
    for text in (KEY, store.decode(), packed.decode(), f'{{"a": "{packed.decode()}"}}', f"x{store.decode()}"):
        assert _shows(text), text
    assert not _shows(base64.b64encode(gzip.compress(b"nothing here")).decode())


class _Arguments:
    """Collects the arguments of all processes of this machine while it is entered."""

    def __enter__(self):
        self.seen = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(0.02):
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode("latin-1"))
                except OSError:
                    continue


def _rule(key, **options):
    return {"name": "R", "filters": ["0+192.0.2.10"], "authentication": [{"preshared_key": key}], **options}


def _policy(key, **options):
    return policy_task(name="Secret", rules=[_rule(key)], **options)


@pytest.fixture
def keys(player):
    """The keys where they belong: in variables, which a playbook may print no more than it prints a vault."""
    path = player.folder / "keys.json"
    path.write_text(json.dumps({"old": KEY, "new": NEW_KEY, "broken": f"{KEY}\0"}))
    return ("--extra-vars", f"@{path}")


def _everything(host, run):
    """All that came out: what was printed, the results, and what the host noted."""
    results = json.dumps([result.result for result in run.results])
    return [run.output, results, json.dumps(host.events())]


@pytest.mark.psrp("python")
@pytest.mark.parametrize("verbosity", [(), ("-vvvvvv",)])
def test_a_key_is_nowhere_but_in_the_store(host, player, keys, verbosity):
    with _Arguments() as arguments:
        run = player.play(
            host,
            _policy("{{ old }}", assigned=True),
            _policy("{{ old }}"),
            _policy("{{ new }}", backup=True, backup_options={"dir_path": str(player.folder / "backup")}),
            facts_task(),
            policy_task(policy="{{ ansible_facts.ipsec.policies | first }}"),
            policy_task(name="Secret", state="absent"),
            options=("--diff", *keys, *verbosity),
        )
    assert [result.status for result in run.results] == ["ok"] * 6, run.output[-3000:]
    assert [run[i]["changed"] for i in (0, 1, 2, 4, 5)] == [True, False, True, False, True]
    assert "preshared key (changed)" in run.output
    assert run[3]["ansible_facts"]["ipsec"]["policies"][0]["rules"][0]["authentication"] == [{"preshared_key": None}]
    for text in _everything(host, run):
        assert not _shows(text)
    assert any("ansible" in line for line in arguments.seen)
    assert not any(_shows(line) for line in arguments.seen)
    backup = pathlib.Path(run[2]["backup_file"])
    assert backup.stat().st_mode & 0o077 == 0


def test_a_null_key_keeps_the_stored_one(host, player, keys):
    player.play(host, _policy("{{ old }}"), policy_task(name="Secret", rules=[_rule(None, soft=True)]), options=keys)
    (rule,) = read_policy(host.tree, host.policies()[0].key).rules
    assert (rule.soft, rule.authentication) == (True, (("preshared key", KEY),))


@pytest.mark.parametrize(
    "rule",
    [
        _rule("{{ broken }}"),
        _rule(["{{ old }}"]),
        {**_rule("{{ old }}"), "filters": ["nonsense"]},
        {**_rule("{{ old }}"), "authentication": ["{{ old }}"]},
        {**_rule("{{ old }}"), "authentication": {"presharedkey": "{{ old }}"}},
        {**_rule("{{ old }}"), "enabled": "{{ old }}"},
    ],
)
def test_a_failure_shows_no_key(host, player, keys, rule):
    run = player.play(host, policy_task(name="Secret", rules=[rule]), options=("--diff", "-vvvvvv", *keys))
    assert run[0].status == "failed"
    for text in _everything(host, run):
        assert not _shows(text)


def _lines(key):
    line = f'ipseccmd -w reg -p Secret -r R -f 0+192.0.2.10 -a k p:"{key}"'
    rule = {"policy": "Secret", **_rule(key)}
    return [
        {"name": "line", "ipsec.windows.ipseccmd": {"command": line}},
        {"name": "lines", "ipsec.windows.ipseccmd": {"commands": [line, "ipseccmd -w reg -p Secret -y"]}},
        {"name": "script", "ipsec.windows.ipseccmd": {"script": "script.cmd"}},
        {"name": "rule", "ipsec.windows.ipsec_rule": rule},
        {
            "name": "filter",
            "ipsec.windows.ipsec_policy": {"policy": "{{ line | ipsec.windows.from_ipseccmd | first }}"},
            "vars": {"line": line},
        },
    ]


def test_command_lines_show_no_key(host, player, keys):
    script = f'set "KEY={KEY}"\nipseccmd -w reg -p Secret -r R -f 0+192.0.2.10 -a k p:"%KEY%"\n'
    (player.folder / "script.cmd").write_text(script)
    with _Arguments() as arguments:
        run = player.play(host, *_lines("{{ old }}"), options=("--diff", "-vvvvvv", *keys))
    assert [result.status for result in run.results] == ["ok"] * 5, run.output[-3000:]
    assert host.policies()[0].rules[0].authentication == (("kerberos", ""), ("preshared key", KEY))
    for text in _everything(host, run):
        assert not _shows(text)
    assert not any(_shows(line) for line in arguments.seen)


BROKEN_LINES = [
    '-w reg -p Secret -r R -f 0+* -a p:"{0}" -x -y',
    '-w reg -p Secret -r R -f 0+* -a "{0}"',
    '-w reg -p Secret -r R -f 0+* -a preshere:"{0}"',
    '-w reg -p Secret -r R -f 0+* -a p:"{0}',
    '-w reg -p Secret -r R -f p:"{0}"',
    '-w reg -p Secret -r R -n p:"{0}"',
    '-w reg:nowhere -p Secret -r R -f 0+* -a p:"{0}"',
    '-f 0+* -a p:"{0}"',
    '-w reg -p Secret -r New -a p:"{0}"',
]


def test_a_mistake_in_a_command_line_shows_no_key(host, player, keys):
    lines = [line.format("{{ old }}") for line in BROKEN_LINES]
    tasks = [{"name": "line", "ipsec.windows.ipseccmd": {"command": line}} for line in lines]
    show = {"name": "filter", "ansible.builtin.debug": {"msg": "{{ line | ipsec.windows.from_ipseccmd }}"}}
    tasks += [{**show, "vars": {"line": f"ipseccmd {line}"}} for line in lines[:-3]]
    broken = 'netsh ipsec static add rule name=R policy=P filterlist=F filteraction=A pks="{0}" kerberos=maybe'
    netsh = "{{ line | ipsec.windows.from_netsh }}"
    tasks.append({**show, "ansible.builtin.debug": {"msg": netsh}, "vars": {"line": broken.format("{{ old }}")}})
    tasks = [{**task, "ignore_errors": True} for task in tasks]
    run = player.play(host, *tasks, options=("-vvvvvv", *keys))
    assert [result.status for result in run.results] == ["failed"] * len(tasks), run.output[-3000:]
    for text in _everything(host, run):
        assert not _shows(text)


def test_a_failure_on_the_host_shows_no_key(host, player, keys):
    noted = host.event

    def event(name, *details):
        noted(name, *details)
        if name == "executed" and details[-1] == "apply":
            host.set(administrator=False)

    host.event = event
    run = player.play(host, _policy("{{ old }}"), options=("--diff", "-vvvvvv", *keys))
    assert run[0].status == "failed"
    assert "administrator" in run[0]["msg"]
    for text in _everything(host, run):
        assert not _shows(text)
