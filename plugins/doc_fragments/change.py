# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The documentation that the modules for changes share."""

from __future__ import annotations


class ModuleDocFragment:
    """ansible-doc and the action plugins read it."""

    DOCUMENTATION = r"""
options:
  multiple_addresses:
    description:
      - What to do with a filter if a DNS name or interface in it has several addresses.
      - V(error) fails and lists them. V(all) creates a filter for each address. V(ignore) leaves the filter out, with a
        warning, as C(ipseccmd) does.
      - A new name without an address is an error. A stored one keeps its address, with a warning.
    type: str
    choices: [error, all, ignore]
    default: error
  service:
    description:
      - What to do with the PolicyAgent service, which enforces the assigned policy. The option has an effect only if
        the policy of the task is assigned. A disabled service is an error then, except with V(ignore).
      - V(automatic) starts it and sets it to start automatically. V(started) starts it. V(ignore) does neither.
      - If omitted, it is started. It is also set to start automatically if the task assigns the policy or starts the
        service.
      - After a change of the assigned policy, a running service is always asked to reload. Unassigning a policy does
        not stop it.
    type: str
    choices: [automatic, started, ignore]
  restart_service:
    description:
      - Restart the service after a change instead of asking it to reload. This ends all security associations and
        removes all dynamic rules.
    type: bool
    default: false
  backup:
    description:
      - Save a C(.reg) file on the controller before the store is changed. Imported on the host, it undoes exactly what
        the task wrote.
      - The file can contain pre-shared keys, so only its owner can read it.
    type: bool
    default: false
  backup_options:
    description:
      - Where O(backup) saves the file.
    type: dict
    suboptions:
      dir_path:
        description: The folder, relative to the playbook.
        type: str
        default: backup
      filename:
        description:
          - The name of the file, which is overwritten. If omitted, the name is new and contains the host and the time.
        type: str
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
  - The service does not confirm that it has reloaded. The result then says that it was V(asked).
  - A domain policy takes precedence over a local one. Assigning a local policy on such a host gives a warning.
  - Warnings with a code are findings about a policy, such as weak algorithms or ports that stay open over IPv6. See
    C(docs/findings.md).
  - If a run is interrupted, the next task that changes policies on the host finishes it and notifies the service.
"""
