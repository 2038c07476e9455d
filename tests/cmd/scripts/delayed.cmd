@echo off
setlocal EnableDelayedExpansion
set N=0
set RULES=
for %%a in (192.0.2.1 192.0.2.2 192.0.2.3) do (
    set /a N+=1
    set RULES=!RULES! 0+%%a
    ipseccmd -w REG -p "Block" -r "Host !N!" -f 0+%%a -n BLOCK
)
ipseccmd -w REG -p "Block" -r "All" -f%RULES% -n BLOCK
endlocal
ipseccmd -w REG -p "Block" -r "End" -f 0+192.0.2.9 -n BLOCK
