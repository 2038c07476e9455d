# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policies of different sizes."""

from __future__ import annotations

import typing as t


def block_list(count: int) -> dict[str, t.Any]:
    """A policy with one rule of `count` filters."""
    filters = [f"0+10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, count + 1)]
    return {"name": "Block list", "rules": [{"name": "bad", "filters": filters, "action": "block"}]}


def many_rules(count: int) -> dict[str, t.Any]:
    """A policy with `count` rules of one filter."""
    rules = [
        {"name": f"rule {n}", "filters": [f"0+10.0.{n >> 8}.{n & 255}"], "action": "block"} for n in range(1, count + 1)
    ]
    return {"name": "Many", "rules": rules}


def dynamic_rules(count: int) -> dict[str, t.Any]:
    """The options of ipsec_dynamic for `count` rules of one filter."""
    return {"rules": [{"filters": [f"[0+10.0.{n >> 8}.{n & 255}]"]} for n in range(1, count + 1)]}


def dynamic_commands(count: int) -> list[str]:
    """The commands of netsh for the same rules, each with a main mode of its own."""
    dynamic = "netsh ipsec dynamic add"
    block = "actioninbound=block actionoutbound=block"
    return [
        command
        for n in range(1, count + 1)
        for command in (
            f'{dynamic} mmpolicy name="Block {n}"',
            f'{dynamic} rule srcaddr=me dstaddr=10.0.{n >> 8}.{n & 255} mmpolicy="Block {n}" {block}',
        )
    ]


def block_script(count: int) -> list[str]:
    """The commands of netsh for a policy with one rule of `count` filters."""
    static = "netsh ipsec static add"
    head = [f"{static} policy name=Ports", f'{static} filterlist name="Bad guys"']
    filters = [
        f'{static} filter filterlist="Bad guys" srcaddr=10.{n >> 16}.{n >> 8 & 255}.{n & 255} dstaddr=me protocol=any'
        for n in range(1, count + 1)
    ]
    rule = f'{static} rule name=Block policy=Ports filterlist="Bad guys" filteraction=Deny'
    return ["@echo off", *head, *filters, f"{static} filteraction name=Deny action=block", rule]


def one_changed(policy: dict[str, t.Any]) -> dict[str, t.Any]:
    """The same policy with another filter at the end of the last rule."""
    last = policy["rules"][-1]
    return {**policy, "rules": [*policy["rules"][:-1], {**last, "filters": [*last["filters"][:-1], "0+192.0.2.1"]}]}
