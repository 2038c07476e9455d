# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What netsh.exe does with `ipsec dynamic` on a simulated host.

It is written from Microsoft's documentation alone, and shares no code with the collection.
"""
