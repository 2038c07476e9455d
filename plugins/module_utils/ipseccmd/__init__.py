# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The command language of ipseccmd, as Microsoft's command-line reference describes it, here called the manual: so far
the notations for one filter and for methods of quick and main mode.
"""
