# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The manual's defaults for everything that is left out, in one table. Times are in seconds."""

from __future__ import annotations

import typing as t

SECURITY_METHODS: t.Final = (("3des", "sha"), ("3des", "md5"), ("des", "sha"), ("des", "md5"))
"""Cipher and hash of the esp methods that quick mode offers (remarks on -n)."""
PFS: t.Final = False
"""Perfect forward secrecy of the session key (remarks on -n) and of the master key (remarks)."""
AUTHENTICATION: t.Final = "kerberos"
"""Remarks on -a."""
MAIN_MODE_METHODS: t.Final = (("3des", "sha", 2), ("3des", "md5", 2), ("des", "sha", 1), ("des", "md5", 1))
"""Cipher, hash and Diffie-Hellman group of the methods that main mode offers (remarks on -1s)."""
MAIN_MODE_LIFETIME: t.Final = 480 * 60
QUICK_MODE_LIMIT: t.Final = 0
"""No limit (remarks on -1k)."""
SOFT_LIFETIME: t.Final = 300
"""Of a soft association, where these are allowed (remarks on -1e)."""
MASK: t.Final = "255.255.255.255"
PORTS: t.Final = None
PROTOCOL: t.Final = 0
"""One address, any port, any protocol (remarks on -f)."""
CONNECTION_TYPE: t.Final = "all"
"""All adapters, without -lan and -dialup."""
POLL_INTERVAL: t.Final = 180 * 60
"""The poll interval of a new policy, in seconds. The manual has no default; this is what the snap-in writes."""
