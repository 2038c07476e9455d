# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

# The network of the host: addresses of names and interfaces, its own addresses, its servers, its connections.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Resolve-HostName {
    param([string[]]$Name)
    $found = @{}
    foreach ($item in $Name) {
        $addresses = @()
        try {
            $addresses = @([System.Net.Dns]::GetHostAddresses($item) | ForEach-Object { $_.ToString() })
        }
        catch {
            # a name that cannot be resolved has no address; the controller reports it
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
    # The connections to the port on which this request arrived.
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

function Get-LocalAddress {
    # The addresses that a host fills in for the special addresses of filters, by their names.
    $found = @{ me = @(); dns = @(); wins = @(); dhcp = @(); gateway = @() }
    foreach ($interface in [System.Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces()) {
        $properties = $interface.GetIPProperties()
        foreach ($unicast in $properties.UnicastAddresses) { $found.me += $unicast.Address.ToString() }
        foreach ($gateway in $properties.GatewayAddresses) { $found.gateway += $gateway.Address.ToString() }
        foreach ($address in $properties.DnsAddresses) { $found.dns += $address.ToString() }
        foreach ($address in $properties.WinsServersAddresses) { $found.wins += $address.ToString() }
        foreach ($address in $properties.DhcpServerAddresses) { $found.dhcp += $address.ToString() }
    }
    $found
}

Export-ModuleMember -Function Get-Connection, Get-LocalAddress, Resolve-HostName, Resolve-Interface
