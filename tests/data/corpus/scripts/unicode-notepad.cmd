@echo off
rem Saved as "Unicode"
ipseccmd -w REG -p "Защита" -r "Закрыть RDP" -f *+0:3389:TCP -n BLOCK -x
