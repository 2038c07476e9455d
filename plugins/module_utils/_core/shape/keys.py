# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The keys of each dictionary. A test compares the documentation, the parser and the renderer with these."""

from __future__ import annotations

import typing as t

POLICY: t.Final = (
    "name",
    "id",
    "description",
    "assigned",
    "poll_interval",
    "main_mode",
    "default_response",
    "rules",
    "odd",
)
MAIN_MODE: t.Final = ("methods", "lifetime_seconds", "quick_mode_limit", "pfs", "odd")
MAIN_MODE_METHOD: t.Final = (
    "encryption",
    "integrity",
    "group",
    "lifetime_seconds",
    "lifetime_kilobytes",
    "quick_mode_limit",
    "odd",
)
DEFAULT_RESPONSE: t.Final = ("enabled", "security_methods", "authentication")
RULE: t.Final = (
    "name",
    "id",
    "description",
    "enabled",
    "filters",
    "filter_list",
    "action",
    "filter_action",
    "inpass",
    "soft",
    "security_methods",
    "authentication",
    "tunnel",
    "tunnel_address",
    "connection_type",
    "odd",
)
RULE_OF_POLICY: t.Final = ("policy", "assigned", "poll_interval", "main_mode")
"""The keys of ipsec_rule about the policy, besides the keys of a rule."""

FILTERS: t.Final = ("filters_mode", "shared")
"""The keys of ipsec_rule about how its filters change."""
DYNAMIC_RULE: t.Final = (
    "filters",
    "action",
    "inpass",
    "soft",
    "soft_lifetime",
    "security_methods",
    "pfs_group",
    "authentication",
    "tunnel",
    "tunnel_address",
    "connection_type",
    "main_mode",
    "main_mode_filters",
)
"""The keys of a dynamic rule. Its filters have an `action` besides the keys of a filter."""

DYNAMIC_MODES: t.Final = ("state", "rules", "rules_mode", "settings")
"""The keys of ipsec_dynamic besides those of a dynamic rule."""

FILTER: t.Final = (
    "source",
    "source_address",
    "source_port",
    "destination",
    "destination_address",
    "destination_port",
    "protocol",
    "mirrored",
    "description",
    "odd",
)
PACKET: t.Final = ("source", "destination", "protocol", "source_port", "destination_port")
SECURITY_METHOD: t.Final = ("ah", "esp", "lifetime_seconds", "lifetime_kilobytes", "pfs", "odd")
ESP: t.Final = ("encryption", "integrity")
AUTHENTICATION: t.Final = (
    "kerberos",
    "preshared_key",
    "certificate",
    "account_mapping",
    "exclude_ca_name",
    "type",
    "odd",
)

MODES: t.Final = ("state", "rules_mode")
"""The keys of a task besides those of a policy."""

READ_ONLY: t.Final = ("when_changed", "problems")
"""The keys of facts besides those of a policy; tasks accept and ignore them."""

GPOS: t.Final = "gpos"
"""The key of policies of a domain for the Group Policy objects that assign them. Elsewhere it is ignored."""

GPOS_MODE: t.Final = "gpos_mode"
"""The key of a task that says how they combine with those that assign the policy now."""
