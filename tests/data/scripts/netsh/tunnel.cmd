rem Tunnel from the branch office to head office; two rules, one for each direction
netsh ipsec static delete policy "Old tunnel"
netsh ipsec static add policy Tunnel
netsh ipsec static add filterlist to-ho
netsh ipsec static add filter to-ho 192.168.7.0 10.0.0.0 srcmask=24 dstmask=8 mirrored=no
netsh ipsec static add filterlist from-ho
netsh ipsec static add filter from-ho 10.0.0.0 192.168.7.0 srcmask=8 dstmask=24 mirr=n
netsh ipsec static add filteraction name=Secure qmsec="ESP[3DES,SHA1]:0k/3600s" qmpfs=y
netsh ipsec static add rule name=out policy=Tunnel filterlist=to-ho filtera=Secure tunnel=203.0.113.1 psk=branch7
netsh ipsec static add rule name=in policy=Tunnel filterlist=from-ho filtera=Secure tunnel=198.51.100.20 psk=branch7
rem the key was changed in June
netsh ipsec static set rule name=in policy=Tunnel psk=branch7-june
netsh ipsec static set rule name=out policy=Tunnel psk=branch7-june conntype=all
netsh ipsec static add policy name=Spare assign=yes
netsh ipsec static set policy name=tunnel assign=yes
