# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A simulated Windows host: WinRM, a registry and the PolicyAgent service, for tests and for trying the collection.

It imports nothing from the collection, so it does not repeat a mistake of the code that writes policies.
"""
