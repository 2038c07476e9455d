#!powershell

# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

# By such a line Ansible knows its own PowerShell modules; this util is the smallest one, and not used.
#Requires -Module Ansible.ModuleUtils.CamelConversion

# The host's side of the collection: registry, service, names. What is said on both sides is in docs/host-module.md.
# No C# and no Ansible.Basic: compiling them would be most of a task's time.

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:PoliciesPath = 'SOFTWARE\Policies\Microsoft\Windows'
$script:StorePath = "$script:PoliciesPath\IPSec\Policy\Local"
$script:CachePath = "$script:PoliciesPath\IPSec\Policy\Cache"
$script:AssignmentPath = "$script:PoliciesPath\IPSec\GPTIPSECPolicy"
$script:ServiceName = 'PolicyAgent'
$script:UntoldPath = 'SOFTWARE\ipsec.windows'

function Stop-WithReason {
    param([string]$Reason, [string]$Message)
    $failure = [System.InvalidOperationException]::new($Message)
    $failure.Data['reason'] = $Reason
    throw $failure
}

# Texts travel as base64 of their code units; an ordinary encoder would replace unpaired surrogates, this one throws.
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
    # unlike SHA256.Create(), this one is allowed where FIPS is enforced
    $sha = [System.Security.Cryptography.SHA256CryptoServiceProvider]::new()
    $hash = $sha.ComputeHash([System.Text.Encoding]::ASCII.GetBytes($Text))
    $sha.Dispose()
    [System.BitConverter]::ToString($hash).Replace('-', '').ToLowerInvariant()
}

