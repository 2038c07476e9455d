# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Values of blobs to values of the model and back, a file for each of the formats.

Reading never refuses what can be represented: values that break the rules for new ones come out ``odd``. Writing takes
the records that are there and keeps each whose meaning stays, junk included; only what changes is written anew, in
today's form.
"""
