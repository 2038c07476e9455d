@echo off & title Server isolation
set POLICY=SQL isolation
set KEY=Pa55 "phrase"
set "CLIENTS=192.168.10.0/255.255.255.0"
set METHODS=esp[3des,sha]3600S/50000KPFS ah[sha]

ipseccmd -w REG -p "%POLICY%":30 -r "Clients" -f %CLIENTS%+0:1433:TCP -n %METHODS% -a c:"CN=Corp Root CA, O=Corp" k -1s 3des-sha-2 -1k 5Q/3600S -1p
ipseccmd -w REG -p "%POLICY%" -r "Cluster" -f 0+192.168.20.2 -a p:"%KEY%" -soft
ipseccmd -w REG -p "%POLICY%" -r "Domain controllers" -f 0+192.168.1.2 0+192.168.1.3 -n PASS & ipseccmd -w REG -p "%POLICY%" -r "ICMP" -f 0+*::ICMP -n PASS
ipseccmd -w REG -p "%policy%" -r "Backup" -f 192.168.30.*+0 -n INPASS -lan -x