function ConvertTo-ValueText {
    # Null for data of another size than its kind has.
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
    # A store may have tens of thousands of values, and a call of a function takes longer than all else: the usual kinds need none.
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
        if ($path) {
            # one that is gone, or that hides from whoever reads, hides no other
            try { $key = $rootKey.OpenSubKey($path) } catch [System.Security.SecurityException] { $key = $null }
        }
        try { $shown = [System.Convert]::ToBase64String($utf16.GetBytes($path)) } catch { $shown = ConvertTo-CodeUnit $path }
        if (-not $key) {
            $found[$path] = "k;$shown`nv;;0;`n"
            continue
        }
        $text = [System.Text.StringBuilder]::new("k;$shown`n")
        if ($key.SubKeyCount) {
            $prefix = if ($path) { "$path\" } else { '' }
            foreach ($name in $key.GetSubKeyNames()) { $paths.Add("$prefix$name") }
        }
        $names = $key.GetValueNames()
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
            catch [System.IO.IOException] {
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
    foreach ($path in $sorted) { $null = $text.Append($found[$path]) }
    $text.ToString()
}

function New-Store {
    # Policies hold pre-shared keys: SYSTEM and Administrators get access, and NetworkService, as which the PolicyAgent reads.
    param($Hive)
    $Hive.CreateSubKey($script:StorePath).Dispose()
    # an ordinary writable key may not change permissions, and a descriptor set as a whole would need SeSecurityPrivilege
    $key = $Hive.OpenSubKey($script:StorePath, [Microsoft.Win32.RegistryKeyPermissionCheck]::ReadWriteSubTree,
        [System.Security.AccessControl.RegistryRights]::FullControl)
    $security = [System.Security.AccessControl.RegistrySecurity]::new()
    $security.SetSecurityDescriptorSddlForm(
        'D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;NS)', [System.Security.AccessControl.AccessControlSections]::Access)
    try {
        if ($PSVersionTable.PSVersion.Major -ge 6) {
            [Microsoft.Win32.RegistryAclExtensions]::SetAccessControl($key, $security)
        }
        else {
            $key.SetAccessControl($security)
        }
    }
    catch {
        # the next run would take it for a store that is there
        $Hive.DeleteSubKeyTree($script:StorePath, $false)
        throw
    }
    $key.Dispose()
}

function Invoke-OperationList {
    # Counts in $Result.applied. A change may have tens of thousands of operations: the usual ones call no function here either.
    param($Hive, [string]$Operations, $Result)
    $utf16 = $script:Utf16
    $names = [System.Collections.Generic.Dictionary[string, string]]::new([System.StringComparer]::Ordinal)
    # null while the host has no container
    $store = $Hive.OpenSubKey($script:StorePath, $true)
    # the key of the operation before stays open as long as it is the same
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
            if (-not $store) {
                New-Store -Hive $Hive
                $store = $Hive.OpenSubKey($script:StorePath, $true)
            }
            if ($path -and -not $open) {
                $key = $store.CreateSubKey($path)
                $open = $fields[1]
            }
        }
        elseif ($what -ceq 'd') {
            if (-not $path) { throw 'the container is never deleted' }
            if ($open) { $key.Dispose() }
            $open = $null
            if ($store) { $store.DeleteSubKeyTree($path, $false) }
        }
        else {
            if (-not $open) {
                $key = if ($store -and $path) { $store.OpenSubKey($path, $true) } else { $store }
                if (-not $key) { throw "the key $path is not there" }
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
    if ($store) { $store.Dispose() }
}

function Get-Clock {
    # ToUnixTimeSeconds came with .NET 4.6, which Windows PowerShell 5.1 does not need
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

function Get-AgentService {
    # What Get-Service returns, null where there is none; looking for that command would take longer than to read the store.
    if (-not ('System.ServiceProcess.ServiceController' -as [type])) { Add-Type -AssemblyName System.ServiceProcess }
    $service = [System.ServiceProcess.ServiceController]::new($script:ServiceName)
    # for a service that is missing, 5.1 throws here and 7 gives nothing
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

function Set-Untold {
    # A mark while the service has to learn of a change: a run that was cut off is finished by the next. A boot takes it away.
    param($Hive, [bool]$Untold)
    if ($Untold) {
        $Hive.CreateSubKey($script:UntoldPath, [Microsoft.Win32.RegistryKeyPermissionCheck]::ReadWriteSubTree,
            [Microsoft.Win32.RegistryOptions]::Volatile).Dispose()
    }
    else {
        $Hive.DeleteSubKeyTree($script:UntoldPath, $false)
    }
}

function Test-Untold {
    param($Hive)
    $key = $Hive.OpenSubKey($script:UntoldPath)
    if ($key) { $key.Dispose() }
    [bool]$key
}

function Set-ServiceState {
    # What is asked for after a change, and what came of it. A reload cannot be observed: 'asked' is all that is known.
    param($Hive, $Wanted)
    $told = 'nothing'
    $problem = $null
    try {
        if ($Wanted.start_type) { Set-Service -Name $script:ServiceName -StartupType $Wanted.start_type }
        $service = Get-AgentService
        if ($Wanted.tell -and $service) {
            if ([string]$service.Status -eq 'Stopped') {
                Start-Service -Name $script:ServiceName -WarningAction SilentlyContinue
                $told = 'started'
            }
            elseif ($Wanted.tell -eq 'restart') {
                # what is stopped then would not come up again
                if ((Get-ServiceState -Hive $Hive).start_type -eq 'disabled') { throw 'the service is disabled' }
                Restart-Service -Name $script:ServiceName -Force -WarningAction SilentlyContinue
                $told = 'restarted'
            }
            elseif ($Wanted.tell -eq 'reload') {
                $service.ExecuteCommand(129)
                $told = 'asked'
            }
            if ($told -ne 'nothing') { Set-Untold -Hive $Hive -Untold $false }
        }
    }
    catch {
        $told = 'failed'
        $problem = "$_"
    }
    $state = Get-ServiceState -Hive $Hive
    $state.told = $told
    $state.error = $problem
    $state
}

function Resolve-HostName {
    param([string[]]$Name)
    $found = @{}
    foreach ($item in $Name) {
        $addresses = @()
        try {
            $addresses = @([System.Net.Dns]::GetHostAddresses($item) | ForEach-Object { $_.ToString() })
        }
        catch {
            # what cannot be looked up has no address; the controller says so
            $addresses = @()
        }
        $found[$item] = $addresses
    }
    $found
}

function Resolve-Interface {
    param([string[]]$Id)
    $found = @{}
    if (-not $Id) { return $found }
    $all = [System.Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces()
    foreach ($item in $Id) {
        $addresses = foreach ($interface in $all) {
            if ($interface.Id -eq $item) {
                foreach ($unicast in $interface.GetIPProperties().UnicastAddresses) { $unicast.Address.ToString() }
            }
        }
        $found[$item] = @($addresses)
    }
    $found
}

function Get-Connection {
    # Who is connected to the port that this very request came in on.
    param([int]$Port)
    $properties = [System.Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
    foreach ($connection in $properties.GetActiveTcpConnections()) {
        if ($connection.LocalEndPoint.Port -eq $Port -and [string]$connection.State -eq 'Established') {
            @{
                local = $connection.LocalEndPoint.Address.ToString()
                remote = $connection.RemoteEndPoint.Address.ToString()
                remote_port = $connection.RemoteEndPoint.Port
            }
        }
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

function Read-Everything {
    param($Hive, $Request)
    $os = Get-OSVersion -Hive $Hive
    $text = Get-StoreText -Hive $Hive -Root $script:StorePath
    @{
        store = ConvertTo-Packed $text
        digest = Get-Digest $text
        now = Get-Clock
        product = $os.product
        version = $os.version
        writable = Test-Writable -Hive $Hive
        service = Get-ServiceState -Hive $Hive
        untold = Test-Untold -Hive $Hive
        domain = Get-DomainPolicy -Hive $Hive
        names = Resolve-HostName -Name $Request.names
        interfaces = Resolve-Interface -Id $Request.interfaces
        connections = @(Get-Connection -Port $Request.port)
    }
}

function Write-Store {
    # Compare and write, under the mutex.
    param($Hive, $Request)
    $before = Get-StoreText -Hive $Hive -Root $script:StorePath
    if ((Get-Digest $before) -cne $Request.expect) {
        return @{ applied = 0; digest = Get-Digest $before; store = ConvertTo-Packed $before; now = Get-Clock; conflict = $true }
    }
    $result = @{ applied = 0; conflict = $false }
    try {
        if ($Request.announce) { Set-Untold -Hive $Hive -Untold $true }
        Invoke-OperationList -Hive $Hive -Operations (ConvertFrom-Packed $Request.operations) -Result $result
    }
    catch {
        $result.error = "$_"
    }
    $after = Get-StoreText -Hive $Hive -Root $script:StorePath
    $result.digest = Get-Digest $after
    if ($result.digest -cne $Request.result) { $result.store = ConvertTo-Packed $after }
    $result
}

function Update-Everything {
    param($Hive, $Request)
    if (-not (Test-Writable -Hive $Hive)) {
        Stop-WithReason -Reason 'not_administrator' -Message 'the user is no administrator of this host'
    }
    $mutex = [System.Threading.Mutex]::new($false, 'Global\ipsec.windows')
    $held = $false
    try {
        try {
            $held = $mutex.WaitOne(30000)
        }
        catch [System.Threading.AbandonedMutexException] {
            # who held it has died; the store is compared before anything is written
            $held = $true
        }
        if (-not $held) { Stop-WithReason -Reason 'busy' -Message 'another run has held the policy store for 30 seconds' }
        $answer = @{ store = $null; error = $null; now = $null; service = $null }
        $result = Write-Store -Hive $Hive -Request $Request
        foreach ($name in $result.Keys) { $answer[$name] = $result[$name] }
    }
    finally {
        if ($held) { $mutex.ReleaseMutex() }
        $mutex.Dispose()
    }
    if (-not $answer.conflict -and -not $answer.error) {
        $answer.service = Set-ServiceState -Hive $Hive -Wanted $Request.service
    }
    $answer
}

function Write-Answer {
    # 5.1 and 7 agree on ASCII whatever the console's code page is.
    param($Answer)
    $Answer.protocol = 1
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
        '1 read' { Read-Everything -Hive $base -Request $request }
        '1 apply' { Update-Everything -Hive $base -Request $request }
        '1 tell' { @{ service = Set-ServiceState -Hive $base -Wanted $request.service } }
        default { Stop-WithReason -Reason 'unknown_request' -Message "there is no request '$_'" }
    }
}
catch {
    $problem = $_.Exception
    while ($problem.InnerException -and -not $problem.Data['reason']) { $problem = $problem.InnerException }
    $reason = $problem.Data['reason']
    $denied = $problem -is [System.ComponentModel.Win32Exception] -and $problem.NativeErrorCode -eq 5
    if ($denied -or $problem -is [System.Security.SecurityException] -or $problem -is [System.UnauthorizedAccessException]) {
        $reason = 'not_administrator'
    }
    $answer = @{ failed = $true; msg = $problem.Message; reason = $reason }
}
Write-Answer -Answer $answer
