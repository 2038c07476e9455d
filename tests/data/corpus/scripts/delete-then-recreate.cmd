@echo off
:: start from nothing
ipseccmd -w REG -p "Server hardening" -y
ipseccmd -w REG -p "Server hardening" -o
:: and make it anew
ipseccmd -w REG -p "Server hardening":60 -r "Permit admins" -f 192.0.2.0/255.255.255.0+0:3389:TCP -n PASS
ipseccmd -w REG -p "Server hardening" -r "Block RDP" -f *+0:3389:TCP -n BLOCK
ipseccmd -w REG -p "Server hardening" -x
