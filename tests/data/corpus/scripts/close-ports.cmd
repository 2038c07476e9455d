@echo off
rem ---------------------------------------------------------------
rem  Close the ports that worms use.   J. Miller, Aug 2003
rem  needs ipseccmd.exe from the Support Tools (ipsecpol on 2000)
rem ---------------------------------------------------------------
cls
echo Closing ports, please wait ...
net stop policyagent >nul 2>&1
net start policyagent >nul 2>&1

ipseccmd -w REG -p "Worm ports" -r "RPC"    -f *+0:135:TCP  *+0:135:UDP   -n BLOCK >nul 2>&1
ipseccmd -w REG -p "Worm ports" -r "NetBIOS" -f *+0:137:UDP *+0:138:UDP *+0:139:TCP -n BLOCK >nul 2>&1
ipseccmd -w REG -p "Worm ports" -r "SMB"    -f *+0:445:TCP  -n BLOCK > nul
:: SQL Slammer
ipseccmd -w REG -p "Worm ports" -r "SQL"    -f *+0:1434:UDP -n BLOCK >>%TEMP%\ipsec.log
ipseccmd -w REG -p "Worm ports" -x >nul

echo Done.
pause
