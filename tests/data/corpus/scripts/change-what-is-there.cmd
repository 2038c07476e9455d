@echo off
rem the policy comes with the image; here only what differs on laptops
ipseccmd -w REG -p "Image":240 -r "File sharing" -n BLOCK
ipseccmd -w REG -p "Image" -r "VPN" -f 0+198.51.100.1:500:UDP -n PASS -dialup
ipseccmd -w REG -p "Image" -r "VPN" -lan
