# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The option `directory`: what it takes, its defaults and environment variables."""

from __future__ import annotations

import dataclasses
import json

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.doc_fragments.directory import ModuleDocFragment
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import (
    ConnectionOptions,
    Login,
    TlsMode,
    Validation,
)
from ansible_collections.ipsec.windows.plugins.plugin_utils._options import OptionError

DOCUMENTED = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]["directory"]["suboptions"]
SECRET = "Secret-of-1"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in DOCUMENTED:
        monkeypatch.delenv(f"MICROSOFT_AD_LDAP_{name.upper()}", raising=False)


def test_the_documentation_has_all_options_and_choices():
    assert set(DOCUMENTED) == {field.name for field in dataclasses.fields(ConnectionOptions)}
    choices = {name: option["choices"] for name, option in DOCUMENTED.items() if "choices" in option}
    assert choices == {"tls_mode": [*TlsMode], "auth_protocol": [*Login], "cert_validation": [*Validation]}


def test_a_default_in_the_documentation_would_win_over_the_variable():
    assert [name for name, option in DOCUMENTED.items() if "default" in option] == []
    for name, default in (("encrypt", "true"), ("cert_validation", "always"), ("connection_timeout", "5")):
        assert f"The default is V({default})." in " ".join(DOCUMENTED[name]["description"])


def test_without_options_a_ticket_of_kerberos_seals_the_connection():
    options = ConnectionOptions.of({})
    assert options == ConnectionOptions()
    assert (options.login, options.tls, options.default_port, options.seals) == (Login.NEGOTIATE, None, 389, True)
    assert (options.encrypt, options.cert_validation, options.connection_timeout) == (True, Validation.ALWAYS, 5)


def test_a_variable_takes_the_place_of_a_missing_option(monkeypatch):
    variables = {
        "server": "dc1.ad.example.test",
        "port": "3269",
        "tls_mode": "ldaps",
        "auth_protocol": "simple",
        "username": "u",
        "password": SECRET,
        "encrypt": "yes",
        "ca_cert": "ca.pem",
        "cert_validation": "ignore_hostname",
        "certificate": "c",
        "certificate_key": "k",
        "certificate_password": "p",
        "connection_timeout": "9",
    }
    assert {*variables, "domain"} == set(DOCUMENTED)
    for name, value in variables.items():
        monkeypatch.setenv(f"MICROSOFT_AD_LDAP_{name.upper()}", value)
    monkeypatch.setenv("MICROSOFT_AD_LDAP_DOMAIN", "nobody.test")
    read = {"port": 3269, "encrypt": True, "connection_timeout": 9, "domain": None}
    assert dataclasses.asdict(ConnectionOptions.of({"username": None})) == {**variables, **read}
    assert ConnectionOptions.of({"port": 636, "username": "v"}).port == 636


def test_the_port_of_ldaps_implies_tls():
    options = ConnectionOptions.of({"port": 636})
    assert (options.tls, options.default_port, options.seals) == (TlsMode.LDAPS, 636, False)
    assert ConnectionOptions.of({"tls_mode": "ldaps"}).default_port == 636
    assert ConnectionOptions.of({"tls_mode": "start_tls"}).default_port == 389


def test_a_certificate_implies_a_login_with_it_only_in_tls():
    assert ConnectionOptions.of({"certificate": "c", "tls_mode": "ldaps"}).login == Login.CERTIFICATE
    assert ConnectionOptions.of({"certificate": "c"}).login == Login.NEGOTIATE


WRONG = [
    ({"passwort": SECRET}, "directory: there is no option 'passwort' here; did you mean 'password'?"),
    (
        {"username": "u", "password": ""},
        "directory: password is empty. A directory takes an empty password for no login",
    ),
    ({"password": SECRET}, "directory: password needs username"),
    ({"auth_protocol": "simple", "tls_mode": "ldaps"}, "auth_protocol simple needs username and password"),
    ({"auth_protocol": "simple", "username": "u", "tls_mode": "ldaps"}, "simple needs username and password"),
    ({"auth_protocol": "simple", "username": "u", "password": SECRET}, "set tls_mode to ldaps or start_tls"),
    ({"auth_protocol": "certificate", "certificate": "c"}, "auth_protocol certificate needs tls_mode"),
    ({"auth_protocol": "certificate", "tls_mode": "ldaps"}, "auth_protocol certificate needs certificate"),
    ({"connection_timeout": 0}, "connection_timeout is 0, and must be 1 or more"),
    ({"port": 65536}, "port is 65536, and must be between 1 and 65535"),
    ({"port": 0}, "port is 0, and must be between 1 and 65535"),
    ({"port": "ldap"}, "directory: port: expected a number"),
    ({"encrypt": "perhaps"}, "directory: encrypt: expected true or false"),
    ({"tls_mode": "tls"}, "directory: tls_mode: expected ldaps or start_tls"),
    ({"auth_protocol": ["ntlm"]}, "auth_protocol: expected simple, certificate, negotiate, kerberos or ntlm"),
    ({"username": "u", "password": [SECRET]}, "directory: password: expected a text"),
]


@pytest.mark.parametrize(("given", "words"), WRONG)
def test_wrong_options_are_told(given, words):
    with pytest.raises(OptionError) as caught:
        ConnectionOptions.of(given)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_wrong_variable_is_told_by_its_name(monkeypatch):
    monkeypatch.setenv("MICROSOFT_AD_LDAP_PORT", "ldap")
    with pytest.raises(OptionError, match=r"^MICROSOFT_AD_LDAP_PORT: expected a number$"):
        ConnectionOptions.of({})


def test_secrets_are_not_shown():
    options = ConnectionOptions.of(
        {
            "username": "u",
            "password": SECRET,
            "certificate_password": SECRET,
            "certificate_key": SECRET,
            "certificate": SECRET,
        }
    )
    assert SECRET not in repr(options)
    assert SECRET in json.dumps(dataclasses.asdict(options))
