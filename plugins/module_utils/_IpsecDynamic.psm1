# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

# Dynamic rules: what netsh shows of them, how they are brought in line with the record, and the task that does the same when Windows
# has lost them. docs/host-module.md describes the record.
# The replay task runs the text of the functions that Get-ReplayArgument lists, so they use no variables of this module.
# Commands with pre-shared keys are read from the registry where they are used, and go to netsh by method calls only: Windows can log
# the parameters of functions in modules.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Get-RecordPath { 'SOFTWARE\ipsec.windows.dynamic' }

function Get-ReplayName { 'ipsec.windows dynamic rules' }

function Start-Program {
    # Starts a program of Windows and reads its output from the start, so that neither side waits for a full pipe. The output becomes
    # a text, or goes into a stream.
    param([string]$Command, [System.IO.Stream]$Into)
    $name, $arguments = $Command.Split([char[]]' ', 2)
    $info = [System.Diagnostics.ProcessStartInfo]::new()
    $info.FileName = [System.IO.Path]::Combine([System.Environment]::SystemDirectory, $name)
    $info.Arguments = $arguments
    $info.UseShellExecute = $false
    $info.CreateNoWindow = $true
    $info.RedirectStandardInput = $true
    $info.RedirectStandardOutput = $true
    $info.RedirectStandardError = $true
    $process = [System.Diagnostics.Process]::Start($info)
    @{
        name = $name
        process = $process
        encoding = $process.StandardOutput.CurrentEncoding
        output = if ($Into) { $process.StandardOutput.BaseStream.CopyToAsync($Into) } else { $process.StandardOutput.ReadToEndAsync() }
        errors = $process.StandardError.ReadToEndAsync()
    }
}

function Wait-Program {
    # The exit code and the output of a program, which gets no more input.
    param($Program, [int]$Seconds = 60)
    # closing fails for a program that has ended
    try { $Program.process.StandardInput.Close() } catch { $null = $_ }
    if (-not ($Program.output.Wait($Seconds * 1000) -and $Program.process.WaitForExit(10000))) {
        throw [System.TimeoutException]::new("$($Program.name) did not end within $Seconds seconds and was stopped")
    }
    $text = if ($Program.output -is [System.Threading.Tasks.Task[string]]) { $Program.output.Result }
    @{ code = $Program.process.ExitCode; text = $text }
}

function Stop-Program {
    # Ends a program that still runs. One that has ended stays as it is.
    param($Program)
    try { if (-not $Program.process.HasExited) { $Program.process.Kill() } } catch { $null = $_ }
    $Program.process.Dispose()
}

function Invoke-Program {
    # Runs commands at the same time. They hold no key.
    param([string[]]$Command)
    $started = [System.Collections.Generic.List[object]]::new()
    try {
        foreach ($line in $Command) { $started.Add((Start-Program -Command $line)) }
        foreach ($program in $started) { Wait-Program -Program $program }
    }
    finally {
        foreach ($program in $started) { Stop-Program -Program $program }
    }
}

function Get-DynamicListing {
    # What three lists of netsh say about names of ours. The lists are in the language of the host. Runs other commands at the same time.
    param([string[]]$Also)
    $commands = @(
        foreach ($what in 'rule', 'mmpolicy all', 'qmpolicy all') { "netsh.exe ipsec dynamic show $what" }
        foreach ($command in $Also) { $command }
    )
    $shown = @(Invoke-Program -Command $commands)
    $rules = @{}
    $main, $quick = [System.Collections.Generic.HashSet[string]]::new(), [System.Collections.Generic.HashSet[string]]::new()
    $pattern = [regex]'ipsec\.windows-[0-9a-f]{12}'
    foreach ($match in $pattern.Matches($shown[0].text)) { $rules[$match.Value] = 1 + $rules[$match.Value] }
    foreach ($match in $pattern.Matches($shown[1].text)) { $null = $main.Add($match.Value) }
    foreach ($match in $pattern.Matches($shown[2].text)) { $null = $quick.Add($match.Value) }
    $empty = $rules.Count + $main.Count + $quick.Count -eq 0
    foreach ($list in $shown[0..2]) { $empty = $empty -and ($list.code -ne 0 -or $list.text.Contains('ERR IPsec[')) }
    @{
        rules = $rules
        main = $main
        quick = $quick
        empty = $empty
        text = $shown[0].text + $shown[1].text + $shown[2].text
        also = @($shown[3..9])
    }
}

