# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""From the store that is there to the policy that shall be there: the smallest list of operations, safe to be cut off.

What is in force changes in one step. New objects come first, unused; then ONE value makes them live: a blob, a
reference, the policy's list of NFAs, or, where more than that changes, ActivePolicy, which swings to a whole new policy
object; what nobody uses any more goes last. Objects that others use, and the snap-in's library, are copied and never
edited. New objects name their owner in their first value, so that whatever a cut leaves behind is known for what it is
(`Graph.leftovers`) and goes with the next run.
"""

from __future__ import annotations

from .strategy import Plan, plan_absent, plan_finish, plan_present

__all__ = ["Plan", "plan_absent", "plan_finish", "plan_present"]
