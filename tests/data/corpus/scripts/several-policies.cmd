@echo off
rem three states of the lab; "open" is what it comes up with
ipseccmd -w REG -p "Lab open"   -r "ICMP"   -f 0+*::ICMP -n PASS
ipseccmd -w REG -p "Lab closed":10 -r "All" -f 0+* -n BLOCK
ipseccmd -w REG -p "Lab closed" -r "Console" -f 192.0.2.5+0:3389:TCP -n PASS
ipseccmd -w REG -p "Lab closed" -x
ipseccmd -w REG -p "Lab secure" -r "All" -f 0+* -a p:"lab key" -n esp[3des,sha]
ipseccmd -w REG -p "Lab secure" -f default -a p:"lab key"
ipseccmd -w REG -p "Lab gone"   -r "All" -f 0+* -n BLOCK
ipseccmd -w REG -p "Lab gone"   -r "All" -o
ipseccmd -w REG -p "Lab open"   -x
