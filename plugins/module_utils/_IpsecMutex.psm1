# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

# The mutex that tasks, and the replay task of dynamic rules, take turns with. The replay task runs the text of these functions,
# so they use no variables of this module.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Stop-WithReason {
    param([string]$Reason, [string]$Message)
    $failure = [System.InvalidOperationException]::new($Message)
    $failure.Data['reason'] = $Reason
    throw $failure
}

function Open-StoreMutex {
    # The mutex is for all administrators, whichever account creates it.
    $name = 'Global\ipsec.windows'
    $acl = if ($PSVersionTable.PSVersion.Major -ge 6) { [System.Threading.MutexAcl] } else { $null }
    $security = [System.Security.AccessControl.MutexSecurity]::new()
    $security.SetSecurityDescriptorSddlForm(
        'D:(A;;0x1f0001;;;SY)(A;;0x1f0001;;;BA)', [System.Security.AccessControl.AccessControlSections]::Access)
    $created = $false
    try {
        if ($acl) { return $acl::Create($false, $name, [ref]$created, $security) }
        return [System.Threading.Mutex]::new($false, $name, [ref]$created, $security)
    }
    catch [System.UnauthorizedAccessException] {
        $null = $_
    }
    # another program has created it with other permissions; waiting needs only Synchronize
    try {
        $rights = [System.Security.AccessControl.MutexRights]::Synchronize
        if ($acl) { return $acl::OpenExisting($name, $rights) }
        return [System.Threading.Mutex]::OpenExisting($name, $rights)
    }
    catch [System.UnauthorizedAccessException] {
        Stop-WithReason -Reason 'mutex_denied' -Message "access to the mutex $name is denied"
    }
}

function Use-StoreMutex {
    # Runs a script block while no other task can.
    param([scriptblock]$Action)
    $mutex = Open-StoreMutex
    $held = $false
    try {
        try {
            $held = $mutex.WaitOne(30000)
        }
        catch [System.Threading.AbandonedMutexException] {
            # its owner has ended; whatever is written is compared first
            $held = $true
        }
        if (-not $held) { Stop-WithReason -Reason 'busy' -Message 'another task has been using the policy store for 30 seconds' }
        & $Action
    }
    finally {
        if ($held) { $mutex.ReleaseMutex() }
        $mutex.Dispose()
    }
}

Export-ModuleMember -Function Open-StoreMutex, Stop-WithReason, Use-StoreMutex
