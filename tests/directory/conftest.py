# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Domain controllers for tests. While a test uses one, this process finds it by its name and has Kerberos use it."""

from __future__ import annotations

import importlib.util
import os
import socket

import pytest
from directory.samba import Domain, missing


@pytest.fixture
def domain(monkeypatch):
    """A new domain, for tests that write."""
    need_samba()
    with Domain() as found:
        _make_known(found, monkeypatch)
        yield found


@pytest.fixture
def smb_domain(monkeypatch):
    """A new domain with SYSVOL. Only one at a time runs on a machine."""
    need_samba()
    with Domain(smb=True) as found:
        _make_known(found, monkeypatch)
        yield found


@pytest.fixture
def shared_domain(_session_domain, monkeypatch):
    """The same domain for all tests that only read or connect."""
    _make_known(_session_domain, monkeypatch)
    return _session_domain


@pytest.fixture(scope="session")
def _session_domain():
    need_samba()
    with Domain() as found:
        yield found


@pytest.fixture
def kerberos():
    """Tests that need the compiled packages."""
    if importlib.util.find_spec("gssapi") is None or importlib.util.find_spec("krb5") is None:
        reason = 'pip install "pyspnego[kerberos]" compiles what logging in by Kerberos needs'
        if os.environ.get("IPSEC_KERBEROS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)


def need_samba():
    """Skip where Samba is missing, and fail in CI."""
    if problem := missing():
        if os.environ.get("CI"):
            pytest.fail(f"{problem}, and CI must test with a real directory")
        pytest.skip(f"{problem}: nothing is tested with a real directory")


def _make_known(domain, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", domain.resolve())
    for name, value in domain.environment().items():
        if name.startswith("KRB5"):
            monkeypatch.setenv(name, value)