function Get-RecordedRule {
    # The rules below a key of the record: their order, and what tells their filters apart for netsh.
    param($Record, [string]$Folder)
    $found = @{}
    $key = if ($Record) { $Record.OpenSubKey($Folder) } else { $null }
    if (-not $key) { return $found }
    foreach ($name in $key.GetSubKeyNames()) {
        $rule = $key.OpenSubKey($name)
        $selectors = [System.Collections.Generic.List[string]]::new()
        foreach ($line in $rule.GetValue('Rules', @())) { $selectors.Add($line.Split([char]9)[0]) }
        $found[$name] = @{ order = [int]$rule.GetValue('Order', 0); selectors = $selectors }
        $rule.Dispose()
    }
    $key.Dispose()
    $found
}

function Get-MissingRule {
    # The rules that netsh names less often than when they were complete, in their order.
    param($Wanted, $Complete, $Listing)
    $names = foreach ($name in $Wanted.Keys) {
        if (-not $Complete.ContainsKey($name) -or [int]$Listing.rules[$name] -lt $Complete[$name]) { $name }
    }
    $names | Sort-Object -Property { $Wanted[$_].order }, { $_ }
}

function Get-LeftRule {
    # The rules to remove of which netsh still names something.
    param($Wanted, $Removed, $Listing)
    $names = foreach ($name in $Removed.Keys) {
        $named = $Listing.rules.ContainsKey($name) -or $Listing.main.Contains($name) -or $Listing.quick.Contains($name)
        if ($named -and -not $Wanted.ContainsKey($name)) { $name }
    }
    $names | Sort-Object
}

function Invoke-DynamicScript {
    # Adds the filters of recorded rules, with their policies if asked, and then runs other commands. A filter of which netsh has
    # another rule replaces that one. Returns the numbers of netsh's errors.
    param($Record, [string[]]$Add, [bool]$Policies, [string[]]$Replaced, [string[]]$After)
    $lines = [System.Collections.Generic.List[string]]::new()
    # .NET may write a byte order mark first, so the first line is empty
    foreach ($line in '', 'pushd ipsec dynamic') { $lines.Add($line) }
    foreach ($name in $Add) {
        $rule = $Record.OpenSubKey("Rules\$name")
        if ($Policies) { foreach ($line in $rule.GetValue('Policies', @())) { $lines.Add($line) } }
        foreach ($line in $rule.GetValue('Rules', @())) {
            $selector, $settings = $line.Split([char]9)
            if ($Replaced -ccontains $selector) { $lines.Add("delete rule $selector") }
            $lines.Add("add rule $selector $settings")
        }
        $rule.Dispose()
    }
    foreach ($line in $After) { $lines.Add($line) }
    $lines.Add("exit`n")
    $bytes = [System.Text.Encoding]::ASCII.GetBytes([string]::Join("`n", $lines))
    $seconds = 60 + [int]($lines.Count / 20)
    $netsh = Start-Program -Command 'netsh.exe'
    try {
        $written = $netsh.process.StandardInput.BaseStream.WriteAsync($bytes, 0, $bytes.Length)
        # writing fails if netsh has ended
        $ended = try { $written.Wait($seconds * 1000) } catch [System.AggregateException] { $true }
        if (-not $ended) { throw "netsh.exe did not read its commands within $seconds seconds and was stopped" }
        $done = Wait-Program -Program $netsh -Seconds $seconds
    }
    finally {
        Stop-Program -Program $netsh
    }
    foreach ($match in [regex]::Matches($done.text, 'ERR IPsec\[(\d{5})\]')) { $match.Groups[1].Value }
}

