@echo off
rem   main office 10.1.x.x -- 203.0.113.1 ==== 203.0.113.2 -- 10.2.x.x branch
set HERE=10.1.*.*
set THERE=10.2.*.*
set P=-w REG -p "Branch office"
set M=-n esp[3des,sha] -a p:"between us"
ipseccmd %P% -r "To branch"   -f %HERE%=%THERE% -t 203.0.113.2 %M%
ipseccmd %P% -r "From branch" -f %THERE%=%HERE% -t 203.0.113.1 %M% -x
if errorlevel 1 echo That did not work.
