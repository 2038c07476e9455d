@echo off
ipseccmd -w REG -p "Image" -r "Telnet" -f *+0:23:TCP -n BLOCK
ipseccmd -w REG -p "Image" -r "Telnet" -f *+0:23:TCP *+0:2323:TCP
ipseccmd -w REG -p "Image" -r "Server" -f 0+192.0.2.8 -n esp[3des,sha] -1k 3600S
