# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Finding domain controllers, with DNS and Kerberos as a test says."""

from __future__ import annotations

import socket
import sys
import types
import typing as t

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.plugin_utils import _ldap_libraries
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap_server import (
    ServerPlace,
    find_servers,
    open_socket,
)

pytest.importorskip("dns")


class Record(t.NamedTuple):
    """What dnspython has for an SRV record."""

    priority: int
    weight: int
    port: int
    target: str


@pytest.fixture
def asked(monkeypatch):
    """Names that DNS was asked for, and the records or error that it answers with."""
    import dns.resolver

    found = types.SimpleNamespace(names=[], answer=[])

    def resolve(name, kind, lifetime):
        found.names.append((name, kind, lifetime))
        if isinstance(found.answer, Exception):
            raise found.answer
        return found.answer

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    return found


def _found(**options):
    return [(place.name, place.port) for place in find_servers(ConnectionOptions.of(options))]


def test_a_server_by_its_name_is_not_looked_up(asked):
    assert _found(server="dc1.ad.example.test", domain="ad.example.test") == [("dc1.ad.example.test", 389)]
    assert _found(server="dc1", tls_mode="ldaps") == [("dc1", 636)]
    assert _found(server="dc1", port=3268) == [("dc1", 3268)]
    assert asked.names == []


def test_the_records_of_a_domain_are_tried_by_priority_and_weight(asked):
    asked.answer = [
        Record(priority=1, weight=9, port=389, target="c."),
        Record(priority=0, weight=1, port=390, target="b."),
        Record(priority=0, weight=5, port=389, target="a.ad.example.test."),
    ]
    assert _found(domain="ad.example.test.") == [("a.ad.example.test", 389), ("b", 390), ("c", 389)]
    assert asked.names == [("_ldap._tcp.dc._msdcs.ad.example.test", "SRV", 5)]
    assert _found(domain="ad.example.test", tls_mode="ldaps")[1] == ("b", 636)
    assert _found(domain="ad.example.test", port=3268)[1] == ("b", 3268)


def test_a_domain_without_records_is_the_server(asked):
    import dns.resolver

    for answer in ([], dns.resolver.NXDOMAIN(), dns.resolver.LifetimeTimeout(timeout=5, errors=[]), OSError()):
        asked.answer = answer
        assert _found(domain="ad.example.test") == [("ad.example.test", 389)]


def test_the_realm_of_kerberos_is_the_domain_if_none_is_named(asked, monkeypatch):
    krb5 = types.ModuleType("krb5")
    krb5.init_context = lambda: "context"
    krb5.get_default_realm = lambda _context: b"AD.EXAMPLE.TEST"
    monkeypatch.setitem(sys.modules, "krb5", krb5)
    assert _found() == [("AD.EXAMPLE.TEST", 389)]
    assert asked.names == [("_ldap._tcp.dc._msdcs.AD.EXAMPLE.TEST", "SRV", 5)]


def test_without_a_realm_a_server_or_domain_must_be_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "krb5", None)
    with pytest.raises(
        DirectoryError, match=r"^set server or domain, as Kerberos on the controller has no default realm"
    ):
        _found()


def test_all_servers_share_the_time(monkeypatch):
    """None of the addresses answers: neither the first nor all together take longer than the timeout."""
    seconds = []

    class Socket:
        def settimeout(self, value):
            seconds.append(value)

        def connect(self, _address):
            raise TimeoutError

        def close(self):
            pass

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [(2, 1, 6, "", ("192.0.2.1", 389))] * 2)
    monkeypatch.setattr(socket, "socket", lambda *_args: Socket())
    with pytest.raises(TimeoutError):
        open_socket([ServerPlace("a", 389), ServerPlace("b", 389)], 8)
    assert seconds[0] <= 2
    assert len(seconds) == 4


PACKAGES = [
    (
        {"server": "dc1", "username": "D\\u", "password": "p"},
        {"sansldap"},
        "needs sansldap; install with: pip install sansldap",
    ),
    (
        {"server": "dc1", "username": "D\\u", "password": "p"},
        {"sansldap", "spnego"},
        "needs sansldap and pyspnego; install with: pip install sansldap pyspnego",
    ),
    (
        {"server": "dc1", "auth_protocol": "kerberos"},
        {"gssapi"},
        'needs pyspnego[kerberos]; install with: pip install "pyspnego[kerberos]"',
    ),
    ({"server": "dc1"}, {"krb5", "gssapi"}, 'install with: pip install "pyspnego[kerberos]"'),
    (
        {"domain": "ad.example.test", "username": "D\\u", "password": "p"},
        {"dns"},
        "the Python of Ansible on the controller needs dnspython; install with: pip install dnspython",
    ),
]


@pytest.mark.parametrize(("options", "absent", "words"), PACKAGES)
def test_missing_packages_are_named_with_the_command_that_installs_them(options, absent, words, monkeypatch):
    present = _ldap_libraries.importlib.util.find_spec
    known = {"sansldap", "spnego", "gssapi", "krb5", "dns"} - absent
    monkeypatch.setattr(
        _ldap_libraries.importlib.util, "find_spec", lambda name: present("json") if name in known else None
    )
    with pytest.raises(DirectoryError) as caught:
        connect(ConnectionOptions.of(options))
    assert words in str(caught.value)
