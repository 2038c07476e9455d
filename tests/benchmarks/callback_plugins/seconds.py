# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Writes the start and end times of tasks and the peak memory as lines of JSON to the file in IPSEC_SECONDS."""

from __future__ import annotations

import json
import os
import pathlib
import resource
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: seconds
    type: notification
    short_description: Measure tasks for benchmarks
    description:
      - Writes the start and end times of tasks, and the peak memory of Ansible.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "seconds"

    def __init__(self):
        super().__init__()
        self._lines = []

    def _note(self, event, task):
        self._lines.append([event, task.get_name(), time.monotonic()])

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._note("start", task)

    def _ended(self, result, event):
        self._note(event, getattr(result, "task", None) or result._task)

    def v2_runner_on_ok(self, result):
        self._ended(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._ended(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self._ended(result, "unreachable")

    def v2_playbook_on_stats(self, stats):
        peaks = [resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        self._lines.append(["memory", *peaks])
        pathlib.Path(os.environ["IPSEC_SECONDS"]).write_text("".join(json.dumps(line) + "\n" for line in self._lines))
