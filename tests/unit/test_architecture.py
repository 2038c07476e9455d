# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The structure of the core: its rooms and their order, names, and how values are built."""

from __future__ import annotations

import ast
import collections
import dataclasses
import importlib
import pathlib
import pkgutil
import re
import sys

from ansible_collections.ipsec.windows.plugins.module_utils import _core

ROOT = pathlib.Path(__file__).parent.parent.parent
CORE = ROOT / "plugins" / "module_utils" / "_core"
FILES = sorted(path for path in CORE.rglob("*.py") if path != CORE / "__init__.py")
TREES = {path: ast.parse(path.read_text()) for path in (ROOT / "plugins").rglob("*.py")}
FIELDS = 3
"""Values with more fields are built with keywords."""


def room_of(path):
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def imports(path):
    """The rooms that a file imports."""
    package = path.relative_to(CORE).parent.parts
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = (*base, *(node.module or "").split("."))
            yield from [module[0]] if module[0] else [alias.name for alias in node.names]


def test_rooms_import_only_rooms_above_them():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert set(rooms) == {room_of(path) for path in FILES}
    wrong = [
        f"{path.relative_to(CORE)} imports {name}"
        for path in FILES
        for name in imports(path)
        if rooms.index(name) > rooms.index(room_of(path))
    ]
    assert wrong == []


def test_the_core_imports_only_the_standard_library():
    for path in FILES:
        for node in ast.walk(TREES[path]):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names, path


def test_every_class_has_its_own_name():
    places = collections.defaultdict(set)
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name not in (
                "ActionModule",
                "FilterModule",
                "ModuleDocFragment",
            ):
                places[node.name.lstrip("_")].add(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def values():
    """All dataclasses of the core."""
    for found in pkgutil.walk_packages(_core.__path__, _core.__name__ + "."):
        for value in vars(importlib.import_module(found.name)).values():
            if isinstance(value, type) and value.__module__ == found.name and dataclasses.is_dataclass(value):
                yield value


def test_values_with_many_fields_are_built_with_keywords():
    many = {value for value in values() if len([f for f in dataclasses.fields(value) if f.init]) > FIELDS}
    assert many
    assert [v.__name__ for v in many if any(f.init and not f.kw_only for f in dataclasses.fields(v))] == []


def test_records_with_many_fields_are_built_with_keywords():
    """Named tuples cannot ask for keywords, so their callers are checked."""
    records = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef) or "t.NamedTuple" not in map(ast.unparse, node.bases):
                continue
            if sum(isinstance(field, ast.AnnAssign) for field in node.body) > FIELDS:
                records.add(node.name)
    assert records
    wrong = [
        f"{path.name}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in records and node.args
    ]
    assert wrong == []
