# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The options of ipseccmd, and the help text."""

from __future__ import annotations

import typing as t

from ..model import defaults

OPTIONS: t.Final = (
    *("f", "n", "t", "a", "1s", "1k", "1p", "1f", "1e", "soft", "confirm", "dialup", "lan", "u"),
    *("w", "p", "r", "x", "y", "o"),
)
STATIC: t.Final = frozenset(("w", "p", "r", "x", "y", "o"))
"""Any of these makes a command line one of static mode."""
FLAGS: t.Final = frozenset(("1p", "soft", "confirm", "dialup", "lan", "u", "x", "y", "o"))
LISTS: t.Final = frozenset(("f", "n", "a", "1s", "1f"))
"""Options with one or more values. An option that is neither here nor a flag has exactly one."""
NEEDS: t.Final = {
    "f": "filters, as in 0+192.0.2.10",
    "n": "security methods, as in esp[3des,sha], or block, pass or inpass",
    "t": "the address or the DNS name of the tunnel endpoint",
    "a": 'authentication methods: kerberos, preshare:"key", cert:"authority"',
    "1s": "main-mode methods, as in 3des-sha-2",
    "1k": "a rekey setting, as in 10Q/3600S",
    "1f": "filters of main mode, as in 0+192.0.2.10",
    "1e": "a number of seconds",
    "w": "reg or ds",
    "p": "the name of the policy",
    "r": "the name of the rule",
}
"""What follows each option that is not a flag."""

_METHODS = ", ".join(f"esp[{','.join(names)}]" for names in defaults.SECURITY_METHODS)
_MAIN_MODE_METHODS = ", ".join("-".join(map(str, names)) for names in defaults.MAIN_MODE_METHODS)

SYNTAX: t.Final = f"""\
Dynamic mode: add a rule, or delete all dynamic rules
  ipseccmd [\\\\COMPUTER] -f FILTER ... [-n METHOD ...] [-t ENDPOINT] [-a AUTHENTICATION ...] [-1s METHOD ...]
           [-1k REKEY] [-1p] [-1f FILTER ...] [-1e SECONDS] [-soft] [-confirm] [-dialup | -lan]
  ipseccmd -u

Static mode: create or change a stored policy and one of its rules; assign (-x), unassign (-y) or delete (-o) the policy
  ipseccmd [\\\\COMPUTER] PARAMETERS-OF-DYNAMIC-MODE -w reg[:COMPUTER]|ds[:DOMAIN] -p POLICY[:MINUTES] -r RULE
           [-x | -y] [-o]

Query mode
  ipseccmd [\\\\COMPUTER] show [filters] [policies] [auth] [stats] [sas] | all

FILTER          SOURCE[/MASK][:PORT]=DESTINATION[/MASK][:PORT][:PROTOCOL]; + instead of = mirrors it. Addresses are 0
                (this host), * (any), 192.0.2.1, 10.92.*.*, a DNS name or the GUID of an interface in braces. The
                protocol is ICMP, UDP, RAW or TCP; without a port it follows two colons. Defaults: mask {defaults.MASK},
                any port, any protocol. (FILTER) permits and [FILTER] blocks, in dynamic mode only; default means
                the default response rule.
-n METHOD       esp[none|des|3des,none|md5|sha], ah[md5|sha] or ah[...]+esp[...], each with REKEY as in 3600S/5000K and
                PFS, PFS1 or PFS2; or block, pass, inpass. Default: {_METHODS}
-a              kerberos, preshare:"KEY", cert:"CA", or their first letter. Default: {defaults.AUTHENTICATION}
-1s METHOD      des|3des-md5|sha-1|2. Default: {_MAIN_MODE_METHODS}
-1k REKEY       as in 10Q/3600S: quick modes, seconds. Default: no limit, {defaults.MAIN_MODE_LIFETIME // 60} minutes
-1e SECONDS     lifetime of a soft association. Default: {defaults.SOFT_LIFETIME}
-p MINUTES      how often hosts check for changes. Default in a new policy: {defaults.POLL_INTERVAL // 60}"""
