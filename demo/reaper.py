#!/usr/bin/python3
"""reaper.py COMMAND...: runs a command and reaps whatever it leaves behind, as an init would: a dumped process whose zombie
stays could not be restored under its pid."""
import ctypes, os, subprocess, sys

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
command = subprocess.Popen(sys.argv[1:]).pid
while True:
    pid, status = os.wait()
    if pid == command:
        sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
