# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

# The PolicyAgent service: its state, and how it is notified of a change.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:ServiceName = 'PolicyAgent'
$script:PendingPath = 'SOFTWARE\ipsec.windows'

function Get-AgentService {
    # Like Get-Service, but null if the service does not exist. Loading Get-Service takes longer than reading a store.
    # The replay task of dynamic rules runs the text of this function, so it uses no variables of this module.
    if (-not ('System.ServiceProcess.ServiceController' -as [type])) { Add-Type -AssemblyName System.ServiceProcess }
    $service = [System.ServiceProcess.ServiceController]::new('PolicyAgent')
    # for a missing service, 5.1 throws here and 7 returns nothing
    try { if ($service.Status) { $service } } catch { $null }
}

function Get-ServiceState {
    param($Hive)
    $service = Get-AgentService
    if (-not $service) { return @{ status = 'missing'; start_type = 'unknown' } }
    $status = switch ([string]$service.Status) {
        'StartPending' { 'start_pending' }
        'StopPending' { 'stop_pending' }
        { $_ -in 'ContinuePending', 'PausePending', 'Paused' } { 'paused' }
        default { $_.ToLowerInvariant() }
    }
    $types = @{ 0 = 'boot'; 1 = 'system'; 2 = 'automatic'; 3 = 'manual'; 4 = 'disabled' }
    $key = $Hive.OpenSubKey("SYSTEM\CurrentControlSet\Services\$script:ServiceName")
    $number = if ($key) { $key.GetValue('Start', -1) } else { -1 }
    $type = if ($types.ContainsKey([int]$number)) { $types[[int]$number] } else { 'unknown' }
    @{ status = $status; start_type = $type }
}

function Set-Pending {
    # A mark until the service is notified of a change, so that the next run finishes an interrupted one. A boot removes it.
    param($Hive, [bool]$Pending)
    if ($Pending) {
        $Hive.CreateSubKey($script:PendingPath, [Microsoft.Win32.RegistryKeyPermissionCheck]::ReadWriteSubTree,
            [Microsoft.Win32.RegistryOptions]::Volatile).Dispose()
    }
    else {
        $Hive.DeleteSubKeyTree($script:PendingPath, $false)
    }
}

function Test-Pending {
    param($Hive)
    $key = $Hive.OpenSubKey($script:PendingPath)
    if ($key) { $key.Dispose() }
    [bool]$key
}

function Set-ServiceState {
    # Notifies the service of a change. A reload cannot be observed: 'asked' is all that is known.
    param($Hive, $Wanted)
    $notification = 'none'
    $problem = $null
    try {
        if ($Wanted.start_type) { Set-Service -Name $script:ServiceName -StartupType $Wanted.start_type }
        $service = Get-AgentService
        if ($Wanted.notify -and $service) {
            if ([string]$service.Status -eq 'Stopped') {
                Start-Service -Name $script:ServiceName -WarningAction SilentlyContinue
                $notification = 'started'
            }
            elseif ($Wanted.notify -eq 'restart') {
                # a disabled service would not start again
                if ((Get-ServiceState -Hive $Hive).start_type -eq 'disabled') { throw 'the service is disabled' }
                Restart-Service -Name $script:ServiceName -Force -WarningAction SilentlyContinue
                $notification = 'restarted'
            }
            else {
                # also for 'start': somebody has started the service meanwhile, perhaps before the change was written
                $service.ExecuteCommand(129)
                $notification = 'asked'
            }
            Set-Pending -Hive $Hive -Pending $false
        }
    }
    catch {
        $notification = 'failed'
        $problem = "$_"
    }
    $state = Get-ServiceState -Hive $Hive
    $state.notification = $notification
    $state.error = $problem
    $state
}

Export-ModuleMember -Function Get-AgentService, Get-ServiceState, Set-Pending, Set-ServiceState, Test-Pending
