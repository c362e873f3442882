"""The commands `speechgru model ...`."""

HELP = "Models: list, fetch, remove, average, calibrate"
ELSEWHERE = {"info": "speechgru inspect MODEL", "show": "speechgru inspect MODEL"}
