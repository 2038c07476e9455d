# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The command language of ipseccmd. Microsoft's command-line reference, here called the manual, describes it.

`parse` turns text into typed commands and `format` turns them back: ``parse_command(format_command(x), []) == x``.
"""
