#!powershell

# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

#AnsibleRequires -PowerShell ansible_collections.ipsec.windows.plugins.module_utils._IpsecDynamic
#AnsibleRequires -PowerShell ansible_collections.ipsec.windows.plugins.module_utils._IpsecMutex
#AnsibleRequires -PowerShell ansible_collections.ipsec.windows.plugins.module_utils._IpsecNetwork
#AnsibleRequires -PowerShell ansible_collections.ipsec.windows.plugins.module_utils._IpsecQuery
#AnsibleRequires -PowerShell ansible_collections.ipsec.windows.plugins.module_utils._IpsecService

# Requests to the host, the policy store, and the record of dynamic rules. docs/host-module.md describes requests and answers.
# There is no C# and no Ansible.Basic: compiling them would take most of the time of a task.
# Functions whose parameters may hold pre-shared keys stay in this script, as Windows can log the parameters of modules.

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:PoliciesPath = 'SOFTWARE\Policies\Microsoft\Windows'
# Both stores hold pre-shared keys. Access is for SYSTEM and Administrators, and to policies for NetworkService, the account of the PolicyAgent.
$script:Policies = @{ path = "$script:PoliciesPath\IPSec\Policy\Local"; access = 'D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;NS)' }
$script:Record = @{ path = Get-RecordPath; access = 'D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)' }
$script:CachePath = "$script:PoliciesPath\IPSec\Policy\Cache"
$script:AssignmentPath = "$script:PoliciesPath\IPSec\GPTIPSECPolicy"
# whether this run may have written already
$script:Writing = $false

# Texts travel as base64 of their code units. A default encoder would replace unpaired surrogates; this one throws.
$script:Utf16 = [System.Text.UnicodeEncoding]::new($false, $false, $true)

function ConvertTo-CodeUnit {
    param([string]$Text)
    try { return [System.Convert]::ToBase64String($script:Utf16.GetBytes($Text)) } catch [System.Text.EncoderFallbackException] { $null = $_ }
    $bytes = [byte[]]::new($Text.Length * 2)
    [System.Buffer]::BlockCopy($Text.ToCharArray(), 0, $bytes, 0, $bytes.Length)
    [System.Convert]::ToBase64String($bytes)
}

function ConvertFrom-CodeUnit {
    param([string]$Data)
    $bytes = [System.Convert]::FromBase64String($Data)
    try { return $script:Utf16.GetString($bytes) } catch [System.Text.DecoderFallbackException] { $null = $_ }
    $chars = [char[]]::new($bytes.Length / 2)
    [System.Buffer]::BlockCopy($bytes, 0, $chars, 0, $bytes.Length)
    [string]::new($chars)
}

function ConvertTo-Packed {
    param([string]$Text)
    if (-not $Text) { return '' }
    $buffer = [System.IO.MemoryStream]::new()
    $zip = [System.IO.Compression.GZipStream]::new($buffer, [System.IO.Compression.CompressionMode]::Compress)
    $bytes = [System.Text.Encoding]::ASCII.GetBytes($Text)
    $zip.Write($bytes, 0, $bytes.Length)
    $zip.Dispose()
    [System.Convert]::ToBase64String($buffer.ToArray())
}

function ConvertFrom-Packed {
    param([string]$Packed)
    if (-not $Packed) { return '' }
    $buffer = [System.IO.MemoryStream]::new([System.Convert]::FromBase64String($Packed))
    $zip = [System.IO.Compression.GZipStream]::new($buffer, [System.IO.Compression.CompressionMode]::Decompress)
    $reader = [System.IO.StreamReader]::new($zip, [System.Text.Encoding]::ASCII)
    $reader.ReadToEnd()
    $reader.Dispose()
}

