# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The options of an action, as its documentation declares them: they are written once."""

from __future__ import annotations

import pathlib
import typing as t

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.loader import fragment_loader

from ..module_utils._core.shape.fields import kind_of
from ..module_utils._core.shape.tried import no_such_option
from ._old_core import decrypted, plain_types

_COLLECTION: t.Final = "ipsec.windows."
_MODULES = pathlib.Path(__file__).parent.parent / "modules"
_FIELDS: t.Final = ("type", "elements", "default", "choices", "required", "aliases")


class OptionError(ValueError):
    """An option that the documentation does not allow."""


def options_of(module: str) -> dict[str, t.Any]:
    """The argument spec of a module. This is slow, so an action does it once, when it is loaded."""
    return _spec(_documented(module))


def read_options(
    options: t.Mapping[str, t.Any], args: t.Mapping[str, t.Any], untouched: t.Sequence[str] = ()
) -> dict[str, t.Any]:
    """The arguments of a task with defaults filled in and types converted. Raises `OptionError`.

    Options named in `untouched` are passed on as they are: their parsers have better errors than a conversion.
    """
    args = decrypted(args)
    _refuse_unknown(args, {**options, **{name: {} for name in untouched}}, "")
    spec = {name: option for name, option in options.items() if name not in untouched}
    # Ansible copies everything that it validates, and a policy may be large
    result = ArgumentSpecValidator(spec).validate({name: value for name, value in args.items() if name in spec})
    if result.error_messages:
        raise OptionError(plain_types("; ".join(result.error_messages)))
    return {**dict.fromkeys(untouched), **args, **result.validated_parameters}


def _documented(module: str) -> dict[str, dict[str, t.Any]]:
    """The options in the documentation of a module, with those from shared fragments."""
    documentation = _load((_MODULES / f"{module}.yml").read_text(encoding="utf-8"))["DOCUMENTATION"]
    own = documentation.get("options") or {}
    shared: dict[str, dict[str, t.Any]] = {}
    for name in documentation.get("extends_documentation_fragment") or []:
        if name.startswith(_COLLECTION):
            fragment = fragment_loader.get(name)
            shared.update(_load(fragment.DOCUMENTATION).get("options") or {})
    return {name: {**shared.get(name, {}), **own.get(name, {})} for name in (*own, *shared)}


def _load(text: str) -> dict[str, t.Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return t.cast("dict[str, t.Any]", yaml.load(text, loader))  # noqa: S506


def _refuse_unknown(args: t.Mapping[str, t.Any], spec: t.Mapping[str, t.Any], place: str) -> None:
    for name, value in args.items():
        if name not in spec:
            raise OptionError(place + no_such_option(str(name), sorted(spec)))
        if "options" not in spec[name] or value is None:
            continue
        if isinstance(value, t.Mapping):
            _refuse_unknown(value, spec[name]["options"], f"{place}{name}: ")
        elif not isinstance(value, str):
            # Ansible reads text as JSON or key=value
            raise OptionError(f"{place}{name}: expected a dictionary, not {kind_of(value)}")


def _spec(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The argument spec of documented options."""
    spec = {}
    for name, option in options.items():
        spec[name] = {field: option[field] for field in _FIELDS if field in option}
        if "suboptions" in option:
            spec[name]["options"] = _spec(option["suboptions"])
    return spec
