"""Runs a command; writes how it ended and the most memory that it held: measure.py REPORT COMMAND...

A process is charged with what its parent held when it began, so the parent is this small one.
"""

import os
import sys

report, *command = sys.argv[1:]
child = os.posix_spawn(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)
with open(report, "w") as out:
    out.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss * 1024}\n")
