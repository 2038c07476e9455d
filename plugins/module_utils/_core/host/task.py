# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The definition of the scheduled task that adds lost dynamic rules again. It holds neither a rule nor a key."""

from __future__ import annotations

import typing as t

TASK_NAME: t.Final = "ipsec.windows dynamic rules"
ARGUMENTS: t.Final = "{arguments}"
"""Where the host fills in the code that the task runs."""

_STARTED: t.Final = "PolicyAgent/4".encode("utf-16-le").hex().upper()
"""The data of event 7036 for the service that has started, in every language."""
_EVENTS: t.Final = (
    "&lt;QueryList&gt;&lt;Query Id=&quot;0&quot;&gt;"
    "&lt;Select Path=&quot;System&quot;&gt;*[System[Provider[@Name='Service Control Manager'] and EventID=7036]] and "
    f"*[EventData[Binary='{_STARTED}']]&lt;/Select&gt;"
    "&lt;Select Path=&quot;Security&quot;&gt;*[System[Provider[@Name='Microsoft-Windows-Security-Auditing'] and "
    "EventID=5478]]&lt;/Select&gt;&lt;/Query&gt;&lt;/QueryList&gt;"
)
_XML: t.Final = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>ipsec.windows</Author>
    <Description>Adds dynamic IPsec rules again that a restart of the service or of the host has deleted.</Description>
  </RegistrationInfo>
  <Triggers>
    <BootTrigger />
    <TimeTrigger>
      <Repetition>
        <Interval>{interval}</Interval>
      </Repetition>
      <StartBoundary>2000-01-01T00:00:00</StartBoundary>
    </TimeTrigger>
    <EventTrigger>
      <Subscription>{events}</Subscription>
    </EventTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>S-1-5-18</UserId>
      <RunLevel>HighestAvailable</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>Queue</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT10M</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>powershell.exe</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def interval_of(minutes: int) -> str:
    """An interval as the definition has it."""
    return f"PT{minutes}M"


def task_xml(minutes: int) -> str:
    """The definition with the interval in minutes. The host replaces `ARGUMENTS`."""
    return _XML.format(interval=interval_of(minutes), events=_EVENTS, arguments=ARGUMENTS)
