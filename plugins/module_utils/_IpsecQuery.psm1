# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

# What the host has in force: filters of the filtering platform, events about policies, associations, counters, and what Group Policy
# has applied. What cannot be read has a reason. docs/host-module.md describes the answers.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:Seconds = 60
$script:Provider = '{aa6a7d87-7f8f-4d2a-be53-fda555cd5fe3}'
$script:MostFilters = 20000
$script:MostInstances = 5000
$script:MostObjects = 20000
# the errors of namespaces that did not answer in time, which are not asked again
$script:Late = @{}
$script:Deepest = 64
$script:LongestText = 65536

function Get-Missing {
    # Why something cannot be read. Types and numbers of errors are the same in every language.
    param([System.Management.Automation.ErrorRecord]$Problem)
    $signs = $Problem.FullyQualifiedErrorId
    for ($at = $Problem.Exception; $at; $at = $at.InnerException) {
        $text = $at.Message
        $signs += ' {0} 0x{1:x8}' -f $at.GetType().Name, $at.HResult
        if ($at.PSObject.Properties['NativeErrorCode']) { $signs += " code $($at.NativeErrorCode)." }
    }
    $reason = switch -Regex ($signs) {
        'TimeoutException' { 'timed_out'; break }
        'UnauthorizedAccess|code (5|740|AccessDenied)\.|0x80041003' { 'access_denied'; break }
        'code (InvalidClass|InvalidNamespace)\.|0x8004100e|0x80041010' { 'no_class'; break }
        'CommandNotFound|code 2\.' { 'no_program'; break }
        'code (1062|1722|1753)\.|0x800706ba|0x800706d9|0x80070426' { 'service_stopped'; break }
        default { 'failed' }
    }
    @{ reason = $reason; detail = $text }
}

function Invoke-Limited {
    # The first results of a command that has no time limit of its own. It runs in a thread that can be left behind.
    param([string]$Command, [hashtable]$Parameter, [int]$First)
    $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
    $null = $shell.AddCommand($Command).AddParameters($Parameter).AddCommand('Select-Object').AddParameter('First', $First)
    $running = $shell.BeginInvoke()
    if (-not $running.AsyncWaitHandle.WaitOne($script:Seconds * 1000)) {
        $null = $shell.BeginStop($null, $null)
        throw [System.TimeoutException]::new("$Command did not end within $script:Seconds seconds and was stopped")
    }
    $shell.EndInvoke($running)
    $problems = $shell.Streams.Error.ReadAll()
    $shell.Dispose()
    if ($problems.Count) { throw $problems[0] }
}

function Open-Xml {
    # A reader of elements without declarations, so that no entity exists. Names can have any character, and there can be several roots.
    param([System.IO.TextReader]$Text)
    $settings = [System.Xml.XmlReaderSettings]::new()
    $settings.DtdProcessing = [System.Xml.DtdProcessing]::Prohibit
    $settings.XmlResolver = $null
    $settings.ConformanceLevel = [System.Xml.ConformanceLevel]::Fragment
    $settings.CheckCharacters = $false
    $settings.IgnoreComments = $true
    $settings.IgnoreProcessingInstructions = $true
    [System.Xml.XmlReader]::Create($Text, $settings)
}

function Stop-Malformed {
    # At: an error of a reader, or a reader or element, whose place only an interface is sure to have.
    param([object]$At, [string]$Problem)
    $line, $column = foreach ($name in 'LineNumber', 'LinePosition') {
        if ($At -is [System.Xml.XmlException]) { $At.$name } else { [System.Xml.IXmlLineInfo].GetProperty($name).GetValue($At) }
    }
    # it may quote what is wrong
    $Problem = $Problem.Substring(0, [System.Math]::Min($Problem.Length, 300)) -replace '[\p{Cc}\p{Cs}]', '?'
    Stop-WithReason -Reason 'malformed' -Message "netsh wfp show filters: line $line, column ${column}: $Problem"
}

function Get-Query {
    # An XPath query. @NAME in its text is an element of any namespace, and $NAME its text if it has no elements.
    param([string]$Text)
    $Text = $Text -creplace '\$([\w/@]+)', 'normalize-space(@$1[not(*)])' -creplace '@(\w+)', '*[local-name()="$1"]'
    [System.Xml.XPath.XPathExpression]::Compile($Text)
}

