# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The Sphinx configuration of the documentation site, which docs/site/build builds."""

from __future__ import annotations

import pathlib
import re
import typing as t

import yaml
from docutils import nodes

_GALAXY: t.Final = yaml.safe_load((pathlib.Path(__file__).parent.parent.parent / "galaxy.yml").read_text())
_PAGE: t.Final = re.compile(re.escape(f"({_GALAXY['repository']}/blob/main/") + r"([\w/.-]+\.(?:md|rst)(?:#[\w-]+)?)\)")

_ANSIBLE: t.Final = "https://docs.ansible.com/ansible/latest/"
_PAGES_OF_ANSIBLE: t.Final = {
    "action_plugins": "plugins/action.html",
    "ansible_collections.ansible.builtin.file_lookup": "collections/ansible/builtin/file_lookup.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
"""Labels that antsibull-docs refers to. An index of them would have to be downloaded."""

project = "ipsec.windows"
version = release = _GALAXY["version"]
author = ", ".join(_GALAXY["authors"])
copyright = f"2026, {author}"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# links to headings, with the names that GitHub gives them
myst_heading_anchors = 4
html_theme = "sphinx_ansible_theme"
html_title = project
html_show_sphinx = False
html_copy_source = False
html_use_index = False
pygments_style = "ansible"


def setup(app: t.Any) -> None:
    app.connect("source-read", _link_inside)
    app.connect("missing-reference", _link_to_ansible)


def _link_inside(_app: t.Any, name: str, source: list[str]) -> None:
    """The README links to pages in the repository, as Galaxy needs it. The site has these pages."""
    if name == "README":
        source[0] = _PAGE.sub(r"(\1)", source[0])


def _link_to_ansible(_app: t.Any, _env: t.Any, node: t.Any, text: t.Any) -> nodes.reference | None:
    page = _PAGES_OF_ANSIBLE.get(node["reftarget"])
    return None if page is None else nodes.reference("", "", text, refuri=_ANSIBLE + page)
