@ECHO OFF
:: Server isolation, lab. DO NOT USE THIS KEY IN PRODUCTION
:: the database servers only talk to the web servers, secured

%windir%\system32\netsh.exe ipsec static add policy name="Server Isolation" description="DB tier" mmpfs=no qmpermm=0 mmlifetime=480 activatedefaultrule=no pollinginterval=180 assign=no mmsecmethods="3DES-SHA1-3 3DES-SHA1-2 3DES-MD5-2"

netsh ipsec static add filterlist name="SQL from web tier" description="1433 in"
netsh ipsec static add filter filterlist="SQL from web tier" srcaddr=10.1.1.0 dstaddr=me description="web tier" protocol=TCP mirrored=yes srcmask=255.255.255.0 dstmask=255.255.255.255 srcport=0 dstport=1433
netsh ipsec static add filter filterlist="SQL from web tier" srcaddr=10.1.2.0 dstaddr=me protocol=TCP srcmask=24 dstport=1433

netsh ipsec static add filteraction name="Require ESP" description="ESP or nothing" qmpfs=yes inpass=no soft=no action=negotiate qmsecmethods="ESP[3DES,SHA1]:100000k/3600s ESP[3DES,MD5]:100000k/900s"
netsh ipsec static add rule name="SQL secured" policy="Server Isolation" filterlist="SQL from web tier" filteraction="Require ESP" kerberos=no psk="Correct horse; battery=staple" conntype=lan

netsh ipsec static add filterlist name="Everything"
netsh ipsec static add filter filterlist="Everything" srcaddr=any dstaddr=me
netsh ipsec static add filteraction name="Request" inpass=yes soft=yes action=negotiate qmsecmethods="AH[SHA1]+ESP[DES,None] AH[MD5]"
netsh ipsec static add rule name="All others" policy="Server Isolation" filterlist="Everything" filteraction="Request" kerberos=yes rootca="C=US,O=Corp,CN=\'Corp Root, G2\' certmap:no excludecaname:no" activate=no

netsh ipsec static set defaultrule policy="Server Isolation" activate=no qmsecmethods="ESP[3DES,SHA1]" kerberos=yes

:: one list, two rules: DNS and time stay in the clear
netsh ipsec static add filterlist name=Infrastructure
netsh ipsec static add filteraction name=Clear action=permit
netsh ipsec static add rule name=Infrastructure policy="Server Isolation" filterlist=Infrastructure filteraction=Clear
netsh ipsec static add filter filterlist=Infrastructure srcaddr=me dstaddr=DNS protocol=UDP dstport=53
netsh ipsec static add filter filterlist=Infrastructure srcaddr=me dstaddr=10.1.0.123 protocol=UDP srcport=123 dstport=123
netsh ipsec static add filter filterlist=Infrastructure srcaddr=me dstaddr=any protocol=ICMP

netsh ipsec static set policy name="Server Isolation" newname="Isolation (lab)" assign=yes