function Find-CompleteRule {
    # Those of the rules of which netsh has all filters: when they are added again, it refuses each one for the same reason.
    param($Record, $Wanted, [string[]]$Name)
    if (-not $Name) { return }
    $filters = 0
    foreach ($item in $Name) { $filters += $Wanted[$item].selectors.Count }
    $errors = @(Invoke-DynamicScript -Record $Record -Add $Name)
    if (-not $errors -or ($errors.Count -eq $filters -and @($errors | Sort-Object -Unique).Count -eq 1)) { return $Name }
    if ($Name.Count -eq 1) { return }
    $half = [int][System.Math]::Floor($Name.Count / 2)
    Find-CompleteRule -Record $Record -Wanted $Wanted -Name $Name[0..($half - 1)]
    Find-CompleteRule -Record $Record -Wanted $Wanted -Name $Name[$half..($Name.Count - 1)]
}

function Get-Deletion {
    # The commands that delete what is left of removed rules, and policies that an interrupted run has left.
    param($Wanted, $Removed, $Left, $Listing)
    $kept = [System.Collections.Generic.HashSet[string]]::new()
    foreach ($rule in $Wanted.Values) { $kept.UnionWith($rule.selectors) }
    $policies = @($Listing.main) + @($Listing.quick) | Sort-Object -Unique
    $unused = foreach ($name in $policies) {
        if (-not ($Wanted.ContainsKey($name) -or $Removed.ContainsKey($name) -or $Listing.rules.ContainsKey($name))) { $name }
    }
    foreach ($name in @($Left) + @($unused)) {
        # a rule that netsh does not name any more has no filters: those with its addresses belong to others
        if ($Listing.rules.ContainsKey($name)) {
            foreach ($selector in $Removed[$name].selectors) { if (-not $kept.Contains($selector)) { "delete rule $selector" } }
        }
        if ($Listing.quick.Contains($name)) { "delete qmpolicy name=""$name""" }
        if ($Listing.main.Contains($name)) { "delete mmpolicy name=""$name""" }
    }
}

function Sync-DynamicRule {
    # Brings the dynamic rules in line with the record, whose key is deleted once it is empty. The caller holds the mutex.
    param($Hive)
    $result = @{ rules = $null; policies = $null; missing = @(); left = @(); errors = @() }
    $service = Get-AgentService
    $status = if ($service) { [string]$service.Status } else { 'Stopped' }
    # the rules exist while the service runs; one that is about to start or stop is left to the next run
    if ($status -ne 'Running' -and $status -ne 'Stopped') { return $result }
    $listing = @{ rules = @{}; main = @(); quick = @() }
    if ($status -eq 'Running') { $listing = Get-DynamicListing }
    $record = $Hive.OpenSubKey((Get-RecordPath), $true)
    $wanted = Get-RecordedRule -Record $record -Folder 'Rules'
    $removed = Get-RecordedRule -Record $record -Folder 'Removed'
    $complete = @{}
    $shown = if ($record) { $record.OpenSubKey('Shown', $true) } else { $null }
    if ($shown) {
        foreach ($name in $shown.GetValueNames()) {
            if ($wanted.ContainsKey($name)) { $complete[$name] = [int]$shown.GetValue($name) }
            elseif ($name[0] -ne '.') { $shown.DeleteValue($name, $false) }
        }
    }
    $missing = @(Get-MissingRule -Wanted $wanted -Complete $complete -Listing $listing)
    $left = @(Get-LeftRule -Wanted $wanted -Removed $removed -Listing $listing)
    if ($status -eq 'Running') {
        $replaced = @(foreach ($name in $left) { if ($listing.rules.ContainsKey($name)) { $removed[$name].selectors } })
        $deletions = @(Get-Deletion -Wanted $wanted -Removed $removed -Left $left -Listing $listing)
        if ($missing -or $deletions) {
            $result.errors = @(Invoke-DynamicScript -Record $record -Add $missing -Policies $true -Replaced $replaced -After $deletions)
            $listing = Get-DynamicListing
            $added = @(foreach ($name in $missing) { if ($listing.rules.ContainsKey($name)) { $name } })
            if ($added -and $result.errors) {
                # what exists already is an error, too
                $added = @(Find-CompleteRule -Record $record -Wanted $wanted -Name $added)
                $listing = Get-DynamicListing
            }
            foreach ($name in $added) {
                if (-not $shown) { $shown = $record.CreateSubKey('Shown') }
                $complete[$name] = [int]$listing.rules[$name]
                $shown.SetValue($name, $complete[$name], [Microsoft.Win32.RegistryValueKind]::DWord)
            }
        }
        $left = @(Get-LeftRule -Wanted $wanted -Removed $removed -Listing $listing)
        $result.rules = $listing.rules
        $result.policies = @(@($listing.main) + @($listing.quick) | Sort-Object -Unique)
        $result.missing = @(Get-MissingRule -Wanted $wanted -Complete $complete -Listing $listing)
        $result.left = $left
    }
    foreach ($name in $removed.Keys) { if ($left -notcontains $name) { $record.DeleteSubKeyTree("Removed\$name", $false) } }
    $settings = if ($record) { $record.OpenSubKey('Settings') } else { $null }
    $set = @(if ($settings) { foreach ($name in $settings.GetValueNames()) { if ($name[0] -ne '.') { $name } } })
    if (-not ($wanted.Count -or $left.Count -or $set.Count)) {
        $Hive.DeleteSubKeyTree((Get-RecordPath), $false)
        Remove-ReplayTask
    }
    $result
}

