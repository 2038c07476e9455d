# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The keys of each dictionary of the shape: the documentation, the parser and the renderer are held against these."""

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
"""What ipsec_rule says of the policy, beside the keys of a rule."""
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

MODES: t.Final = {"state": ("present", "absent"), "rules_mode": ("exact", "merge")}
"""What a task says beside the policy, each with its values, the default first."""

READ_ONLY: t.Final = ("when_changed", "problems")
"""What facts say of a policy beyond that; accepted on the way back and ignored."""
