# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The page on architecture and the imports of the core, held against each other."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
CORE = ROOT / "plugins" / "module_utils"
# what the page says beside the list
EXCEPTIONS = {("shape", "ipseccmd")}


def rows():
    """The row of each file and folder of the core, from the top of the page's list."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    core = page.partition("\nmodule_utils/")[2].partition("\nmodules/")[0]
    names = re.findall(r"^   (\w.*?)  ", core, re.MULTILINE)
    return {name.rstrip("/"): number for number, row in enumerate(names) for name in row.split(", ")}


def imports(path):
    """The files and folders of the core that a file of it imports."""
    package = path.relative_to(CORE).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = (*base, *(node.module or "").split("."))
            yield from [module[0]] if module[0] else [alias.name for alias in node.names]


FILES = sorted(path for path in CORE.rglob("*.py") if path != CORE / "__init__.py")


def test_the_page_lists_what_there_is():
    assert set(rows()) == {path.relative_to(CORE).parts[0].removesuffix(".py") for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_a_row_imports_rows_above_it_only(path):
    own = path.relative_to(CORE).parts[0].removesuffix(".py")
    order = rows()
    wrong = {name for name in imports(path) if order[name] > order[own] and (own, name) not in EXCEPTIONS}
    assert wrong == set()
