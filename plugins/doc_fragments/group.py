# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The options that all modules of the group `ipsec` accept, so that `module_defaults` can set them for the group."""

from __future__ import annotations


class ModuleDocFragment:
    """ansible-doc and the action plugins read it."""

    DOCUMENTATION = r"""
options:
  lockout_check:
    description:
      - What to do if what the task puts into force cuts the connection that the task itself uses, because it blocks the
        controller or requires IPsec of it. The check uses the connections and addresses of the host.
      - The policy in force and the dynamic rules of this collection are judged together, because the more specific
        filter wins, wherever it is. Dynamic rules of others are not known.
      - V(error) fails before anything is written, also in check mode. The message names the filter, the rule and the
        peer. V(warn) gives a warning and continues. V(ignore) continues without a warning.
      - The check does not know whether the controller has IPsec itself. Use V(warn) if it does.
    type: str
    choices: [error, warn, ignore]
    default: error
  accept:
    description:
      - The codes of findings that are accepted. They give no warnings. C(docs/findings.md) explains the codes.
    type: list
    elements: str
    choices:
      - weak-des
      - weak-3des
      - weak-md5
      - weak-group
      - no-integrity
      - preshared-key
      - no-pfs
      - one-way-negotiate
      - default-response-ignored
      - open-over-ipv6
      - service-stopped
      - service-not-at-boot
      - domain-policy-wins
      - not-readable-by-members
      - gpo-parts-disagree
    default: []
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
      - What to do with the PolicyAgent service, which enforces the assigned policy and dynamic rules. The option has an
        effect only if the policy of the task is assigned, or the task has dynamic rules. A disabled service is an error
        then, except with V(ignore).
      - V(automatic) starts it and sets it to start automatically. V(started) starts it. V(ignore) does neither.
      - If omitted, it is started. It is also set to start automatically if the task assigns the policy, adds the first
        dynamic rule or starts the service.
      - After a change of the assigned policy, a running service is always asked to reload. Unassigning a policy does
        not stop it.
    type: str
    choices: [automatic, started, ignore]
  restart_service:
    description:
      - Restart the service after a change instead of asking it to reload. This ends all security associations and
        removes all dynamic rules. The host adds those of this collection again. See C(docs/dynamic.md).
    type: bool
    default: false
  backup:
    description:
      - Save a C(.reg) file on the controller before the store is changed. Imported on the host, it undoes exactly what
        the task wrote to the policy store. Dynamic rules are not in it.
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
          - As a default of the group, a name makes each task replace the backup of the task before it.
        type: str
  wait_applied:
    description:
      - After a change, wait until the host shows that it is in force, in one more execution. The key C(applied) of the
        result says what became of it.
      - The filters in force are compared with those that the policy and the dynamic rules of this collection imply.
        Events of the Security log count where the host audits them.
      - If the change is not in force, the task fails. If that is not known, there is a warning.
      - Without a change, and in check mode, nothing is waited for. The same applies if the policy is not assigned, the
        service does not run, or Group Policy assigns a domain policy. C(applied) then has the reason.
    type: bool
    default: false
  wait_timeout:
    description:
      - How long O(wait_applied) waits, in seconds, V(1) to V(300).
    type: int
    default: 30
  return_policy:
    description:
      - Return each policy as a whole, and the operations. A policy with thousands of filters makes a large result.
    type: bool
    default: false
"""
