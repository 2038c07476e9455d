# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The documentation of the filters and lookups has the parameters that they accept."""

from __future__ import annotations

import importlib
import inspect
import pathlib

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.plugin_utils._scripts import look_up

FILTERS = pathlib.Path(__file__).parent.parent.parent / "plugins" / "filter"


@pytest.mark.parametrize("path", sorted(FILTERS.glob("*.py")), ids=lambda path: path.stem)
def test_documented_options_are_the_parameters(path):
    documented = yaml.safe_load(path.with_suffix(".yml").read_text())["DOCUMENTATION"]
    module = importlib.import_module(f"ansible_collections.ipsec.windows.plugins.filter.{path.stem}")
    ((name, function),) = module.FilterModule().filters().items()
    assert documented["name"] == name == path.stem
    first, *parameters = inspect.signature(function).parameters.values()
    options = documented["options"]
    assert options.pop("_input")["required"] is (first.default is first.empty)
    assert {key: option.get("default") for key, option in options.items()} == {p.name: p.default for p in parameters}


def test_documented_options_of_the_lookup_are_the_parameters():
    (path,) = (FILTERS.parent / "lookup").glob("*.py")
    documented = yaml.safe_load(path.with_suffix(".yml").read_text())["DOCUMENTATION"]
    assert documented["name"] == path.stem == "script"
    parameters = inspect.signature(look_up).parameters.values()
    assert documented["options"].keys() - {"_terms"} == {p.name for p in parameters if p.default is not p.empty}
