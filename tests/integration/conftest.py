# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Simulated hosts for all integration tests, with both engines unless a mark says otherwise."""

from __future__ import annotations

import os

import pytest
from integration.playbook import Player
from winhost.engine_powershell import find_pwsh
from winhost.farm import Farm

ENGINES = ("python", "powershell")


def pytest_configure(config):
    for line in (
        "engines(*engines): run only with these engines",
        "judge_with(*engines): run with these engines only in `make judge`; the outcome does not depend on them",
    ):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc):
    """Parametrize `farm` or `engine`; a mark `psrp` adds runs over psrp with the engines that it names."""
    own = any("farm" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    engines = _named(metafunc, "engines", ENGINES)
    judged = _named(metafunc, "judge_with", ())

    def parameters(*ways):
        return [pytest.param(*way, marks=pytest.mark.judge if way[0] in judged else ()) for way in ways]

    if "farm" not in metafunc.fixturenames:
        if "engine" in metafunc.fixturenames:
            metafunc.parametrize("engine", parameters(*((engine,) for engine in engines)), indirect=True)
    elif over_psrp := _named(metafunc, "psrp", ()):
        ways = [*((engine, "winrm") for engine in engines), *((engine, "psrp") for engine in over_psrp)]
        metafunc.parametrize(("farm", "connection"), parameters(*ways), indirect=True, scope="session")
    elif not own:
        metafunc.parametrize("farm", parameters(*((engine,) for engine in engines)), indirect=True, scope="session")


def _named(metafunc, mark, default):
    """The engines that a mark of a test names."""
    found = metafunc.definition.get_closest_marker(mark)
    return default if found is None else found.args


@pytest.fixture(scope="session")
def farm(request):
    """Enough hosts for each test to have fresh ones."""
    if request.param == "powershell":
        _need_pwsh()
    with Farm(count=250, engine=request.param, lazy=True) as found:
        found.fresh = map(found.start, found.addresses)
        yield found


@pytest.fixture
def engine(request):
    """The name of an engine, for tests without a farm."""
    if request.param == "powershell":
        _need_pwsh()
    return request.param


def _need_pwsh():
    if find_pwsh() is not None:
        return
    if os.environ.get("CI"):
        pytest.fail("there is no pwsh on PATH, and CI must test both engines")
    pytest.skip("there is no pwsh on PATH (PowerShell 7): the PowerShell engine is not tested here")


@pytest.fixture
def both_engines():
    """The names of both engines; skips the test without PowerShell."""
    _need_pwsh()
    return ENGINES


@pytest.fixture
def host(farm):
    """A host that no other test uses."""
    return next(farm.fresh)


@pytest.fixture(scope="session")
def connection(request):
    return getattr(request, "param", "winrm")


@pytest.fixture
def player(farm, tmp_path, connection):
    return Player(farm, tmp_path, connection)