function Read-Filter {
    # The filters in what netsh prints. A host may have many, and calls are the slowest part, so .NET reads each as a whole.
    param([System.IO.TextReader]$Text)
    $rows = [System.Text.StringBuilder]::new()
    $answer = @{ rows = ''; count = 0; total = 0; truncated = $false; error = $null }
    $keep, $element, $blank, $allowed = [System.Xml.XmlSpace]::Preserve, [System.Xml.XmlNodeType]::Element, [char[]]" `t`r`n", 'A-Za-z0-9_.:{}/~%-'
    # a filter has one provider
    $provider = Get-Query -Text 'normalize-space(@providerKey[not(*)][last() = 1])'
    $keys = Get-Query -Text ('concat($filterId, ";", $filterKey, ";", $layerKey, ";", $subLayerKey, ";", $action/@type, ";", ' +
        '$action/@filterType, $action/@calloutKey, ";", $effectiveWeight/@uint64)')
    $title = Get-Query -Text 'string(@displayData/@name[not(*)])'
    $conditions = Get-Query -Text '@filterCondition/@item'
    $words = Get-Query -Text 'concat($fieldKey, ",", $matchType, ",", $conditionValue/@type)'
    $values = Get-Query -Text '@conditionValue/descendant-or-self::*[not(*)][local-name() != "type"]'
    # the name of the open element at each depth
    $names, $listed = [string[]]::new($script:Deepest), $false
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $reader = Open-Xml -Text $Text
    try {
        while ($reader.Read()) {
            if ($reader.NodeType -ne $element) { continue }
            $depth, $name = $reader.Depth, $reader.LocalName
            if ($depth -ge $script:Deepest) { Stop-Malformed -At $reader -Problem "more than $script:Deepest elements are nested" }
            $names[$depth] = $name
            if ($name -ceq 'filters') {
                $listed = $true
                $tooDeep = Get-Query -Text "boolean(.$('/*' * ($script:Deepest - $depth - 1)))"
            }
            if ($name -cne 'item' -or -not $depth -or $names[$depth - 1] -cne 'filters') { continue }
            if ($clock.Elapsed.TotalSeconds -gt $script:Seconds) {
                throw [System.TimeoutException]::new("the filters could not be read within $script:Seconds seconds")
            }
            $filter = [System.Xml.XPath.XPathDocument]::new($reader.ReadSubtree(), $keep).CreateNavigator()
            $null = $filter.MoveToFirstChild()
            if ($filter.Evaluate($tooDeep)) { Stop-Malformed -At $filter -Problem "more than $script:Deepest elements are nested" }
            $answer.total++
            if ($filter.Evaluate($provider) -ne $script:Provider) { continue }
            $answer.count++
            $answer.truncated = $answer.count -gt $script:MostFilters
            if ($answer.truncated) { continue }
            $line, $name = $filter.Evaluate($keys), $filter.Evaluate($title)
            if ($line -cnotmatch "^[0-9]{1,20}(;[$allowed]*){5};[0-9]{0,20}\z") {
                Stop-Malformed -At $filter -Problem "a filter cannot have the id, keys, action and weight '$line'"
            }
            $shown = @(
                foreach ($condition in $filter.Select($conditions)) {
                    $start = $condition.Evaluate($words)
                    if ($start -cnotmatch "^[$allowed]*,[$allowed]*,[$allowed]*\z") {
                        Stop-Malformed -At $filter -Problem "a condition cannot have the field, match and type '$start'"
                    }
                    # of other values, such as paths, the controller needs no more than that they are there
                    $found = [string[]]@(foreach ($value in $condition.Select($values)) { $value.Value.Trim($blank) })
                    "$start,$([string]::Join('~', $found) -creplace "[^$allowed]", '?')"
                })
            foreach ($part in @($line, $name) + $shown) {
                if ($part.Length -gt $script:LongestText) { Stop-Malformed -At $filter -Problem 'a text is too long' }
            }
            $name = [System.Convert]::ToBase64String([System.Text.Encoding]::Unicode.GetBytes($name))
            $null = $rows.Append("$line;$name;$([string]::Join('|', $shown))`n")
        }
        if (-not $listed) { Stop-Malformed -At $reader -Problem "there is no element 'filters'" }
    }
    catch [System.Xml.XmlException] {
        $problem = $_.Exception.GetBaseException()
        # the message ends with the place
        Stop-Malformed -At $problem -Problem ($problem.Message -replace ' \S+ \d+, \S+ \d+\.$')
    }
    $answer.rows = $rows.ToString()
    $answer
}

