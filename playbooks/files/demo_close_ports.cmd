@echo off
rem Closes the ports of Windows networking
set POLICY=Closed ports

ipseccmd -w REG -p "%POLICY%" -o >nul 2>&1
for %%p in (135 139 445) do (
  ipseccmd -w REG -p "%POLICY%" -r "Block TCP %%p" ^
    -f *+0:%%p:TCP -n BLOCK >nul
)
ipseccmd -w REG -p "%POLICY%" -x
echo done
