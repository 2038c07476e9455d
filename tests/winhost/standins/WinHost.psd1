# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
@{
    RootModule = 'StandIns.dll'
    ModuleVersion = '1.0'
    GUID = '3f4b7a8e-0d0f-4b0c-9d6c-6a1f0d1c2b3a'
    FunctionsToExport = @()
    AliasesToExport = @()
    CmdletsToExport = @('Set-Service', 'Start-Service', 'Restart-Service', 'Register-ScheduledTask', 'Get-CimInstance', 'Get-WinEvent')
}
