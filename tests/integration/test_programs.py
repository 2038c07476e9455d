# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What PowerShell on a simulated host can run besides modules: netsh.exe, schtasks.exe, scheduled tasks."""

from __future__ import annotations

import base64

import pytest

pytestmark = pytest.mark.engines("powershell")

TASK = (
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
    "<Triggers><BootTrigger/></Triggers><Actions><Exec><Command>powershell.exe</Command>"
    "<Arguments>{}</Arguments></Exec></Actions></Task>"
)


def _arguments(script):
    """The arguments with which PowerShell runs a script."""
    script = f"$ErrorActionPreference = 'Stop'\n{script}"
    return f"-NoProfile -NonInteractive -EncodedCommand {base64.b64encode(script.encode('utf-16-le')).decode()}"


def _run(host, script):
    """Run a script in the engine; returns its exit code."""
    return host.tasks.engine(_arguments(script))


def test_a_program_gets_arguments_and_input(host):
    host.start_service()
    script = """
        $info = [System.Diagnostics.ProcessStartInfo]::new()
        $info.FileName = [System.IO.Path]::Combine([System.Environment]::SystemDirectory, 'netsh.exe')
        $info.UseShellExecute = $false
        $info.RedirectStandardInput = $true
        $info.RedirectStandardOutput = $true
        $process = [System.Diagnostics.Process]::Start($info)
        $process.StandardInput.Write("`npushd ipsec dynamic`nadd mmpolicy m`nexit`n")
        $process.StandardInput.Close()
        $output = $process.StandardOutput.ReadToEnd()
        $process.WaitForExit()
        if ($output -notlike '*netsh ipsec dynamic>*') { exit 3 }
        netsh.exe ipsec dynamic add mmpolicy 'a b'
        netsh.exe ipsec dynamic add mmpolicy m
        exit 10 + $LASTEXITCODE
    """
    assert _run(host, script) == 11
    assert [event[2:] for event in host.events("netsh")] == [["add mmpolicy", None]] * 2 + [["add mmpolicy", "05043"]]


def test_a_command_is_killed_between_two_programs(host):
    host.start_service()
    host.faults.add("kill netsh 2")
    assert _run(host, "1..3 | ForEach-Object { netsh.exe ipsec dynamic add mmpolicy m$_ }") != 0
    assert len(host.events("netsh")) == 1


def test_a_task_is_registered_and_runs_in_the_engine(host):
    host.start_service()
    xml = TASK.format(_arguments("netsh.exe ipsec dynamic add mmpolicy m"))
    register = f"$task = Register-ScheduledTask -TaskName 'the task' -Xml '{xml}'"
    assert _run(host, f"{register}; if ($task.TaskName -ne 'the task') {{ exit 3 }}") == 0
    assert _run(host, register) == 1
    assert _run(host, f"{register} -Force") == 0
    host.tasks.run("the task")
    assert host.events("task")[-1][2:] == ["the task", "demand", 0]
    assert host.netsh(["ipsec", "dynamic", "show", "mmpolicy", "m"])[0] == 0
    script = """
        $text = schtasks.exe /Query /TN 'the task' /XML | Out-String
        if ($LASTEXITCODE -ne 0 -or $text -notlike '*BootTrigger*') { exit 3 }
        schtasks.exe /Delete /TN 'the task' /F
        schtasks.exe /Query /TN 'the task' /XML
        exit 10 + $LASTEXITCODE
    """
    assert _run(host, script) == 11
    assert host.tasks.names() == []


def test_a_task_that_is_refused_is_an_error(host):
    assert _run(host, "Register-ScheduledTask -TaskName t -Xml '<x/>'") == 1
    register = f"Register-ScheduledTask -TaskName t -Xml '{TASK}'"
    script = f"try {{ {register} }} catch {{ if ([string]$_ -like '*denied*') {{ exit 7 }} }}"
    host.faults.add("denied task")
    assert _run(host, script) == 7
    assert host.tasks.names() == []


def test_the_exit_code_of_a_task_is_recorded(host):
    host.tasks.register("t", TASK.format(_arguments("exit 5")))
    host.boot()
    assert host.events("task")[-1][2:] == ["t", "boot", 5]


def test_a_service_that_powershell_starts_runs_tasks(host):
    query = f"*[EventData[Binary='{'PolicyAgent/4'.encode('utf-16-le').hex().upper()}']]"
    event = f"<QueryList><Query><Select Path='System'>{query}</Select></Query></QueryList>"
    trigger = f"<EventTrigger><Subscription>{event.replace('<', '&lt;')}</Subscription></EventTrigger>"
    host.tasks.register("t", TASK.format(_arguments("exit 0")).replace("<BootTrigger/>", trigger))
    assert _run(host, "Start-Service -Name PolicyAgent") == 0
    host.sync()
    host.tasks.wait()
    assert [event[3] for event in host.events("task")] == ["event 7036"]


def test_powershell_reads_what_is_in_force(host):
    host.set(audited=True, queries={"filters": "many 20000"})
    host.start_service()
    for words in (
        "mmpolicy m",
        "rule srcaddr=192.0.2.9 dstaddr=me mmpolicy=m actioninbound=block actionoutbound=block",
    ):
        assert host.netsh(f"ipsec dynamic add {words}".split())[0] == 0
    script = """
        $text = netsh.exe wfp show filters file=- | Out-String
        if ($LASTEXITCODE -ne 0) { exit 3 }
        $items = ([xml]$text).wfpdiag.filters.item
        $own = @($items | Where-Object providerKey -eq '{aa6a7d87-7f8f-4d2a-be53-fda555cd5fe3}')
        if ($items.Count -ne 20006 -or $own.Count -ne 2) { exit 4 }
        if ($own[0].filterCondition.item.conditionValue.uint32 -ne '192.0.2.9') { exit 5 }
        $line = auditpol.exe /get '/subcategory:{0CCE9233-69AE-11D9-BED3-505054503030}' /r | ConvertFrom-Csv
        if ($line.'Inclusion Setting' -ne 'Success and Failure') { exit 6 }
        exit 7
    """
    assert _run(host, script) == 7
