@rem Windows 2000: ipsecpol from the Resource Kit
@rem see http://support.microsoft.com/?kbid=813878
@cd /d %~dp0
@ipsecpol.exe -w REG -p "Block TCP 80 Filter" -r "Block Inbound TCP 80 Rule" -f *=0:80:TCP -n BLOCK -x
@ipsecpol.exe -w REG -p "Block TCP 80 Filter" -r "Block Outbound TCP 80 Rule" -f 0=*:80:TCP -n BLOCK
@echo.
@echo To undo: ipsecpol -w REG -p "Block TCP 80 Filter" -o
@pause
