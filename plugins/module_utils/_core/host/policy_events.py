# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads events of the Security log about policies."""

from __future__ import annotations

import typing as t

from ..model import U32
from .checking import AnswerError, AnswerPart
from .running import PolicyEvent, PolicyEvents

ROWS_LIMIT: t.Final = 50
"""The most events that the host module returns."""
_LAST_ID: t.Final = 65535


def parse_events(answer: object) -> PolicyEvents:
    """The part `events` of an answer. Raises `AnswerError`."""
    part = AnswerPart(answer, "events")
    audit = part.optional("audit", str)
    if (missing := part.missing()) is not None:
        return PolicyEvents(audit=audit, missing=missing)
    events = [_event(row) for row in part.items("rows", ROWS_LIMIT)]
    newest_first = sorted(events, key=lambda event: (event.time, event.record), reverse=True)
    return PolicyEvents(events=tuple(newest_first), audit=audit)


def _event(row: AnswerPart) -> PolicyEvent:
    data = row.get("data", dict)
    for name, text in data.items():
        if not isinstance(text, str):
            raise AnswerError(f"{row.place}.data.{name}", f"the host's answer has no valid '{row.place}.data.{name}'")
    return PolicyEvent(
        id=row.number("id", _LAST_ID), time=row.number("time", U32), record=row.number("record"), data=data
    )