function Get-RunningFilter {
    # The filters of the PolicyAgent. What netsh prints is kept compressed until it has ended.
    $answer = @{ rows = ''; count = 0; total = 0; truncated = $false; error = $null }
    $kept = [System.IO.MemoryStream]::new()
    $zip = [System.IO.Compression.GZipStream]::new($kept, [System.IO.Compression.CompressionMode]::Compress, $true)
    $program = $null
    try {
        $program = Start-Program -Command 'netsh.exe wfp show filters file=-' -Into $zip
        $done = Wait-Program -Program $program
        $zip.Dispose()
        # other programs print in the encoding of the host
        foreach ($encoding in [System.Text.UTF8Encoding]::new($false, $true), $program.encoding) {
            $kept.Position = 0
            $unzip = [System.IO.Compression.GZipStream]::new($kept, [System.IO.Compression.CompressionMode]::Decompress, $true)
            $text = [System.IO.StreamReader]::new($unzip, $encoding, $true)
            try {
                if ($done.code -eq 0) { return Read-Filter -Text $text }
                $first = [char[]]::new(1000)
                $answer.error = @{ reason = 'failed'; detail = [string]::new($first, 0, $text.ReadBlock($first, 0, 1000)).Trim() }
                return $answer
            }
            catch [System.Text.DecoderFallbackException] { continue }
        }
    }
    catch {
        # what is malformed ends the request
        if ($_.Exception.Data['reason']) { throw }
        $answer.error = Get-Missing -Problem $_
        return $answer
    }
    finally {
        if ($program) { Stop-Program -Program $program }
    }
}

function ConvertTo-AppliedText {
    # The lines of which the digest says whether a policy is applied. A line does not depend on the order of its conditions.
    param([string]$Rows)
    $lines = [System.Collections.Generic.HashSet[string]]::new()
    foreach ($row in $Rows.Split([char[]]"`n", [System.StringSplitOptions]::RemoveEmptyEntries)) {
        $fields = $row.Split(';')
        $conditions = $fields[8].Split('|')
        [System.Array]::Sort($conditions, [System.StringComparer]::Ordinal)
        $null = $lines.Add([string]::Join(';', @($fields[2], $fields[4], $fields[5], [string]::Join('|', $conditions))) + "`n")
    }
    $sorted = [string[]]@($lines)
    [System.Array]::Sort($sorted, [System.StringComparer]::Ordinal)
    [string]::Concat($sorted)
}

function Get-AuditSetting {
    # Whether the events about policies are audited, in the language of the host. Null if that is not known.
    $subcategory = '{0CCE9233-69AE-11D9-BED3-505054503030}'
    try { $done = Invoke-Program -Command "auditpol.exe /get /subcategory:$subcategory /r" } catch { return $null }
    $found = [regex]::Match($done.text, [regex]::Escape($subcategory) + ',("[^"]*"|[^",\r\n]*),', 'IgnoreCase')
    if ($done.code -ne 0 -or -not $found.Success) { return $null }
    $found.Groups[1].Value.Trim('"')
}

function Get-PolicyEvent {
    # The last events about policies, without their messages, which are in the language of the host.
    $answer = @{ rows = @(); audit = Get-AuditSetting; error = $null }
    $ids = '(EventID >= 5456 and EventID <= 5467) or (EventID >= 5471 and EventID <= 5474) or EventID = 5477'
    $query = "*[System[Provider[@Name='Microsoft-Windows-Security-Auditing'] and ($ids)]]"
    try {
        $records = @(Invoke-Limited -Command 'Get-WinEvent' -Parameter @{ LogName = 'Security'; FilterXPath = $query; MaxEvents = 50 } -First 50)
    }
    catch {
        if ($_.FullyQualifiedErrorId -notlike 'NoMatchingEventsFound*') { $answer.error = Get-Missing -Problem $_ }
        return $answer
    }
    $answer.rows = @(
        foreach ($record in $records) {
            $data, $name = @{}, $null
            $reader = Open-Xml -Text ([System.IO.StringReader]::new($record.ToXml()))
            while ($reader.Read()) {
                if ($reader.NodeType -eq [System.Xml.XmlNodeType]::Element) {
                    $name = if ($reader.LocalName -ceq 'Data') { $reader.GetAttribute('Name') }
                    if ($null -ne $name) { $data[$name] = '' }
                }
                elseif ($null -ne $name -and $reader.NodeType -ne [System.Xml.XmlNodeType]::EndElement) { $data[$name] += $reader.Value }
            }
            $time = [long][System.Math]::Floor(($record.TimeCreated.ToUniversalTime().Ticks - 621355968000000000) / 10000000)
            @{ id = $record.Id; time = $time; record = $record.RecordId; data = $data }
        })
    $answer
}

