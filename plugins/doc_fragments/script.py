# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The options that describe a script, for the modules that run one."""

from __future__ import annotations


class ModuleDocFragment:
    """ansible-doc and the action plugins read it."""

    DOCUMENTATION = r"""
options:
  script:
    description:
      - A batch file on the controller, searched for in C(files) as by other modules. It can be encrypted with Ansible
        Vault.
      - Variables that it sets, C(for) over lists, continued lines and redirections work. Other commands are not run,
        and are listed in RV(left_alone).
      - A file that the script reads with C(for /f) or C(netsh -f) must be in the same folder on the controller, or be
        written by the script itself with C(echo). It can be encrypted with Ansible Vault, too, and has the same
        O(encoding).
      - A script without a command of the program is an error, and so is one of which no command is left.
    type: path
  encoding:
    description:
      - The code page of O(script), such as V(cp1252) or V(cp850). Not needed for UTF-8 and UTF-16.
    type: str
  arguments:
    description:
      - The arguments of O(script), for C(%1) to C(%9), C(%*), C(%~1) and C(shift). The list can be empty.
      - An argument with blanks or signs such as C(&) gets quotation marks, as on a command line.
      - Without this option, a command that depends on an argument is unknown.
    type: list
    elements: str
  variables:
    description:
      - Environment variables that O(script) uses and does not set, such as those of the host or of a calling script.
        Case does not matter.
      - The values are texts or numbers.
    type: dict
  unsupported:
    description:
      - What to do with a command in O(script) that depends on the run of the script, such as one in an C(if exist),
        after a C(goto), or with an argument when O(arguments) is missing. The same applies to commands that this
        version does not support, and to commands of the other program, C(netsh) or C(ipseccmd).
      - V(error) fails before anything is changed.
      - V(ignore) leaves the command out and lists it in RV(left_out). The body of an unknown condition, such as the
        check for an administrator at the start of many scripts, then counts as one that does not run. Its C(exit) and
        C(goto) are listed, and the lines after it stay.
    type: str
    choices: [error, ignore]
    default: error
"""
