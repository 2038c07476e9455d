@echo off
rem Prüft nichts, schließt nur: für die Außenstelle Köln
echo Schließe Ports für Köln ...
ipseccmd -w REG -p "Außenstelle Köln" -r "Dateifreigabe schließen" -f *+0:445:TCP -n BLOCK
ipseccmd -w REG -p "Außenstelle Köln" -r "Schlüssel" -f 0+192.0.2.50 -a p:"süß & geheim"
