# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Makes the collection importable as `ansible_collections.ipsec.windows`, and the simulated host as `winhost`."""

from __future__ import annotations

import os
import pathlib
import sys

from hypothesis import HealthCheck, settings

TESTS = pathlib.Path(__file__).parent

sys.path[:0] = [str(TESTS), str(TESTS.parent / os.environ.get("VENV", sys.prefix) / "collections")]

# a slow machine must not fail a test
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
# for another run of the same tests: --hypothesis-profile=few
settings.register_profile("few", settings.get_profile("untimed"), max_examples=20)
settings.load_profile("untimed")
