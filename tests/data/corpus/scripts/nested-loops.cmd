@echo off
setlocal
set IPSEC="%ProgramFiles%\Support Tools\ipseccmd.exe"
set OPT=-w REG -p "Ports"

rem web servers may be reached, everything else of these protocols may not
for %%p in (TCP UDP) do (
    echo protocol %%p
    for %%n in (21 23 69) do (
        ipseccmd %OPT% -r "%%p %%n in" -f *=0:%%n:%%p -n BLOCK
    )
)
for /l %%n in (6881,2,6885) do @ipseccmd %OPT% -r "Torrent %%n" -f 0+*:%%n:TCP -n block
endlocal
