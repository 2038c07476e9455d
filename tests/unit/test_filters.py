# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters' documentation and what they take, held against each other."""

from __future__ import annotations

import importlib
import inspect
import pathlib

import pytest
import yaml

FILTERS = pathlib.Path(__file__).parent.parent.parent / "plugins" / "filter"


@pytest.mark.parametrize("path", sorted(FILTERS.glob("*.py")), ids=lambda path: path.stem)
def test_what_is_documented_is_taken(path):
    documented = yaml.safe_load(path.with_suffix(".yml").read_text())["DOCUMENTATION"]
    module = importlib.import_module(f"ansible_collections.ipsec.windows.plugins.filter.{path.stem}")
    ((name, function),) = module.FilterModule().filters().items()
    assert documented["name"] == name == path.stem
    first, *parameters = inspect.signature(function).parameters.values()
    options = documented["options"]
    assert options.pop("_input")["required"] is (first.default is first.empty)
    assert {key: option.get("default") for key, option in options.items()} == {p.name: p.default for p in parameters}
