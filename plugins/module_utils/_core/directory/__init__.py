# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policies in Active Directory: reading and writing them by LDAP, and their assignment to Group Policy objects."""
