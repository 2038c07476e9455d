@echo off
setlocal
rem closes ports, and keeps a log
set LOG=close-ports.log
set "POLICY=Close ports"
echo %DATE% start >%LOG%

for %%p in (135 137,138 139;445) do (
    echo closing %%p >>%LOG%
    ipseccmd -w REG -p "%POLICY%" -r "Port %%p" -f *+0:%%p:TCP -n BLOCK >>%LOG% 2>&1
    ipseccmd -w REG -p "%POLICY%" -r "Port %%p" -f *+0:%%p:TCP *+0:%%p:UDP -n BLOCK>>%LOG%
)
ipseccmd -w REG -p "%POLICY%" -x && echo assigned >>%LOG%
if errorlevel 1 echo failed >>%LOG%
endlocal
