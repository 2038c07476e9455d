@echo off
rem lists and answers in one file
for /f "tokens=1,2 delims=," %%a in ("445,TCP") do ipseccmd -w REG -p "P" -r "%%a" -f *+0:%%a:%%b -n BLOCK
for /l %%i in (1,1,3) do ipseccmd -w REG -p "P" -r "Net %%i" -f 0+10.%%i.*.* -n BLOCK
set A=secret,one
ipseccmd -w REG -p "P" -r "S" -f 0+192.0.2.1 -a p:"%A:,=;%" k
ipseccmd -w REG -p "P" -r "T" -f 0+192.0.2.2 -a p:"%A:~0,6%" 2>nul
echo y | ipseccmd -w REG -p "Old" -o
type nul | netsh ipsec static delete policy name="Older" & echo done
:: the end
ipseccmd ^
-w REG ^
-p "P" ^
-y
