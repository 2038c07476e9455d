# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Queries of the event log, as event triggers of scheduled tasks have them: the part of XPath that Windows knows."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import xml.etree.ElementTree as ET

_TOKEN: t.Final = re.compile(r"\s*(?:('[^']*'|\"[^\"]*\")|(!=|<=|>=|[=<>\[\]()@*/])|([A-Za-z_][\w.-]*|[0-9]+))")


class QueryError(ValueError):
    """A query that Windows refuses."""


@dataclasses.dataclass(frozen=True)
class Event:
    """An event in a log (`channel`). `data` are its parts by name; those of the element EventData/Data have a name."""

    channel: str
    provider: str
    number: int
    data: dict[str, str]

    def xml(self) -> ET.Element:
        """The event without a namespace."""
        log = ET.Element("Events")
        event = ET.SubElement(log, "Event")
        system = ET.SubElement(event, "System")
        ET.SubElement(system, "Provider", Name=self.provider)
        ET.SubElement(system, "EventID").text = str(self.number)
        ET.SubElement(system, "Channel").text = self.channel
        data = ET.SubElement(event, "EventData")
        for name, value in self.data.items():
            if name == "Binary":
                ET.SubElement(data, name).text = value
            else:
                ET.SubElement(data, "Data", Name=name).text = value
        return log


def parse_query_list(text: str) -> list[tuple[str, str]]:
    """The logs and the XPath expressions that a QueryList selects. Raises `QueryError`."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise QueryError(f"the subscription is not XML: {error}") from None
    if root.tag != "QueryList":
        raise QueryError(f"the subscription is a {root.tag}, which must be a QueryList")
    found = []
    for query in root:
        if query.tag != "Query":
            raise QueryError(f"a QueryList cannot have a {query.tag}")
        for select in query:
            channel = select.get("Path") or query.get("Path")
            if select.tag != "Select" or not channel:
                raise QueryError("a Query needs Select elements with a Path")
            expression = (select.text or "").strip()
            matches(expression, Event("", "", 0, {}))
            found.append((channel, expression))
    if not found:
        raise QueryError("the subscription selects nothing")
    return found


def matches(expression: str, event: Event) -> bool:
    """Whether an XPath expression selects an event. Raises `QueryError`."""
    parser = _Parser(expression)
    result = parser.either([event.xml()])
    parser.end()
    return result


class _Parser:
    """Evaluates an expression while it reads it."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise QueryError(f"the query has an error at '{text[at : at + 10]}'")
            self._tokens.append(found[0].strip())
            at = found.end()

    def _next(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _take(self, wanted: str | None = None) -> str:
        token = self._next()
        if not token or (wanted is not None and token != wanted):
            raise QueryError(f"the query has '{token}' where {wanted or 'more'} is expected")
        return self._tokens.pop(0)

    def end(self) -> None:
        if self._tokens:
            raise QueryError(f"the query has an unexpected '{self._next()}'")

    def either(self, nodes: list[ET.Element]) -> bool:
        found = self._both(nodes)
        while self._next() == "or":
            self._take()
            found = self._both(nodes) or found
        return found

    def _both(self, nodes: list[ET.Element]) -> bool:
        found = self._term(nodes)
        while self._next() == "and":
            self._take()
            found = self._term(nodes) and found
        return found

    def _term(self, nodes: list[ET.Element]) -> bool:
        """A path with or without a comparison, or an expression in parentheses. It holds for any of the nodes."""
        if self._next() == "(":
            self._take()
            found = self.either(nodes)
            self._take(")")
            return found
        values, exists = self._path(nodes)
        if self._next() in ("=", "!=", "<", ">", "<=", ">="):
            sign, literal = self._take(), self._take().strip("'\"")
            return any(_compare(value, sign, literal) for value in values)
        return exists

    def _path(self, nodes: list[ET.Element]) -> tuple[list[str], bool]:
        """The texts that a path has, and whether it has any node."""
        while True:
            if self._next() == "@":
                self._take()
                name = self._take()
                texts = [text for node in nodes if (text := node.get(name)) is not None]
                return texts, bool(texts)
            name = self._take()
            if name != "*" and re.fullmatch(r"[A-Za-z_][\w.-]*", name) is None:
                raise QueryError(f"the query has '{name}' where a name is expected")
            nodes = [child for node in nodes for child in node if name in ("*", child.tag)]
            while self._next() == "[":
                nodes = self._filtered(nodes)
            if self._next() != "/":
                return [node.text or "" for node in nodes], bool(nodes)
            self._take()

    def _filtered(self, nodes: list[ET.Element]) -> list[ET.Element]:
        """The nodes for which a predicate holds."""
        tokens = list(self._tokens)
        found = []
        # without a node, the predicate is only read
        for node in nodes or [ET.Element("none")]:
            self._tokens = list(tokens)
            self._take("[")
            if self.either([node]):
                found.append(node)
            self._take("]")
        return found if nodes else []


def _compare(value: str, sign: str, literal: str) -> bool:
    first: t.Any = value
    second: t.Any = literal
    if value.isdecimal() and literal.isdecimal():
        first, second = int(value), int(literal)
    if sign in ("=", "!="):
        return bool((first == second) == (sign == "="))
    return bool({"<": first < second, ">": first > second, "<=": first <= second, ">=": first >= second}[sign])
