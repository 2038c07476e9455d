# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Short ways to build values of the model."""

from __future__ import annotations

import ipaddress

from ansible_collections.ipsec.windows.plugins.module_utils._core import model

IP = ipaddress.ip_address
GUID = "{12345678-1234-1234-1234-123456789ABC}"


def address(text: str) -> model.HostAddress:
    return model.HostAddress(IP(text))


def traffic(source: model.Address, destination: model.Address, **parts) -> model.Filter:
    return model.Filter(source=source, destination=destination, **parts)


def port(number: int) -> model.Ports:
    return model.Ports(number, number)


def method(*algorithms: model.Ah | model.Esp, **parts) -> model.SecurityMethod:
    return model.SecurityMethod(algorithms=algorithms, **parts)


def main_mode_method(encryption: str, integrity: str, group: int, **parts) -> model.MainModeMethod:
    return model.MainModeMethod(encryption=encryption, integrity=integrity, group=group, **parts)
