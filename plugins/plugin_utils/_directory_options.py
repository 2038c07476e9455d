# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a directory is reached: the option `directory`, completed by environment variables and defaults."""

from __future__ import annotations

import dataclasses
import enum
import os
import typing as t

from ansible.module_utils.common.validation import check_type_bool, check_type_int

from ..module_utils._core.hints import one_of
from ..module_utils._core.shape.tried import no_such_option
from ._old_core import decrypted
from ._options import OptionError

_ENVIRONMENT: t.Final = "MICROSOFT_AD_LDAP_"
_WITHOUT_VARIABLE: t.Final = "domain"
_LDAP_PORT: t.Final = 389
_LDAPS_PORT: t.Final = 636


_Read: t.TypeAlias = t.Callable[[t.Any, str], t.Any]
"""Makes a setting of a value, or raises `OptionError` with the place that it comes from."""


class TlsMode(enum.StrEnum):
    """When TLS begins: with the connection, or after a request for it."""

    LDAPS = "ldaps"
    START_TLS = "start_tls"


class Login(enum.StrEnum):
    """The protocols for logging in."""

    SIMPLE = "simple"
    CERTIFICATE = "certificate"
    NEGOTIATE = "negotiate"
    KERBEROS = "kerberos"
    NTLM = "ntlm"


class Validation(enum.StrEnum):
    """What is checked of the server's certificate."""

    ALWAYS = "always"
    IGNORE = "ignore"
    IGNORE_HOSTNAME = "ignore_hostname"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """How a directory is reached. The names, choices, defaults and environment variables are those of the inventory
    plugin microsoft.ad.ldap; `domain` is the DNS name of the domain.
    """

    domain: str | None = None
    server: str | None = None
    port: int | None = None
    tls_mode: TlsMode | None = None
    auth_protocol: Login | None = None
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    encrypt: bool = True
    ca_cert: str | None = None
    cert_validation: Validation = Validation.ALWAYS
    certificate: str | None = dataclasses.field(default=None, repr=False)
    certificate_key: str | None = dataclasses.field(default=None, repr=False)
    certificate_password: str | None = dataclasses.field(default=None, repr=False)
    connection_timeout: int = 5

    @classmethod
    def of(cls, mapping: t.Mapping[str, t.Any]) -> ConnectionOptions:
        """Read the option. What it leaves out comes from environment variables. Raises `OptionError`."""
        names = [field.name for field in dataclasses.fields(cls)]
        given = decrypted(mapping)
        for name in given:
            if name not in names:
                raise OptionError("directory: " + no_such_option(str(name), sorted(names)))
        values: dict[str, t.Any] = {}
        for name in names:
            place, value = f"directory: {name}", given.get(name)
            if value is None and name != _WITHOUT_VARIABLE:
                place = _ENVIRONMENT + name.upper()
                value = os.environ.get(place)
            if value is not None:
                read: _Read = _READERS.get(name, _text)
                values[name] = read(value, place)
        return cls(**values)._checked()

    @property
    def tls(self) -> TlsMode | None:
        """When TLS begins, None without it. The port for TLS implies it."""
        return self.tls_mode or (TlsMode.LDAPS if self.port == _LDAPS_PORT else None)

    @property
    def login(self) -> Login:
        """The protocol for logging in."""
        if self.auth_protocol:
            return self.auth_protocol
        return Login.CERTIFICATE if self.certificate and self.tls else Login.NEGOTIATE

    @property
    def seals(self) -> bool:
        """Whether the login seals the connection. Inside TLS, a domain controller refuses that."""
        return self.encrypt and not self.tls and self.login not in (Login.SIMPLE, Login.CERTIFICATE)

    @property
    def default_port(self) -> int:
        """The port, if DNS does not know another one."""
        return self.port or (_LDAPS_PORT if self.tls == TlsMode.LDAPS else _LDAP_PORT)

    def _checked(self) -> ConnectionOptions:
        """These options, if they fit together."""
        if self.password == "":
            raise OptionError(
                "directory: password is empty. A directory takes an empty password for no login at all; give the "
                "password, or leave it out to use a Kerberos ticket"
            )
        if self.password is not None and not self.username:
            raise OptionError("directory: password needs username")
        if self.login == Login.SIMPLE:
            if self.password is None:
                raise OptionError("directory: auth_protocol simple needs username and password")
            if self.encrypt and not self.tls:
                raise OptionError(
                    "directory: auth_protocol simple sends the password as it is; set tls_mode to ldaps or start_tls, "
                    "or use negotiate, kerberos or ntlm"
                )
        if self.login == Login.CERTIFICATE:
            if not self.tls:
                raise OptionError("directory: auth_protocol certificate needs tls_mode")
            if not self.certificate:
                raise OptionError("directory: auth_protocol certificate needs certificate")
        if self.connection_timeout <= 0:
            raise OptionError(f"directory: connection_timeout is {self.connection_timeout}, and must be 1 or more")
        if self.port is not None and not 0 < self.port < 1 << 16:
            raise OptionError(f"directory: port is {self.port}, and must be between 1 and 65535")
        return self


def _text(value: t.Any, place: str) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{place}: expected a text")
    # without what Ansible adds to texts, which libraries in C may not take
    return str(value)


def _number(value: t.Any, place: str) -> int:
    try:
        return int(check_type_int(value))
    except TypeError:
        raise OptionError(f"{place}: expected a number") from None


def _truth(value: t.Any, place: str) -> bool:
    try:
        return bool(check_type_bool(value))
    except TypeError:
        raise OptionError(f"{place}: expected true or false") from None


def _choice(kind: type[enum.StrEnum]) -> _Read:
    def read(value: t.Any, place: str) -> t.Any:
        try:
            return kind(value)
        except ValueError:
            raise OptionError(f"{place}: expected {one_of(kind)}") from None

    return read


_READERS: t.Final[dict[str, _Read]] = {
    "port": _number,
    "connection_timeout": _number,
    "encrypt": _truth,
    "tls_mode": _choice(TlsMode),
    "auth_protocol": _choice(Login),
    "cert_validation": _choice(Validation),
}