function Remove-ReplayTask {
    # A missing task is not an error.
    $null = Invoke-Program -Command "schtasks.exe /Delete /TN ""$(Get-ReplayName)"" /F"
}

function Get-ReplayArgument {
    # The arguments of PowerShell in the replay task: the text of functions, without comments and indentation.
    $names = 'Get-RecordPath', 'Get-ReplayName', 'Stop-WithReason', 'Open-StoreMutex', 'Use-StoreMutex', 'Get-AgentService',
    'Start-Program', 'Wait-Program', 'Stop-Program', 'Invoke-Program', 'Get-DynamicListing', 'Get-RecordedRule', 'Get-MissingRule',
    'Get-LeftRule', 'Get-Deletion', 'Invoke-DynamicScript', 'Find-CompleteRule', 'Remove-ReplayTask', 'Sync-DynamicRule'
    $code = "Set-StrictMode -Version 2.0`n`$ErrorActionPreference = 'Stop'`n"
    foreach ($name in $names) { $code += "function $name {`n$((Get-Command -Name $name -CommandType Function).Definition)`n}`n" }
    $code += "Use-StoreMutex -Action { `$null = Sync-DynamicRule -Hive ([Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')) }"
    $code = [regex]::Replace($code, '(?m)^[ \t\r]*(#.*)?\n|^[ \t]+|[ \t\r]+$', '')
    $encoded = [System.Convert]::ToBase64String([System.Text.Encoding]::Unicode.GetBytes($code))
    "-NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand $encoded"
}

function Register-ReplayTask {
    param([string]$Xml)
    try {
        $null = Register-ScheduledTask -TaskName (Get-ReplayName) -Xml $Xml.Replace('{arguments}', (Get-ReplayArgument)) -Force
    }
    catch {
        Stop-WithReason -Reason 'task_failed' -Message "$_"
    }
}

function Get-ReplayQuery { "schtasks.exe /Query /TN ""$(Get-ReplayName)"" /XML" }

function ConvertTo-ReplayState {
    # What the definition of the task says; null for a missing task.
    param($Query)
    if ($Query.code -ne 0) { return $null }
    $state = @{ current = $false; interval = ''; enabled = $false }
    $paths = @{
        arguments = "//*[local-name()='Exec']/*[local-name()='Arguments']"
        interval = "//*[local-name()='TimeTrigger']//*[local-name()='Interval']"
        enabled = "/*/*[local-name()='Settings']/*[local-name()='Enabled']"
    }
    $found = @{}
    try {
        $xml = [xml]$Query.text.Substring($Query.text.IndexOf('<'))
        foreach ($name in $paths.Keys) {
            $node = $xml.SelectSingleNode($paths[$name])
            $found[$name] = if ($node) { $node.InnerText.Trim() } else { '' }
        }
        $state = @{
            current = $found.arguments -ceq (Get-ReplayArgument)
            interval = $found.interval
            enabled = $found.enabled -ne 'false'
        }
    }
    catch {
        # a definition that cannot be read is not current
        $null = $_
    }
    $state
}

Export-ModuleMember -Function ConvertTo-ReplayState, Get-DynamicListing, Get-RecordPath, Get-ReplayArgument, Get-ReplayQuery,
    Invoke-Program, Register-ReplayTask, Remove-ReplayTask, Start-Program, Stop-Program, Sync-DynamicRule, Wait-Program
