@echo off
rem  Close the worm ports on all servers. Run as administrator.
rem  2004-09 first version; 2011-03 RDP only from the admin network

:: start from a clean state
netsh ipsec static delete policy name="Close Ports" >nul 2>&1
netsh ipsec static delete filterlist name=Worms >nul 2>&1
netsh ipsec static delete filteraction name=Deny >nul 2>&1

netsh ipsec static set store location=local
netsh ipsec static add policy name="Close Ports" description="worm ports closed by script" activatedefaultrule=no pollinginterval=60

netsh ipsec static add filterlist name=Worms desc="ports the worms use"
netsh ipsec static add filter filterlist=Worms srcaddr=any dstaddr=me protocol=TCP dstport=135 desc="RPC"
netsh ipsec static add filter filterlist=Worms srcaddr=any dstaddr=Me protocol=udp dstport=135
netsh ipsec static add filter filterlist=Worms srcaddr=any dstaddr=Me dstport=139 protocol=TCP
netsh ipsec static add filter filterlist=Worms srcaddr=any dstaddr=Me dstport=445 protocol=TCP mirrored=yes
netsh ipsec static add filter filterlist=Worms srcaddr=any dstaddr=Me dstport=137-138 protocol=UDP srcport=0

netsh ipsec static add filteraction name=Permit action=permit
netsh ipsec static add filteraction name=Deny action=block

netsh ipsec static add rule name="Block worms" policy="Close Ports" filterlist=Worms filteraction=Deny activate=yes

REM --- remote desktop from the admin network only
netsh ipsec static add filterlist name="RDP all"
netsh ipsec static add filter filterlist="RDP all" srcaddr=any dstaddr=me protocol=TCP dstport=3389
netsh ipsec static add filterlist name="RDP admins"
netsh ipsec static add filter filterlist="RDP admins" srcaddr=10.20.30.0 srcmask=255.255.255.0 dstaddr=me protocol=TCP dstport=3389
netsh ipsec static add filter filterlist="RDP admins" srcaddr=10.20.31.7 dstaddr=me protocol=TCP dstport=3389
netsh ipsec static add rule name="RDP closed" policy="Close Ports" filterlist="RDP all" filteraction=Deny
netsh ipsec static add rule name="RDP admins" policy="Close Ports" filterlist="RDP admins" filteraction=Permit desc="see ticket 4711"

netsh ipsec static set policy name="Close Ports" assign=y
