# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""From the store as it is to the policies that are to exist: the smallest list of operations that may stop anywhere.

What is in force changes in one step. New objects come first, unused. Then one write makes them live: a blob, a
reference, the policy's list of NFAs, or, where more than that changes, ActivePolicy, which swings to a whole new policy
object. Objects that are no longer used are deleted last. Objects that others use, and the snap-in's library, are copied
and never edited. New objects name their owner in their first value, so that the next run recognizes whatever an
interruption leaves (`Graph.leftovers`) and removes it.
"""

from __future__ import annotations

from .planner import Plan, Planner, PolicyPlan, SharedPlan
from .traits import REGISTRY, Atom, StoreTraits

__all__ = ["REGISTRY", "Atom", "Plan", "Planner", "PolicyPlan", "SharedPlan", "StoreTraits"]
