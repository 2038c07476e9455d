# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Links in Markdown pages lead to files and headings of this repository; those of the README also work on Galaxy."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

CHECKOUT = pathlib.Path(__file__).parent.parent.parent
PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md")])
OWN = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())["repository"] + "/blob/main/"


def _text(page):
    """The text of a page without code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)


def _links(page):
    return re.findall(r"\]\(([^)\s]+)\)", _text(page))


def _anchors(page):
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _problem(page, link):
    """Why a link leads nowhere; None if it leads to something, or out of this repository."""
    target, _sign, anchor = link.removeprefix(OWN).partition("#")
    if re.match(r"\w+:", target):
        return None
    base = CHECKOUT if link.startswith(OWN) else page.parent
    found = (base / target).resolve() if target else page
    if not found.exists():
        return f"{link}: there is no {found}"
    return f"{link}: there is no such heading" if anchor and anchor not in _anchors(found) else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files_and_headings(page):
    assert [problem for link in _links(page) if (problem := _problem(page, link))] == []


@pytest.mark.parametrize(
    "link", ["missing.md", OWN + "missing.md", "README.md#missing", "#missing", OWN + "README.md#missing"]
)
def test_wrong_links_are_found(link):
    assert _problem(CHECKOUT / "README.md", link)


def test_the_readme_has_no_relative_links():
    assert [link for link in _links(CHECKOUT / "README.md") if not link.startswith(("https://", "#"))] == []


def test_the_readme_lists_every_page():
    listed = {link.removeprefix(OWN + "docs/") for link in _links(CHECKOUT / "README.md")}
    assert {path.name for path in CHECKOUT.glob("docs/*.md")} <= listed
