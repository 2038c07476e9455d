# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A policy store in memory and in transit: keys, values, operations, and the format of regedit. Nothing here knows
what a value means.
"""
