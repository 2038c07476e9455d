@ECHO OFF
REM block addresses of the weekly report, one rule each
SET POL=Weekly block list
FOR %%A IN (192.0.2.15 192.0.2.201 198.51.100.3,198.51.100.4;203.0.113.77) DO ipseccmd -w REG -p "%POL%" -r "Block %%A" -f 0+%%A -n BLOCK
ipseccmd -w REG -p "%POL%" -x
