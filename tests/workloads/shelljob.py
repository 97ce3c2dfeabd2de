"""shelljob.py DUMPER RESTORER: a shell on a pseudo terminal whose job is dumped and restored with --shell-job, from the same terminal."""
import os
import pty
import signal
import sys
import time

JOB = """
import os, time
n = 0
while not os.path.exists("finish"):
    n += 1
    with open("job.log", "a") as log:
        log.write("%d %d %d %d\\n" % (n, os.getpgrp(), os.tcgetpgrp(0), os.getsid(0)))
    time.sleep(0.01)
"""


def lines():
    return open("job.log").read().splitlines() if os.path.exists("job.log") else []


def until(holds):
    for _ in range(2000):
        if holds():
            return True
        time.sleep(0.01)
    return False


def foreground(program, *arguments):
    """Runs a program as a job in the foreground, as a shell does."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpgrp())
        os.execv(program, [program, *arguments])
    return child


def shell(dumper, restorer):
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.mkdir("images")
    job = foreground(sys.executable, "-c", JOB)
    until(lambda: len(lines()) > 5)
    os.tcsetpgrp(0, os.getpgrp())
    dump = os.waitpid(foreground(dumper, "dump", "-t", str(job), "-D", "images", "-o", "dump.log", "--shell-job"), 0)[1]
    os.waitpid(job, 0)
    before = len(lines())
    restore = os.waitpid(foreground(restorer, "restore", "-d", "-D", "images", "-o", "restore.log", "--shell-job"), 0)[1]
    went_on = until(lambda: len(lines()) > before + 5)
    now = lines()
    number, group, front, session = map(int, now[-1].split())
    print("job %d, dump %d, restore %d, in the foreground: %s, went on: %s" % (job, dump, restore, group == front == job and session == os.getsid(0), went_on and number == len(now)))
    for name in ("dump.log", "restore.log"):
        if dump or restore:
            print(open("images/" + name).read()[-1000:])
    open("finish", "w").close()
    until(lambda: not os.path.exists("/proc/%d" % job) or open("/proc/%d/stat" % job).read().split()[2] == "Z")


child, master = pty.fork()
if child == 0:
    shell(*sys.argv[1:])
    sys.exit()
while True:
    try:
        data = os.read(master, 4096)
    except OSError:
        break
    sys.stdout.write(data.decode())
sys.stdout.flush()
os.waitpid(child, 0)
