# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Between the values on the wire (`blobs`) and what they mean (`model`).

Reading never fails because of an unusual value: the model keeps it as an odd one. Writing over an old blob keeps
everything that means the same, and every field that the model has no name for.
"""
