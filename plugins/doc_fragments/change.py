# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the modules that change a policy store have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Read by ansible-doc, and by the actions for their options."""

    DOCUMENTATION = r"""
options:
  multiple_addresses:
    description:
      - What becomes of a DNS name or interface in a filter that has several addresses of the family.
      - V(error) stops the task and lists them. V(all) makes a filter for each. V(ignore) leaves the filter out with a
        warning, as C(ipseccmd) does.
      - A name without address is an error.
    type: str
    choices: [error, all, ignore]
    default: error
  service:
    description:
      - What is done with the service PolicyAgent, without which an assigned policy does nothing.
      - V(automatic) starts it and makes it start with Windows. V(started) starts it. V(ignore) does neither.
      - Left out, it is started, and is made to start with Windows when this task assigns the policy or has to start
        the service.
      - A running service is asked to reload after a change of the assigned policy, whatever this says. Unassigning
        never stops it.
    type: str
    choices: [automatic, started, ignore]
  restart_service:
    description:
      - Restart the service after a change instead of asking it to reload. That ends all security associations and
        loses all dynamic rules.
    type: bool
    default: false
  backup:
    description:
      - Save the policy store as a C(.reg) file on the controller before it is changed. Imported on the host, it
        undoes the change.
      - The file holds the pre-shared keys of the host, so only its owner can read it.
    type: bool
    default: false
  backup_options:
    description:
      - Where O(backup) puts the file.
    type: dict
    suboptions:
      dir_path:
        description: The folder, from the playbook's folder on.
        type: str
        default: backup
      filename:
        description:
          - The name of the file, which is overwritten. Left out, it has the name of the host and the time, and is
            always a new one.
        type: str
attributes:
  check_mode:
    support: full
    details: It predicts exactly what the run then does, ids included; only times are those of the run.
  diff_mode:
    support: full
    details: Long lists are shortened to what changes. Pre-shared keys are never shown.
  platform:
    platforms: windows
notes:
  - A store that does not change takes one execution on the host and one that does two, however many rules there are.
    If the new policy cuts the controller's own connection, the service is told in a third, so that the result still
    arrives.
  - C(async) is refused.
  - Pre-shared keys are never returned, printed or logged by this. Ansible itself shows literal arguments of a task, and
    the items of a loop. C(docs/secrets.md) says what shows a key, and what keeps it hidden.
  - The service gives no sign when it has reloaded. The result says that it was V(asked).
  - A domain policy wins over a local one. Assigning a local policy on a host that has one gives a warning.
  - A warning is given for what is weak (DES, MD5, Diffie-Hellman group 1, no integrity, pre-shared keys, no perfect
    forward secrecy), for what current Windows ignores, and for what is blocked over IPv4 but stays open over IPv6.
  - A run that was cut off is finished by the next, whichever policy that is about, down to telling the service.
"""
