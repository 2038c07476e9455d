# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The command language of ipseccmd, as Microsoft's command-line reference describes it, here called the manual.

`parse` makes typed commands of text and `format` makes text of them: ``parse_command(format_command(x), []) == x``.
"""
