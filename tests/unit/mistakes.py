# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Copies of modules with a mistake, which a test must find."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import types


def with_mistake(module: types.ModuleType, *changes: tuple[str, str]) -> types.ModuleType:
    """A copy of a module in which each right text is replaced by a wrong one."""
    source = inspect.getsource(module)
    for right, wrong in changes:
        assert source.count(right) == 1, right
        source = source.replace(right, wrong)
    spec = importlib.util.spec_from_loader(f"{module.__name__}_with_mistake", loader=None)
    assert spec is not None
    copy = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = copy
    try:
        exec(source, vars(copy))
    finally:
        del sys.modules[spec.name]
    return copy
