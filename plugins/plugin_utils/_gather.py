# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The facts of a host, read in one execution on it."""

from __future__ import annotations

import typing as t

from ..module_utils._core.results.facts import render_facts
from ..module_utils._core.results.subsets import Subset, parts_of
from ..module_utils._core.shape.render import Tree
from ._host import HostChannel


def gather(channel: HostChannel, subsets: t.Collection[Subset]) -> Tree:
    """The value of the fact, with the parts that are asked for. Raises as `HostChannel.read`."""
    return render_facts(channel.read(parts_of(subsets)), subsets)