function Read-Class {
    # The instances of a CIM class: their properties with a value. ipsecData may hold keys, so no instance is an argument.
    param([string]$Namespace, [string]$Class, [int]$Most, [string[]]$Without)
    $answer = @{ rows = @(); truncated = $false; error = $script:Late[$Namespace] }
    if ($answer.error) { return $answer }
    try { $instances = @(Invoke-Limited -Command 'Get-CimInstance' -Parameter @{ Namespace = $Namespace; ClassName = $Class } -First ($Most + 1)) }
    catch {
        $answer.error = Get-Missing -Problem $_
        if ($answer.error.reason -eq 'timed_out') { $script:Late[$Namespace] = $answer.error }
        return $answer
    }
    $answer.truncated = $instances.Count -gt $Most
    $answer.rows = @(
        foreach ($instance in $instances[0..($Most - 1)]) {
            $row = @{}
            foreach ($property in $instance.CimInstanceProperties) {
                $value = $property.Value
                if ($null -eq $value -or $Without -contains $property.Name) { continue }
                if ($value -is [byte[]]) { $value = [System.Convert]::ToBase64String($value) }
                elseif ($value.PSObject.Properties['CimInstanceProperties']) {
                    $inner = @{}
                    foreach ($item in $value.CimInstanceProperties) { if ($null -ne $item.Value) { $inner[$item.Name] = $item.Value } }
                    $value = $inner
                }
                $row[$property.Name] = $value
            }
            $row
        })
    $answer
}

function Get-Association {
    # Security associations. Windows has classes for them since version 6.2.
    param([bool]$TooOld)
    $main, $quick = 'MSFT_NetMainModeSA', 'MSFT_NetQuickModeSA'
    $found = @{}
    foreach ($class in $main, $quick) {
        # values that Microsoft documents as ignored
        $ignored = 'AuthenticationMethod', 'LifetimeSeconds', 'LifetimeKilobytes', 'InitiatorCookie', 'ResponderCookie', 'IdleDurationSeconds'
        if ($class -eq $quick) { $ignored = @() }
        $found[$class] = @{ rows = @(); truncated = $false; error = @{ reason = 'too_old'; detail = '' } }
        if (-not $TooOld) { $found[$class] = Read-Class -Namespace 'root/StandardCimv2' -Class $class -Most $script:MostInstances -Without $ignored }
    }
    @{
        main_mode = $found[$main].rows
        quick_mode = $found[$quick].rows
        truncated = $found[$main].truncated -or $found[$quick].truncated
        errors = @{ $main = $found[$main].error; $quick = $found[$quick].error }
    }
}

function Get-CounterValue {
    # The values of performance counters.
    $answer = @{ classes = @{}; errors = @{} }
    foreach ($name in 'IPsecDriver', 'IPsecIKEv1IPv4', 'IPsecIKEv1IPv6', 'IPsecConnections', 'GenericIKEv1AuthIPandIKEv2') {
        $class = "Win32_PerfRawData_Counters_$name"
        $found = Read-Class -Namespace 'root/cimv2' -Class $class -Most 1
        foreach ($row in $found.rows) {
            $numbers = @{}
            foreach ($name in $row.Keys) { if ($row[$name] -is [System.ValueType]) { $numbers[$name] = $row[$name] } }
            $answer.classes[$class] = $numbers
        }
        if (-not ($found.error -or $found.rows)) { $found.error = @{ reason = 'failed'; detail = 'the class has no instance' } }
        $answer.errors[$class] = $found.error
    }
    $answer
}

function Get-ResultantPolicy {
    # The objects of the domain policy, as the resultant set of policy has them, and the names of their Group Policy objects.
    $found = Read-Class -Namespace 'root/RSOP/Computer' -Class 'RSOP_IPSECPolicySetting' -Most $script:MostObjects
    $answer = @{ objects = @($found.rows); gpos = @{}; error = $found.error }
    if ($found.truncated) {
        $answer.objects = @()
        $answer.error = @{ reason = 'failed'; detail = "there are more than $script:MostObjects objects" }
    }
    if ($answer.objects) {
        foreach ($row in (Read-Class -Namespace 'root/RSOP/Computer' -Class 'RSOP_GPO' -Most $script:MostObjects).rows) {
            $answer.gpos[[string]$row['id']] = [string]$row['name']
        }
    }
    $answer
}

Export-ModuleMember -Function ConvertTo-AppliedText, Get-Association, Get-CounterValue, Get-PolicyEvent, Get-ResultantPolicy, Get-RunningFilter
