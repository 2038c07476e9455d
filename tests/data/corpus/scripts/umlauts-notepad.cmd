@echo off
rem Für Zürich, 4 € pro Monat
set RICHTLINIE=Zürich – Büro
ipseccmd -w REG -p "%RICHTLINIE%" -r "Überall blocken" -f 0+192.0.2.51 -n BLOCK
