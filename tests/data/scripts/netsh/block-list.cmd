REM ====================================================
REM   bad guys from the mail server's log
REM ====================================================
netsh ipsec static add policy name=bim
netsh ipsec static add filteraction name=denyact action=block

netsh ipsec static add filter filterlist=denyip srcaddr=202.101.172.35 dstaddr=Me
netsh ipsec static add filter filterlist=denyip srcaddr=61.153.155.0 srcmask=24 dstaddr=Me dstport=25 protocol=TCP
netsh ipsec static add filter filterlist=denyip srcaddr=218.64.0.1 srcmask=255.255.0.0 dstaddr=Me
netsh ipsec static add filter filterlist=denyip srcaddr=203.0.113.10-203.0.113.40 dstaddr=Me
netsh ipsec static add filter filterlist=denyip srcaddr=2001:db8:66:: srcmask=48 dstaddr=me
netsh ipsec static add filter filterlist=denyip srcaddr=198.51.100.7 dstaddr=Me mirrored=no
netsh ipsec static add filter filterlist=denyip srcaddr=198.51.100.8 dstaddr=Me

netsh ipsec static add rule name=kill policy=bim filterlist=denyip filteraction=denyact
netsh ipsec static set policy name=bim assign=y

REM .8 was a mistake, .9 is the one
netsh ipsec static delete filter filterlist=denyip srcaddr=198.51.100.8 dstaddr=Me
netsh ipsec static add filter filterlist=denyip srcaddr=198.51.100.9 dstaddr=Me desc="added 12 May"
netsh ipsec static show policy name=bim level=verbose
