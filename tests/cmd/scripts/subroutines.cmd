@echo off
set P=Servers
call :close 445 TCP
call :close 1434 UDP
ipseccmd -w REG -p "%P%" -x
goto :eof

:close
rem %1 is the port, %2 the protocol
ipseccmd -w REG -p "%P%" -r "%2 %1" -f *+0:%1:%2 -n BLOCK
exit /b 0