function Get-Digest {
    param([string]$Text)
    # unlike SHA256.Create(), this class is allowed where FIPS is enforced
    $sha = [System.Security.Cryptography.SHA256CryptoServiceProvider]::new()
    $hash = $sha.ComputeHash([System.Text.Encoding]::ASCII.GetBytes($Text))
    $sha.Dispose()
    [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
}

function ConvertTo-ValueText {
    # Null for data whose size does not fit its kind.
    param([int]$Kind, $Data)
    if ($Kind -eq 1 -or $Kind -eq 2) { return ConvertTo-CodeUnit $Data }
    if ($Kind -eq 4 -and $Data -is [int]) { return [System.BitConverter]::ToUInt32([System.BitConverter]::GetBytes($Data), 0).ToString() }
    if ($Kind -eq 11 -and $Data -is [long]) { return [System.BitConverter]::ToUInt64([System.BitConverter]::GetBytes($Data), 0).ToString() }
    if ($Kind -eq 4 -or $Kind -eq 11) { return $null }
    if ($Kind -eq 3 -or $Kind -eq -1) { return [System.Convert]::ToBase64String([byte[]]$Data) }
    if ($Kind -ne 7) { return '' }
    if ($Data.Length -eq 0) { return '-' }
    $texts = foreach ($item in $Data) { ConvertTo-CodeUnit $item }
    $texts -join ','
}

function ConvertFrom-ValueText {
    param([int]$Kind, [string]$Data)
    if ($Kind -eq 0) { throw 'a value of an unknown kind cannot be written' }
    if ($Kind -eq 1 -or $Kind -eq 2) { return ConvertFrom-CodeUnit $Data }
    if ($Kind -eq 4) { return [System.BitConverter]::ToInt32([System.BitConverter]::GetBytes([uint32]$Data), 0) }
    if ($Kind -eq 11) { return [System.BitConverter]::ToInt64([System.BitConverter]::GetBytes([uint64]$Data), 0) }
    if ($Kind -ne 7) { return , [System.Convert]::FromBase64String($Data) }
    [string[]]$texts = @()
    if ($Data -ne '-') { $texts = foreach ($item in $Data.Split(',')) { ConvertFrom-CodeUnit $item } }
    , $texts
}

function Get-StoreText {
    # A store may have tens of thousands of values, and calling a function is the slowest part: usual kinds need no call.
    param($Hive, [string]$Root)
    $rootKey = $Hive.OpenSubKey($Root)
    if (-not $rootKey) { return '' }
    $utf16 = $script:Utf16
    $ordinal = [System.StringComparer]::Ordinal
    $unexpanded = [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames
    $encoded = [System.Collections.Generic.Dictionary[string, string]]::new($ordinal)
    $found = [System.Collections.Generic.Dictionary[string, string]]::new($ordinal)
    $paths = [System.Collections.Generic.List[string]]::new()
    $paths.Add('')
    for ($at = 0; $at -lt $paths.Count; $at++) {
        $path = $paths[$at]
        $key = $rootKey
        $denied = $false
        if ($path) {
            try { $key = $rootKey.OpenSubKey($path) } catch [System.Security.SecurityException] { $denied = $true }
        }
        try { $shown = [System.Convert]::ToBase64String($utf16.GetBytes($path)) } catch { $shown = ConvertTo-CodeUnit $path }
        if ($denied) {
            $found[$path] = "k;$shown`nv;;0;`n"
            continue
        }
        # a key that somebody deletes meanwhile does not exist
        if (-not $key) { continue }
        $text = [System.Text.StringBuilder]::new("k;$shown`n")
        try {
            $names = $key.GetValueNames()
            if ($key.SubKeyCount) {
                $prefix = if ($path) { "$path\" } else { '' }
                foreach ($name in $key.GetSubKeyNames()) { $paths.Add("$prefix$name") }
            }
        }
        catch {
            if ($_.Exception.GetBaseException() -isnot [System.IO.IOException]) { throw }
            continue
        }
        [System.Array]::Sort($names, $ordinal)
        foreach ($name in $names) {
            if (-not $encoded.ContainsKey($name)) { $encoded[$name] = ConvertTo-CodeUnit $name }
            try {
                $kind = [int]$key.GetValueKind($name)
                $data = $key.GetValue($name, $null, $unexpanded)
                if ($kind -eq 1) { $shown = [System.Convert]::ToBase64String($utf16.GetBytes($data)) }
                elseif ($kind -eq 3) { $shown = [System.Convert]::ToBase64String($data) }
                elseif ($kind -eq 4 -and $data -is [int] -and $data -ge 0) { $shown = $data }
                elseif ($kind -eq 7 -and $data.Length -eq 1) { $shown = [System.Convert]::ToBase64String($utf16.GetBytes($data[0])) }
                else { $shown = ConvertTo-ValueText -Kind $kind -Data $data }
            }
            catch [System.Text.EncoderFallbackException] {
                $shown = ConvertTo-ValueText -Kind $kind -Data $data
            }
            catch {
                # a value that cannot be read, or that somebody deletes meanwhile
                $shown = $null
            }
            if ($null -eq $shown) { $kind, $shown = 0, '' }
            $null = $text.Append("v;$($encoded[$name]);$kind;$shown`n")
        }
        $found[$path] = $text.ToString()
        if ($path) { $key.Dispose() }
    }
    $rootKey.Dispose()
    $sorted = $paths.ToArray()
    [System.Array]::Sort($sorted, $ordinal)
    $text = [System.Text.StringBuilder]::new()
    foreach ($path in $sorted) { if ($found.ContainsKey($path)) { $null = $text.Append($found[$path]) } }
    $text.ToString()
}

function New-Store {
    # Creates the key of a store with its permissions.
    param($Hive, $Store)
    $Hive.CreateSubKey($Store.path).Dispose()
    # a key opened for writing may not change permissions, and setting a whole descriptor needs SeSecurityPrivilege
    $key = $Hive.OpenSubKey($Store.path, [Microsoft.Win32.RegistryKeyPermissionCheck]::ReadWriteSubTree,
        [System.Security.AccessControl.RegistryRights]::FullControl)
    $security = [System.Security.AccessControl.RegistrySecurity]::new()
    $security.SetSecurityDescriptorSddlForm($Store.access, [System.Security.AccessControl.AccessControlSections]::Access)
    try {
        if ($PSVersionTable.PSVersion.Major -ge 6) {
            [Microsoft.Win32.RegistryAclExtensions]::SetAccessControl($key, $security)
        }
        else {
            $key.SetAccessControl($security)
        }
    }
    catch {
        # otherwise the next run would use the unprotected key
        $Hive.DeleteSubKeyTree($Store.path, $false)
        throw
    }
    $key.Dispose()
}

function Invoke-OperationList {
    # Counts in $Result.applied. A change may have tens of thousands of operations: usual ones need no function call.
    param($Hive, $Store, [string]$Operations, $Result)
    $utf16 = $script:Utf16
    $names = [System.Collections.Generic.Dictionary[string, string]]::new([System.StringComparer]::Ordinal)
    # null while the host has no container
    $root = $Hive.OpenSubKey($Store.path, $true)
    # the key of the last operation stays open for the next
    $key, $open = $null, $null
    foreach ($line in $Operations.Split("`n")) {
        if (-not $line) { continue }
        $fields = $line.Split(';')
        $what = $fields[0]
        if ($fields[1] -cne $open) {
            if ($open) { $key.Dispose() }
            $open = $null
            try { $path = $utf16.GetString([System.Convert]::FromBase64String($fields[1])) } catch { $path = ConvertFrom-CodeUnit $fields[1] }
        }
        if ($what -ceq 'c') {
            if (-not $root) {
                New-Store -Hive $Hive -Store $Store
                $root = $Hive.OpenSubKey($Store.path, $true)
            }
            if ($path -and -not $open) {
                $key = $root.CreateSubKey($path)
                $open = $fields[1]
            }
        }
        elseif ($what -ceq 'd') {
            if (-not $path) { throw 'the container cannot be deleted' }
            if ($open) { $key.Dispose() }
            $open = $null
            if ($root) { $root.DeleteSubKeyTree($path, $false) }
        }
        else {
            if (-not $open) {
                $key = if ($root -and $path) { $root.OpenSubKey($path, $true) } else { $root }
                if (-not $key) { throw "the key $path does not exist" }
                if ($path) { $open = $fields[1] }
            }
            $field = $fields[2]
            if (-not $names.ContainsKey($field)) { $names[$field] = ConvertFrom-CodeUnit $field }
            if ($what -ceq 'u') {
                $key.DeleteValue($names[$field], $false)
            }
            else {
                $kind, $text = [int]::Parse($fields[3]), $fields[4]
                try {
                    if ($kind -eq 1) { $data = $utf16.GetString([System.Convert]::FromBase64String($text)) }
                    elseif ($kind -eq 3) { $data = [System.Convert]::FromBase64String($text) }
                    elseif ($kind -eq 4 -and $text.Length -lt 10) { $data = [int]::Parse($text) }
                    elseif ($kind -eq 7 -and $text -cne '-') {
                        $data = [string[]]@(foreach ($item in $text.Split(',')) { $utf16.GetString([System.Convert]::FromBase64String($item)) })
                    }
                    else { $data = ConvertFrom-ValueText -Kind $kind -Data $text }
                }
                catch [System.Text.DecoderFallbackException] {
                    $data = ConvertFrom-ValueText -Kind $kind -Data $text
                }
                $key.SetValue($names[$field], $data, [Microsoft.Win32.RegistryValueKind]$kind)
            }
        }
        $Result.applied++
    }
    if ($open) { $key.Dispose() }
    if ($root) { $root.Dispose() }
}

function Get-Clock {
    # ToUnixTimeSeconds needs .NET 4.6, which Windows PowerShell 5.1 does not require
    [long][System.Math]::Floor(([System.DateTimeOffset]::UtcNow.UtcTicks - 621355968000000000) / 10000000)
}

function Get-RegistryText {
    param($Key, [string]$Name)
    if (-not $Key) { return '' }
    [string]$Key.GetValue($Name, '')
}

function Test-Writable {
    param($Hive)
    try {
        $key = $Hive.OpenSubKey($script:PoliciesPath, $true)
        if ($key) {
            $key.Dispose()
            return $true
        }
        $key = $Hive.OpenSubKey('SOFTWARE\Policies', $true)
        $key.Dispose()
        return $true
    }
    catch {
        return $false
    }
}

function Get-DomainPolicy {
    param($Hive)
    $key = $Hive.OpenSubKey($script:AssignmentPath)
    $path = Get-RegistryText -Key $key -Name 'DSIPSECPolicyPath'
    if (-not $path) { return $null }
    @{
        path = $path
        name = Get-RegistryText -Key $key -Name 'DSIPSECPolicyName'
        store = ConvertTo-Packed (Get-StoreText -Hive $Hive -Root $script:CachePath)
    }
}

function Get-OSVersion {
    param($Hive)
    $key = $Hive.OpenSubKey('SOFTWARE\Microsoft\Windows NT\CurrentVersion')
    $build = Get-RegistryText -Key $key -Name 'CurrentBuildNumber'
    $version = Get-RegistryText -Key $key -Name 'CurrentVersion'
    if ($key -and $null -ne $key.GetValue('CurrentMajorVersionNumber')) {
        $version = "$($key.GetValue('CurrentMajorVersionNumber')).$($key.GetValue('CurrentMinorVersionNumber'))"
    }
    @{ product = Get-RegistryText -Key $key -Name 'ProductName'; version = "$version.$build" }
}

function Get-RecordText {
    param($Hive)
    Get-StoreText -Hive $Hive -Root $script:Record.path
}

function Get-RecordDigest {
    # The digest of a record without the key Shown. The replay task changes that at any time, which must not disturb a task.
    param([string]$Text)
    $left = [System.Text.StringBuilder]::new()
    $skip = $false
    foreach ($line in $Text.Split("`n")) {
        if ($line.StartsWith('k;')) { $skip = (ConvertFrom-CodeUnit $line.Substring(2)) -match '^Shown(\\|$)' }
        if ($line -and -not $skip) { $null = $left.Append("$line`n") }
    }
    Get-Digest $left.ToString()
}

function Get-DynamicState {
    # What netsh shows of dynamic rules, and the replay task.
    param($Hive)
    $state = @{ rules = @{}; policies = @(); empty = $true; clean = $false; config = $null }
    if ((Get-ServiceState -Hive $Hive).status -ne 'running') {
        $state.task = ConvertTo-ReplayState -Query (Invoke-Program -Command (Get-ReplayQuery))
        return $state
    }
    $also = @(Get-ReplayQuery)
    $settings = $Hive.OpenSubKey("$($script:Record.path)\Settings")
    # settings matter only if a task has set them
    if (Get-RegistryText -Key $settings -Name '.config') { $also += 'netsh.exe ipsec dynamic show config' }
    $listing = Get-DynamicListing -Also $also
    $state.task = ConvertTo-ReplayState -Query $listing.also[0]
    if ($listing.also.Count -gt 1 -and $listing.also[1].code -eq 0) { $state.config = Get-Digest $listing.also[1].text }
    $state.rules = $listing.rules
    $state.policies = @(@($listing.main) + @($listing.quick) | Sort-Object -Unique)
    $state.empty = $listing.empty
    $shown = $Hive.OpenSubKey("$($script:Record.path)\Shown")
    $state.clean = (Get-RegistryText -Key $shown -Name '.clean') -ceq (Get-Digest $listing.text)
    $state
}

function Read-Part {
    # The parts of the host that the request names.
    param($Hive, $Request)
    $answer = @{
        names = Resolve-HostName -Name $Request.names
        interfaces = Resolve-Interface -Id $Request.interfaces
    }
    switch -CaseSensitive ($Request.parts) {
        'store' {
            $text = Get-StoreText -Hive $Hive -Root $script:Policies.path
            $answer.store = ConvertTo-Packed $text
            $answer.digest = Get-Digest $text
        }
        'record' {
            $text = Get-RecordText -Hive $Hive
            $answer.record = ConvertTo-Packed $text
            $answer.record_digest = Get-RecordDigest $text
        }
        'dynamic' { $answer.dynamic = Get-DynamicState -Hive $Hive }
        'service' {
            $answer.service = Get-ServiceState -Hive $Hive
            $answer.pending = Test-Pending -Hive $Hive
        }
        'domain' { $answer.domain = Get-DomainPolicy -Hive $Hive }
        'system' {
            $os = Get-OSVersion -Hive $Hive
            $answer.now = Get-Clock
            $answer.product = $os.product
            $answer.version = $os.version
            $answer.powershell = $PSVersionTable.PSVersion.ToString()
            $answer.writable = Test-Writable -Hive $Hive
        }
        'addresses' { $answer.addresses = Get-LocalAddress }
        'connections' { $answer.connections = @(Get-Connection -Port $Request.port) }
        'filters' {
            $answer.filters = Get-RunningFilter
            $answer.filters.rows = ConvertTo-Packed $answer.filters.rows
            $problem = $answer.filters.error
            # netsh says so in the language of the host only
            if ($problem -and $problem.reason -eq 'failed' -and -not (Test-Writable -Hive $Hive)) { $problem.reason = 'access_denied' }
        }
        'events' { $answer.events = Get-PolicyEvent }
        'associations' { $answer.associations = Get-Association -TooOld ((Get-OSVersion -Hive $Hive).version -match '^([1-5]|6\.[01])\.') }
        'counters' { $answer.counters = Get-CounterValue }
        'rsop' { $answer.rsop = Get-ResultantPolicy }
        default { Stop-WithReason -Reason 'unknown_request' -Message "there is no part '$_'" }
    }
    $answer
}

function Wait-Applied {
    # Reads the events and the filters until they say what became of a change, or the time has passed.
    param($Hive, $Request)
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        $answer = @{ events = Get-PolicyEvent; filters = Get-RunningFilter }
        $answer.waited = [int][System.Math]::Floor($clock.Elapsed.TotalSeconds)
        $expected = $Request.expect -and -not $answer.filters.error -and
            (Get-Digest (ConvertTo-AppliedText -Rows $answer.filters.rows)) -ceq $Request.expect
        $new = @(foreach ($row in $answer.events.rows) { if ($row.time -ge $Request.since -and $Request.events -contains $row.id) { $row } })
        if ($new -or $expected -or $answer.waited -ge $Request.seconds) { break }
        Start-Sleep -Seconds 1
    }
    $answer.filters.rows = ConvertTo-Packed $answer.filters.rows
    $answer.service = Get-ServiceState -Hive $Hive
    $answer
}

function Write-Store {
    # Applies operations to a store, as far as it gets.
    param($Hive, $Store, [string]$Operations)
    $result = @{ applied = 0; error = $null }
    $script:Writing = $true
    try {
        Invoke-OperationList -Hive $Hive -Store $Store -Operations (ConvertFrom-Packed $Operations) -Result $result
    }
    catch {
        $result.error = "$_"
    }
    $result
}

function New-DynamicAnswer {
    @{ applied = 0; record_digest = ''; record = $null; rules = $null; policies = $null; missing = @(); left = @(); errors = @(); config = $null; error = $null }
}

function Write-Request {
    # Compares and writes; the caller holds the mutex. Completes the answer.
    param($Hive, $Request, $Dynamic, $Answer)
    $before = Get-StoreText -Hive $Hive -Root $script:Policies.path
    $Answer.digest = Get-Digest $before
    if ($Dynamic) {
        $Answer.dynamic = New-DynamicAnswer
        $record = Get-RecordText -Hive $Hive
        $Answer.dynamic.record_digest = Get-RecordDigest $record
    }
    if ($Answer.digest -cne $Request.expect -or ($Dynamic -and $Answer.dynamic.record_digest -cne $Dynamic.expect)) {
        $Answer.conflict = $true
        $Answer.store = ConvertTo-Packed $before
        $Answer.now = Get-Clock
        if ($Dynamic) { $Answer.dynamic.record = ConvertTo-Packed $record }
        return
    }
    if ($Dynamic -and $Dynamic.task) { Register-ReplayTask -Xml $Dynamic.task.xml }
    $script:Writing = $true
    try { if ($Request.mark_pending) { Set-Pending -Hive $Hive -Pending $true } } catch { $Answer.error = "$_" }
    if (-not $Answer.error) {
        $done = Write-Store -Hive $Hive -Store $script:Policies -Operations $Request.operations
        $Answer.applied = $done.applied
        $Answer.error = $done.error
    }
    $after = Get-StoreText -Hive $Hive -Root $script:Policies.path
    $Answer.digest = Get-Digest $after
    if ($Answer.digest -cne $Request.result) { $Answer.store = ConvertTo-Packed $after }
    if ($Dynamic -and -not $Answer.error) { Write-Record -Hive $Hive -Dynamic $Dynamic -Answer $Answer.dynamic }
}

function Write-Record {
    param($Hive, $Dynamic, $Answer)
    $done = Write-Store -Hive $Hive -Store $script:Record -Operations $Dynamic.operations
    $Answer.applied = $done.applied
    $Answer.error = $done.error
    $after = Get-RecordText -Hive $Hive
    $Answer.record_digest = Get-RecordDigest $after
    if ($Answer.record_digest -cne $Dynamic.result) { $Answer.record = ConvertTo-Packed $after }
    if ($Dynamic.flush -and -not $Answer.error) {
        # before the service is notified, which may put something in place that a flush would delete
        try { Clear-DynamicRule -Hive $Hive } catch { $Answer.error = "$_" }
    }
}

function Invoke-Netsh {
    # Runs one command below netsh ipsec dynamic, which holds no key.
    param([string]$Command)
    Invoke-Program -Command "netsh.exe ipsec dynamic $Command"
}

function Get-NetshError {
    # What a failed command of netsh says in every language.
    param($Done)
    $numbers = @(foreach ($match in [regex]::Matches($Done.text, 'ERR IPsec\[\d{5}\]')) { $match.Value })
    (@("exit code $($Done.code)") + $numbers) -join ', '
}

function Test-ServiceRuns {
    param($Hive)
    (Get-ServiceState -Hive $Hive).status -eq 'running'
}

function Clear-DynamicRule {
    # Deletes all dynamic rules and policies, and with them all that is left to remove and all that was complete.
    param($Hive)
    if (Test-ServiceRuns -Hive $Hive) {
        $done = Invoke-Netsh -Command 'delete all'
        # there may have been nothing to delete
        if ($done.code -ne 0 -and -not (Get-DynamicListing).empty) {
            throw "netsh ipsec dynamic delete all has failed ($(Get-NetshError -Done $done))"
        }
    }
    foreach ($key in 'Removed', 'Shown') { $Hive.DeleteSubKeyTree("$($script:Record.path)\$key", $false) }
}

function Set-DynamicSetting {
    # Sets properties, and records what netsh shows then: it shows them in the language of the host only.
    param($Hive, $Settings)
    if (-not (Test-ServiceRuns -Hive $Hive)) { throw 'settings need the PolicyAgent service, which does not run' }
    foreach ($setting in $Settings) {
        $done = Invoke-Netsh -Command "set config property=$($setting.Name) value=""$($setting.Value)"""
        if ($done.code -ne 0) { throw "the setting $($setting.Name) cannot be $($setting.Value) ($(Get-NetshError -Done $done))" }
    }
    $config = Get-Digest (Invoke-Netsh -Command 'show config').text
    $key = $Hive.OpenSubKey("$($script:Record.path)\Settings", $true)
    if ($key) {
        $key.SetValue('.config', $config, [Microsoft.Win32.RegistryValueKind]::String)
        $key.Dispose()
    }
    $config
}

function Save-Clean {
    # Notes what netsh shows after a flush and the rules of ours. It also shows what belongs to the policy in force.
    param($Hive)
    if (-not (Test-ServiceRuns -Hive $Hive)) { return }
    $listing = Get-DynamicListing
    if ($listing.empty) { return }
    if (-not $Hive.OpenSubKey($script:Record.path)) { New-Store -Hive $Hive -Store $script:Record }
    $key = $Hive.CreateSubKey("$($script:Record.path)\Shown")
    $key.SetValue('.clean', (Get-Digest $listing.text), [Microsoft.Win32.RegistryValueKind]::String)
    $key.Dispose()
}

function Update-Dynamic {
    # What netsh does for a request; the caller holds the mutex. An error does not end the request: the record says what is still to do.
    param($Hive, $Dynamic, $Answer)
    try {
        if ($Dynamic.unregister) { Remove-ReplayTask }
        $settings = @($Dynamic.settings.PSObject.Properties)
        if ($settings) { $Answer.config = Set-DynamicSetting -Hive $Hive -Settings $settings }
        if ($Dynamic.run) {
            $found = Sync-DynamicRule -Hive $Hive
            foreach ($name in $found.Keys) { $Answer[$name] = $found[$name] }
        }
        if ($Dynamic.flush) { Save-Clean -Hive $Hive }
    }
    catch {
        $Answer.error = "$_"
    }
}

function Update-Store {
    param($Hive, $Request)
    if (-not (Test-Writable -Hive $Hive)) {
        Stop-WithReason -Reason 'not_administrator' -Message 'the user is not an administrator of this host'
    }
    $dynamic = if ($Request.PSObject.Properties['dynamic']) { $Request.dynamic } else { $null }
    $answer = @{ applied = 0; store = $null; error = $null; conflict = $false; now = Get-Clock; service = $null; dynamic = $null }
    $notify = {
        if ($answer.conflict -or $answer.error) { return }
        $answer.now = Get-Clock
        $answer.service = Set-ServiceState -Hive $Hive -Wanted $Request.service
    }
    Use-StoreMutex -Action {
        Write-Request -Hive $Hive -Request $Request -Dynamic $dynamic -Answer $answer
        if (-not $dynamic) { return }
        # the replay task, which starts with the service, waits for the end of this request
        & $notify
        if ($answer.service -and -not $answer.dynamic.error) { Update-Dynamic -Hive $Hive -Dynamic $dynamic -Answer $answer.dynamic }
    }
    if (-not $dynamic) { & $notify }
    $answer
}

function Send-Notification {
    param($Hive, $Request)
    $notify = { $answer.service = Set-ServiceState -Hive $Hive -Wanted $Request.service }
    $answer = @{}
    if ($Request.PSObject.Properties['dynamic'] -and $Request.dynamic) {
        $answer.dynamic = New-DynamicAnswer
        $onlyRun = [pscustomobject]@{ unregister = $false; settings = [pscustomobject]@{}; run = $true; flush = $false }
        Use-StoreMutex -Action {
            $answer.dynamic.record_digest = Get-RecordDigest (Get-RecordText -Hive $Hive)
            & $notify
            Update-Dynamic -Hive $Hive -Dynamic $onlyRun -Answer $answer.dynamic
        }
    }
    else {
        & $notify
    }
    $answer
}

function Write-Answer {
    # Only ASCII is the same in 5.1 and 7, whatever the code page of the console is.
    param($Answer)
    $Answer.protocol = 2
    $Answer.changed = $false
    $json = ConvertTo-Json -InputObject $Answer -Compress -Depth 6
    if ([System.Text.Encoding]::UTF8.GetByteCount($json) -eq $json.Length) { return $json }
    [regex]::Replace($json, '[^\x20-\x7e]', { param($found) '\u{0:x4}' -f [int][char]$found.Value })
}

try {
    $request = ConvertFrom-Json -InputObject $complex_args.request
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey(
        [Microsoft.Win32.RegistryHive]::LocalMachine, [Microsoft.Win32.RegistryView]::Registry64)
    $answer = switch -CaseSensitive ("$($request.protocol) $($request.do)") {
        '2 read' { Read-Part -Hive $base -Request $request }
        '2 apply' { Update-Store -Hive $base -Request $request }
        '2 wait' { Wait-Applied -Hive $base -Request $request }
        '2 notify' { Send-Notification -Hive $base -Request $request }
        default { Stop-WithReason -Reason 'unknown_request' -Message "there is no request '$_'" }
    }
}
catch {
    $problem = $_.Exception
    while ($problem.InnerException -and -not $problem.Data['reason']) { $problem = $problem.InnerException }
    $reason = $problem.Data['reason']
    $denied = $problem -is [System.ComponentModel.Win32Exception] -and $problem.NativeErrorCode -eq 5
    $denied = $denied -or $problem -is [System.Security.SecurityException] -or $problem -is [System.UnauthorizedAccessException]
    # a reason says that nothing was written
    if ($denied -and -not $script:Writing) {
        $reason = 'not_administrator'
    }
    $answer = @{ failed = $true; msg = $problem.Message; reason = $reason }
}
Write-Answer -Answer $answer
