# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What logs in to a directory, and pre-shared keys stored there, never appear in output, logs, files or arguments."""

from __future__ import annotations

import json

import pytest
from directory.player import DomainPlayer
from integration.key_search import KEY, NEW_KEY, Processes, everything_kept, shows, where
from integration.playbook import facts_task, policy_task

RULE = {"name": "R", "filters": ["0+192.0.2.10"], "authentication": [{"preshared_key": "{{ key }}"}]}
USER = "secretary"
LOGINS = {
    "simple": {},
    "ntlm": {"auth_protocol": "ntlm", "tls_mode": None},
    "kerberos or ntlm": {"auth_protocol": "negotiate", "tls_mode": None},
}
BROKEN = {
    "wrong password": {"password": "{{ wrong }}"},
    "wrong password for ntlm": {"password": "{{ wrong }}", "auth_protocol": "ntlm", "tls_mode": None},
    "key as certificate": {"auth_protocol": "certificate", "certificate": "{{ key }}"},
    "broken key": {
        "auth_protocol": "certificate",
        "certificate": "/dev/null",
        "certificate_key": "-----BEGIN PRIVATE KEY-----\n{{ key }}\n-----END PRIVATE KEY-----\n",
        "certificate_password": "{{ key }}",
    },
    "list as password": {"password": ["{{ key }}"]},
    "dictionary as password": {"password": {"{{ key }}": "{{ key }}"}},
    "option that does not exist": {"pasword": "{{ key }}"},
}


@pytest.fixture
def play_and_search(domain, tmp_path):
    """Runs tasks with everything that Ansible can store and show, and searches all of it for secrets."""
    for name in ("kept", "work"):
        (tmp_path / name).mkdir()
    player = DomainPlayer(domain, tmp_path / "work")
    variables = tmp_path / "secrets.json"
    variables.write_text(json.dumps({"login": KEY, "key": NEW_KEY, "wrong": f"{KEY}x"}))

    def play(*tasks, options=("--diff", "-vvvvvv")):
        directory = domain.options(username=f"{USER}@{domain.domain}", password="{{ login }}")
        kept = everything_kept(player.folder, tmp_path / "kept")
        with Processes() as processes:
            run = player.play(
                *tasks, directory=directory, options=("--extra-vars", f"@{variables}", *options), environment=kept
            )
        assert any(b"ansible" in line for line in processes.seen)
        assert not processes.show()
        assert not shows(run.output)
        assert not shows(json.dumps([result.result for result in run.results]))
        assert where(tmp_path, variables) == []
        return run

    return play


def _log_in(domain, changes):
    """The option `directory` with other values."""
    options = domain.options(username=f"{USER}@{domain.domain}", password="{{ login }}")
    return {"directory": {name: value for name, value in (options | changes).items() if value is not None}}


def test_passwords_and_keys_are_only_in_the_directory(domain, play_and_search):
    domain.add_user(USER, KEY)
    domain.ldapmodify(
        f"dn: CN=Domain Admins,CN=Users,{domain.root}\nchangetype: modify\nadd: member\n"
        f"member: CN={USER},CN=Users,{domain.root}\n"
    )
    domain.add_gpo("Workstations")
    tasks = [
        policy_task(name=name, gpos=["Workstations"], rules=[RULE], **_log_in(domain, changes))
        for name, changes in LOGINS.items()
    ]
    run = play_and_search(*tasks, facts_task())
    assert [result.status for result in run.results] == ["ok"] * 4, run.output[-3000:]
    assert [result["changed"] for result in run.results] == [True, True, True, False]
    stored = domain.ldapsearch(domain.container, "(objectClass=ipsecNFA)", "ipsecData")
    keys = [entry for entry in stored.values() if NEW_KEY.encode("utf-16-le") in entry.get("ipsecData", [b""])[0]]
    assert len(keys) == len(LOGINS)


def test_errors_do_not_show_what_logs_in(domain, play_and_search):
    domain.add_user(USER, KEY)
    tasks = [
        {**facts_task(), "name": name, "ignore_errors": True, "ipsec.windows.ipsec_facts": _log_in(domain, changes)}
        for name, changes in BROKEN.items()
    ]
    run = play_and_search(*tasks)
    assert [result.status for result in run.results] == ["failed"] * len(tasks)
    assert all(result["msg"] for result in run.results)
