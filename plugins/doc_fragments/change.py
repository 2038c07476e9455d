# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the documentation of all modules for changes has besides options."""

from __future__ import annotations


class ModuleDocFragment:
    """ansible-doc reads it."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    support: full
    details: It predicts exactly what a run does, including ids but not times.
  diff_mode:
    support: full
    details: Long lists only show what changes. Pre-shared keys are never shown.
  platform:
    platforms: windows
notes:
  - A task that changes nothing runs one script on the host, a task with changes two, regardless of the number of rules.
    If the new policy cuts off the controller, the service is notified in a third, so that the result still arrives.
  - C(async) is not supported.
  - The module never returns, prints or logs pre-shared keys. Ansible itself shows literal arguments of a task, and
    items of a loop. See C(docs/secrets.md).
  - The service does not confirm that it has reloaded. The result then says that it was V(asked). O(wait_applied) looks
    in one more execution at what is in force.
  - A domain policy takes precedence over a local one. Assigning a local policy on such a host gives a warning.
  - Warnings with a code are findings about a policy, such as weak algorithms or ports that stay open over IPv6. See
    C(docs/findings.md).
  - If a run is interrupted, the next task that changes policies on the host finishes it and notifies the service.
"""
