@echo off
ipseccmd -u
ipseccmd -w REG -p "Desktops" -r "Telnet" -f *+0:23:TCP -n BLOCK
if "%1"=="strict" ipseccmd -w REG -p "Desktops" -r "FTP" -f *+0:21:TCP -n BLOCK
set /p WHO=Which host shall be blocked? 
ipseccmd -w REG -p "Desktops" -r "%WHO%" -f 0+%WHO% -n BLOCK
for /f %%i in (hosts.txt) do ipseccmd -w REG -p "Desktops" -r "%%i" -f 0+%%i -n BLOCK
ipseccmd show policies > policies.txt
netsh ipsec static set policy name="Desktops" assign=y
ipseccmd -w REG -p "Desktops" -x
goto end
ipseccmd -w REG -p "Desktops" -o
:end
