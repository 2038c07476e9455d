# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

# The service commands of Windows for the one service a simulated host has. Its state is the last line of service.jsonl, its start type
# is in the registry.

$script:ServiceKey = 'SYSTEM\CurrentControlSet\Services\PolicyAgent'
$script:StartTypes = @{ Automatic = 2; Manual = 3; Disabled = 4 }

function Get-Hive {
    [Microsoft.Win32.RegistryKey]::OpenBaseKey(
        [Microsoft.Win32.RegistryHive]::LocalMachine, [Microsoft.Win32.RegistryView]::Registry64)
}

function Get-Start {
    $key = (Get-Hive).OpenSubKey($script:ServiceKey)
    if ($key) { $key.GetValue('Start', -1) }
}

function Write-Action {
    param([object[]]$Action)
    [WinHost.State]::Append('service.jsonl', $Action)
    [WinHost.State]::Event('service', $Action)
}

function Invoke-Telling {
    # Tells the service something, past the faults that the host was told to have.
    param([object[]]$Action)
    [WinHost.Faults]::Meet('before service')
    Write-Action -Action $Action
    [WinHost.Faults]::Meet('after service')
}

function Assert-Service {
    param([string]$Name)
    if ($Name -ne 'PolicyAgent' -or $null -eq (Get-Start)) { throw "Cannot find any service with service name '$Name'." }
    if (-not [WinHost.State]::Setting('administrator').GetBoolean()) { throw "Service '$Name' cannot be controlled: Access is denied" }
}

function Get-Service {
    [CmdletBinding()]
    param([string]$Name)
    if ($Name -ne 'PolicyAgent' -or $null -eq (Get-Start)) {
        Write-Error "Cannot find any service with service name '$Name'."
        return
    }
    $last = @(Get-Content -LiteralPath (Join-Path ([WinHost.State]::Folder) 'service.jsonl') | Where-Object { $_ -notmatch 'control' })[-1]
    $service = [pscustomobject]@{
        Name = $Name
        Status = if ($last -match 'start') { 'Running' } else { 'Stopped' }
    }
    $service | Add-Member -MemberType ScriptMethod -Name ExecuteCommand -Value {
        param([int]$Command)
        Assert-Service -Name $this.Name
        if ($this.Status -ne 'Running') { throw "Cannot control PolicyAgent service on computer '.'." }
        Invoke-Telling -Action 'control', $Command
    } -PassThru
}

function Set-Service {
    param([string]$Name, [string]$StartupType)
    Assert-Service -Name $Name
    $key = (Get-Hive).OpenSubKey($script:ServiceKey, $true)
    $key.SetValue('Start', $script:StartTypes[$StartupType], [Microsoft.Win32.RegistryValueKind]::DWord)
}

function Start-Service {
    [CmdletBinding()]
    param([string]$Name)
    Assert-Service -Name $Name
    if ((Get-Start) -eq 4) { throw "Service 'IPsec Policy Agent (PolicyAgent)' cannot be started because it is disabled." }
    Invoke-Telling -Action 'start'
}

function Stop-Service {
    [CmdletBinding()]
    param([string]$Name)
    Assert-Service -Name $Name
    Write-Action -Action 'stop'
}

function Restart-Service {
    [CmdletBinding()]
    param([string]$Name, [switch]$Force)
    Stop-Service -Name $Name
    Start-Service -Name $Name
}

Export-ModuleMember -Function Get-Service, Set-Service, Start-Service, Stop-Service, Restart-Service
