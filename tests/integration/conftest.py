# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Simulated hosts for all integration tests, with both engines, and over psrp where a test is marked with it."""

from __future__ import annotations

import os

import pytest
from integration.playbook import Player
from winhost.engine_powershell import find_pwsh
from winhost.farm import Farm

ENGINES = ("python", "powershell")


def pytest_generate_tests(metafunc):
    """Hosts with both engines; a mark `psrp` names the engines with which a test runs over psrp as well."""
    own = any("farm" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if own or "farm" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("psrp")
    if mark is None:
        metafunc.parametrize("farm", ENGINES, indirect=True, scope="session")
    else:
        ways = [*((engine, "winrm") for engine in ENGINES), *((engine, "psrp") for engine in mark.args)]
        metafunc.parametrize(("farm", "connection"), ways, indirect=True, scope="session")


@pytest.fixture(scope="session")
def farm(request):
    """Hosts enough for each test to have fresh ones."""
    if request.param == "powershell":
        _need_pwsh()
    with Farm(count=250, engine=request.param, lazy=True) as found:
        found.fresh = map(found.start, found.addresses)
        yield found


def _need_pwsh():
    if find_pwsh() is not None:
        return
    if os.environ.get("CI"):
        pytest.fail("there is no pwsh on PATH, and CI does not go without: both engines are to be tested")
    pytest.skip("there is no pwsh on PATH (PowerShell 7): the PowerShell engine is not tested here")


@pytest.fixture
def both_engines():
    """The names of both, where both can be had."""
    _need_pwsh()
    return ("python", "powershell")


@pytest.fixture
def host(farm):
    """A host that no other test has touched."""
    return next(farm.fresh)


@pytest.fixture(scope="session")
def connection(request):
    return getattr(request, "param", "winrm")


@pytest.fixture
def player(farm, tmp_path, connection):
    return Player(farm, tmp_path, connection)
