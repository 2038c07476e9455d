# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The part of the collection's host module about what a host has in force (docs/host-module.md), for hosts without
PowerShell."""

from __future__ import annotations

import base64
import codecs
import dataclasses
import re
import time
import typing as t
from xml.parsers import expat

from .cim import CimError, classes
from .host import Host
from .security_log import PROVIDER, LogError
from .store_text import digest, pack

LIMIT: t.Final = 60
"""The most seconds that a query may take."""
MOST_FILTERS: t.Final = 20_000
MOST_ASSOCIATIONS: t.Final = 5_000
MOST_OBJECTS: t.Final = 20_000
DEEPEST: t.Final = 64
LONGEST: t.Final = 65_536
_PROVIDER: t.Final = "{aa6a7d87-7f8f-4d2a-be53-fda555cd5fe3}"
_SUBCATEGORY: t.Final = "{0CCE9233-69AE-11D9-BED3-505054503030}"
_EVENTS: t.Final = (*range(5456, 5468), *range(5471, 5475), 5477)
_MOST_EVENTS: t.Final = 50
_COUNTERS: t.Final = (
    "IPsecDriver",
    "IPsecIKEv1IPv4",
    "IPsecIKEv1IPv6",
    "IPsecConnections",
    "GenericIKEv1AuthIPandIKEv2",
)
_IGNORED: t.Final = (
    "AuthenticationMethod",
    "LifetimeSeconds",
    "LifetimeKilobytes",
    "InitiatorCookie",
    "ResponderCookie",
    "IdleDurationSeconds",
)
"""Properties of main-mode associations that are documented as ignored."""
_BLANK: t.Final = " \t\r\n"
_ALLOWED: t.Final = "A-Za-z0-9_.:{}/~%-"
_REFERENCE: t.Final = re.compile(r"<!\[CDATA\[.*?]]>|&#(?:([0-9]+)|x([0-9A-Fa-f]+));", re.DOTALL)
_HIDDEN: t.Final = 0x100000
_REFERENCED: t.Final = re.compile("[\U00100000-\U0010ffff]")


class Malformed(Exception):
    """What the host prints cannot be read; the message has the place."""

    def __init__(self, line: int, column: int, problem: str) -> None:
        # it may quote what is wrong
        shown = re.sub("[\0-\x1f\x7f-\x9f\ud800-\udfff]", "?", problem[:300])
        super().__init__(f"netsh wfp show filters: line {line}, column {column}: {shown}")


@dataclasses.dataclass
class _Filter:
    """A filter while it is read."""

    depth: int
    place: tuple[int, int]
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    conditions: list[_Condition] = dataclasses.field(default_factory=list)
    ours: bool | None = None
    skipped: bool = False

    def line(self) -> str:
        """Its line in the answer. Raises `Malformed`."""
        get = {path: _normal(text) for path, text in self.texts.items()}.get
        keys = [get(name, "") for name in ("filterId", "filterKey", "layerKey", "subLayerKey", "action/type")]
        keys.append(get("action/filterType", "") + get("action/calloutKey", ""))
        start = ";".join([*keys, get("effectiveWeight/uint64", "")])
        if not re.fullmatch(f"[0-9]{{1,20}}(;[{_ALLOWED}]*){{5}};[0-9]{{0,20}}", start):
            raise Malformed(*self.place, f"a filter cannot have the id, keys, action and weight '{start}'")
        shown = []
        for found in self.conditions:
            words = ",".join(_normal(found.texts.get(name, "")) for name in _WORDS)
            if not re.fullmatch(f"[{_ALLOWED}]*,[{_ALLOWED}]*,[{_ALLOWED}]*", words):
                raise Malformed(*self.place, f"a condition cannot have the field, match and type '{words}'")
            # values that the controller does not understand, such as paths
            value = re.sub(f"[^{_ALLOWED}]", "?", "~".join(text.strip(_BLANK) for text in found.values))
            shown.append(f"{words},{value}")
        name = self.texts.get("displayData/name", "").encode("utf-16-le", "surrogatepass")
        if max(map(len, [start, *shown]), default=0) > LONGEST or len(name) // 2 > LONGEST:
            raise Malformed(*self.place, "a text is too long")
        # an unpaired surrogate becomes a replacement character
        name = name.decode("utf-16-le", "replace").encode("utf-16-le")
        return ";".join([start, base64.b64encode(name).decode(), "|".join(shown)]) + "\n"


@dataclasses.dataclass
class _Condition:
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    values: list[str] = dataclasses.field(default_factory=list)


def _normal(text: str) -> str:
    """`text` with single spaces."""
    return re.sub(f"[{_BLANK}]+", " ", text).strip(" ")


_WORDS: t.Final = ("fieldKey", "matchType", "conditionValue/type")
_NEEDED: t.Final = (
    "filterKey",
    "displayData/name",
    "providerKey",
    "layerKey",
    "subLayerKey",
    "action/type",
    "action/filterType",
    "action/calloutKey",
    "filterId",
    "effectiveWeight/uint64",
)


class _Reader:
    """Reads what netsh prints."""

    def __init__(self) -> None:
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._names: list[str] = []
        self._listed = False
        self._filter: _Filter | None = None
        self._leaf: list[str] | None = None
        """The texts of an open element without others; None for other elements."""
        self.rows: list[str] = []
        self.count = 0
        self.total = 0

    def read(self, text: str) -> None:
        """Raises `Malformed`."""
        declaration = re.match(r"<\?xml[^>]*\?>", text)
        if declaration:
            if not re.match(r"<\?xml\s+version\s*=\s*(['\"])1\.0\1", text):
                raise Malformed(1, 7, "the declaration is not that of XML 1.0")
            text = " " * declaration.end() + text[declaration.end() :]
        # several roots, and text around them, are content of one element; a line break leaves the columns as they are
        data = "<fragment>\n" + _REFERENCE.sub(_hide, text) + "</fragment>"
        try:
            self._parser.Parse(data.encode(errors="surrogatepass"), True)
        except expat.ExpatError as error:
            raise Malformed(error.lineno - 1, error.offset + 1, expat.ErrorString(error.code)) from None
        if not self._listed:
            line, column = self._place()
            raise Malformed(line, column - len("</fragment>"), "there is no element 'filters'")

    def _place(self) -> tuple[int, int]:
        return self._parser.CurrentLineNumber - 1, self._parser.CurrentColumnNumber + 1

    def _path(self) -> str:
        assert self._filter is not None
        return "/".join(self._names[self._filter.depth + 1 :])

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        if not self._names:
            self._names = ["fragment"]
            return
        line, column = self._place()
        if len(self._names) > DEEPEST:
            place = self._filter.place if self._filter else (line, column + 1)
            raise Malformed(*place, f"more than {DEEPEST} elements are nested")
        above = self._names[-1]
        self._names.append(name)
        if self._filter is None:
            self._listed = self._listed or name == "filters"
            if name == "item" and above == "filters":
                self._filter, self._leaf = _Filter(len(self._names) - 1, (line, column + 1)), None
        elif not self._filter.skipped:
            self._leaf = []
            if self._path() == "filterCondition/item":
                self._filter.conditions.append(_Condition())

    def _text(self, text: str) -> None:
        if self._leaf is None or self._filter is None:
            return
        path = self._path()
        if path not in _NEEDED and not path.startswith("filterCondition/item/"):
            return
        self._leaf.append(_REFERENCED.sub(_show, text))

    def _end(self, _name: str) -> None:
        found = self._filter
        if found is not None and self._leaf is not None:
            self._take(found, self._path(), "".join(self._leaf))
        self._leaf = None
        if found is not None and found.depth == len(self._names) - 1:
            self._filter = None
            self.total += 1
            if found.ours:
                self.count += 1
                if self.count <= MOST_FILTERS:
                    self.rows.append(found.line())
        self._names.pop()

    def _take(self, found: _Filter, path: str, text: str) -> None:
        if path == "providerKey":
            # a filter has one provider
            found.ours = found.ours is None and text.strip(_BLANK).lower() == _PROVIDER
            found.skipped = not found.ours or self.count >= MOST_FILTERS
        elif path in _NEEDED:
            found.texts.setdefault(path, text)
        elif path.startswith("filterCondition/item/"):
            condition, path = found.conditions[-1], path.removeprefix("filterCondition/item/")
            if path in _WORDS:
                condition.texts.setdefault(path, text)
            elif path.split("/")[0] == "conditionValue" and not path.endswith("/type"):
                condition.values.append(text)


def _hide(found: re.Match[str]) -> str:
    """Replace a reference to a character that XML cannot hold, which the reader of Windows accepts."""
    if found[1] is found[2]:
        return found[0]
    code = int(found[1]) if found[1] else int(found[2], 16)
    if code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF:
        return found[0]
    return chr(_HIDDEN + code)


def _show(found: re.Match[str]) -> str:
    return chr(ord(found[0]) - _HIDDEN)


def _decode(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode(errors="replace")


class QueryModule:
    """What the host module says about what one host has in force."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._late: dict[str, dict[str, str]] = {}
        """The errors of namespaces that did not answer in time, which are not asked again in a request."""

    def read(self, part: str) -> dict[str, t.Any]:
        """The answer to a part of a read. Raises `Malformed` and `KeyError`."""
        parts: dict[str, t.Callable[[], dict[str, t.Any]]] = {
            "filters": lambda: self._filters()[0],
            "events": self._events,
            "associations": self._associations,
            "counters": self._counters,
            "rsop": self._rsop,
        }
        self._late.clear()
        return {part: parts[part]()}

    def wait(self, request: dict[str, t.Any]) -> dict[str, t.Any]:
        """The answer to a request to wait, without the service. Raises `Malformed`."""
        start = time.monotonic()
        while True:
            events = self._events()
            filters, lines = self._filters()
            waited = int(time.monotonic() - start)
            applied = filters["error"] is None and applied_digest(lines) == request["expect"]
            new = any(
                event["time"] >= request["since"] and event["id"] in request["events"] for event in events["rows"]
            )
            if new or applied or waited >= request["seconds"]:
                return {"filters": filters, "events": events, "waited": waited}
            time.sleep(1)

    def _filters(self) -> tuple[dict[str, t.Any], list[str]]:
        """The answer and its lines."""
        answer: dict[str, t.Any] = {"rows": "", "count": 0, "total": 0, "truncated": False, "error": None}
        try:
            code, text = self._host.netsh(["wfp", "show", "filters", "file=-"], patience=LIMIT)
        except TimeoutError as error:
            return answer | {"error": _missing("timed_out", error)}, []
        text = _decode(text.encode(errors="surrogateescape"))
        if code != 0:
            reason = "failed" if self._host.setting("administrator") else "access_denied"
            return answer | {"error": _missing(reason, text[:1000].strip())}, []
        reader = _Reader()
        reader.read(text)
        answer |= {"count": reader.count, "total": reader.total, "truncated": reader.count > MOST_FILTERS}
        return answer | {"rows": pack("".join(reader.rows))}, reader.rows

    def _events(self) -> dict[str, t.Any]:
        audit, error, rows = self._audit(), None, []
        try:
            for event in self._host.security_events(LIMIT):
                if event["id"] in _EVENTS and event["provider"] == PROVIDER and len(rows) < _MOST_EVENTS:
                    rows.append({key: event[key] for key in ("id", "time", "record", "data")})
        except LogError as problem:
            error = _missing(problem.reason, problem)
        except TimeoutError as problem:
            error = _missing("timed_out", problem)
        return {"rows": rows, "audit": audit, "error": error}

    def _audit(self) -> str | None:
        try:
            code, text = self._host.auditpol(["/get", f"/subcategory:{_SUBCATEGORY}", "/r"], LIMIT)
        except TimeoutError:
            return None
        found = re.search(re.escape(_SUBCATEGORY) + ',("[^"]*"|[^",\r\n]*),', text, re.IGNORECASE)
        return found[1].strip('"') if code == 0 and found else None

    def _class(self, namespace: str, name: str, most: int, without: t.Collection[str] = ()) -> _Found:
        if namespace in self._late:
            return _Found(error=self._late[namespace])
        try:
            found = self._host.cim(namespace, name, LIMIT)
        except CimError as error:
            return _Found(error=_missing(error.reason, error))
        except TimeoutError as error:
            self._late[namespace] = _missing("timed_out", error)
            return _Found(error=self._late[namespace])
        kinds = classes()[name]
        rows = [
            {
                key: _value(kinds.get(key, ""), value)
                for key, value in instance.items()
                if value is not None and key not in without
            }
            for instance in found[:most]
        ]
        return _Found(rows, len(found) > most)

    def _associations(self) -> dict[str, t.Any]:
        answer: dict[str, t.Any] = {"truncated": False, "errors": {}}
        for mode, name, without in (
            ("main_mode", "MSFT_NetMainModeSA", _IGNORED),
            ("quick_mode", "MSFT_NetQuickModeSA", ()),
        ):
            found = _Found(error=_missing("too_old", ""))
            if self._host.version() >= (6, 2):
                found = self._class("root/StandardCimv2", name, MOST_ASSOCIATIONS, without)
            answer[mode] = found.rows
            answer["truncated"] = answer["truncated"] or found.truncated
            answer["errors"][name] = found.error
        return answer

    def _counters(self) -> dict[str, t.Any]:
        answer: dict[str, t.Any] = {"classes": {}, "errors": {}}
        for short in _COUNTERS:
            name = f"Win32_PerfRawData_Counters_{short}"
            found = self._class("root/cimv2", name, 1)
            error = found.error
            for row in found.rows:
                answer["classes"][name] = {key: value for key, value in row.items() if isinstance(value, int)}
            if not found.rows and error is None:
                error = _missing("failed", "the class has no instance")
            answer["errors"][name] = error
        return answer

    def _rsop(self) -> dict[str, t.Any]:
        found = self._class("root/RSOP/Computer", "RSOP_IPSECPolicySetting", MOST_OBJECTS)
        if found.truncated:
            found = _Found(error=_missing("failed", f"there are more than {MOST_OBJECTS} objects"))
        gpos = self._class("root/RSOP/Computer", "RSOP_GPO", MOST_OBJECTS).rows if found.rows else []
        names = {gpo["id"]: gpo["name"] for gpo in gpos}
        return {"objects": found.rows, "gpos": names, "error": found.error}


@dataclasses.dataclass(frozen=True)
class _Found:
    """Instances of a class, or why there are none."""

    rows: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    truncated: bool = False
    error: dict[str, str] | None = None


def _missing(reason: str, detail: object) -> dict[str, str]:
    return {"reason": reason, "detail": str(detail)}


def _value(kind: str, value: t.Any) -> t.Any:
    if kind == "[]uint8":
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner is not None}
    return value


def applied_digest(rows: t.Iterable[str]) -> str:
    """The digest of what lines of filters say, without what differs between two times."""
    lines = set()
    for row in rows:
        _id, _key, layer, _sublayer, action, callout, _weight, _name, conditions = row.rstrip("\n").split(";")
        lines.add(f"{layer};{action};{callout};{'|'.join(sorted(conditions.split('|')))}\n")
    return digest("".join(sorted(lines)))
