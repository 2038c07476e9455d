# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The option that says where policies are, for the modules that work on a domain as well."""

from __future__ import annotations


class ModuleDocFragment:
    """ansible-doc and the action plugins read it."""

    DOCUMENTATION = r"""
options:
  store:
    description:
      - Where the policies are. V(registry) is the store of the host. V(domain) is Active Directory, where Group Policy
        objects assign policies to the members of the domain. See C(docs/domain.md).
      - With V(domain), the task runs on the controller. It asks the domain controller in O(directory), and does not
        contact the host of the play. In a play with several hosts, set C(run_once=true).
      - With V(domain), O(lockout_check) has no effect. For a change, O(service), O(restart_service=true),
        O(backup=true) and O(wait_applied=true) are errors, because they are about one host.
    type: str
    choices: [registry, domain]
    default: registry
    version_added: 0.9.0
"""
