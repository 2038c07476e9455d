@ECHO OFF
SET MODE=strict
IF /I "%MODE%"=="STRICT" (
    SET LIST=10.1.0.0 10.2.0.0
    netsh ipsec static add policy name="Strict" assign=no
) ELSE (
    SET LIST=10.0.0.0
    netsh ipsec static add policy name="Loose" assign=no
)
netsh ipsec static add filterlist name=Hosts
FOR %%A IN (%LIST%) DO netsh ipsec static add filter filterlist=Hosts srcaddr=me dstaddr=%%A dstmask=16
IF NOT DEFINED NOTHING netsh ipsec static add filteraction name=Deny action=block
IF EXIST missing.txt GOTO end
netsh ipsec static add rule name=Hosts policy=Strict filterlist=Hosts filteraction=Deny
:end
netsh ipsec static set policy name=Strict assign=y
