# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Errors of a directory."""

from __future__ import annotations

import enum


class ResultCode(enum.IntEnum):
    """The result codes of LDAP (RFC 4511, 4.1.9) that this collection tells apart."""

    SUCCESS = 0
    REFERRAL = 10
    NO_SUCH_ATTRIBUTE = 16
    CONSTRAINT_VIOLATION = 19
    VALUE_EXISTS = 20
    NO_SUCH_OBJECT = 32
    NO_RIGHTS = 50
    UNWILLING = 53
    ENTRY_EXISTS = 68


class DirectoryError(ValueError):
    """A directory that cannot be used, or gives an impossible answer. The message says what would be right."""


class LostConnection(DirectoryError):
    """The connection broke after a request was sent. Whether the request was done is not known."""


class ResultError(DirectoryError):
    """A request that the server refused. `code` is its result code, `detail` the server's own words."""

    def __init__(self, code: int, detail: str, what: str) -> None:
        """`what` is what was asked for."""
        super().__init__(f"{what}: the server refuses it with result {code}{': ' + detail if detail else ''}")
        self.code = code
        self.detail = detail
