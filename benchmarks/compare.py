"""Whole dumps and restores of one workload after the other, by our criu and by a reference, alternately and in a new order in each round.

    compare.py WORKLOADS OURS REFERENCE|'' [ROUNDS] [CASE...]

A round of one engine: start the workload, dump it with its end, reap it (its pids must be free), restore it, see that it counts on, kill and reap it.
Timed are the two commands alone, from spawn to exit. Everything is started under this process, a subreaper, and ended by pid.
"""
import ctypes, os, random, shutil, signal, statistics, subprocess, sys, tempfile, threading, time

WORKLOADS, OURS, REFERENCE = sys.argv[1:4]
ENGINES = {"ours": OURS} | ({"theirs": REFERENCE} if REFERENCE else {})
PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 60                                               # seconds
MIB = 1 << 20


class Case:
    """What runs, how often relative to ROUNDS, and the log line by which it shows that it runs on."""
    def __init__(self, title, command, counter, share=1.0, is_large=False, options=()):
        self.title, self.command, self.counter, self.share, self.is_large, self.options = title, command, counter, share, is_large, options


CASES = {
    "tiny": Case("a static process", ["counter"], "count"),
    "tree": Case("50 processes", ["tree", "50"], "p0", 0.5),
    "threads": Case("64 threads", ["threads", "64"], "t0", 0.5),
    "connections": Case("200 TCP connections, both ends", ["connections", "200"], "round", 0.5, options=["--tcp-established", "--network-lock", "nftables"]),
    "memory": Case("1 GiB touched, to tmpfs", ["memory", "1171"], "pages", 0.25, is_large=True),      # a hole in every eighth page
}


def main():
    words = sys.argv[4:]
    rounds = int(words.pop(0)) if words and words[0].isdigit() else 20
    names = words or ["start", *CASES]
    for name in names:
        if name not in CASES and name != "start":
            sys.exit(f"There is no case {name}: start, {', '.join(CASES)}")
    own_network()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    folder = tempfile.mkdtemp(prefix="criu-bench-", dir="/dev/shm")
    try:
        print(f"{'':34}{'ours':>18}" + (f"{'theirs':>20}{'ratio':>8}" if REFERENCE else "") + "    median (best)", flush=True)
        for name in names:
            start_up(rounds) if name == "start" else compare(CASES[name], folder, max(2, round(rounds * CASES[name].share)))
    finally:
        end(descendants(os.getpid()))
        shutil.rmtree(folder)


def own_network():
    """Connections are held by tables of a network namespace: it shall not be the machine's."""
    CLONE_NEWNET = 0x40000000
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        sys.exit("unshare(CLONE_NEWNET) failed: run as root")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def start_up(rounds):
    """--version: what a command costs before it does anything."""
    took = {who: [] for who in ENGINES}
    for _ in range(4 * rounds):
        for who in shuffled():
            took[who].append(run([ENGINES[who], "--version"]))
    row("start-up (--version), ms", took)


def compare(case, folder, rounds):
    dumps, restores, rates_out, rates_in, sizes = ({who: [] for who in ENGINES} for _ in range(5))
    for _ in range(rounds):
        for who in shuffled():
            dump, restore, pages = one(case, who, os.path.join(folder, "run"), run)
            dumps[who].append(dump)
            restores[who].append(restore)
            rates_out[who].append(pages / MIB / dump * 1000)
            rates_in[who].append(pages / MIB / restore * 1000)
            sizes[who].append(pages / MIB)
    print(f"{case.title} ({' '.join(case.command)}), {rounds} rounds", flush=True)
    row("  dump, ms", dumps)
    row("  restore, ms", restores)
    if not case.is_large:
        return
    row("  pages written, MiB", sizes)
    row("  dump, MiB/s", rates_out, best=max)
    row("  restore, MiB/s", rates_in, best=max)
    peaks = {who: one(case, who, os.path.join(folder, "run"), peak) for who in ENGINES}
    row("  engine's VmHWM, dump, MiB", {who: [peaks[who][0]] for who in ENGINES})
    row("  engine's VmHWM, restore, MiB", {who: [peaks[who][1]] for who in ENGINES})


def shuffled():
    return random.sample(list(ENGINES), len(ENGINES))


def row(title, values, best=min):
    """Ratio below 1: ours takes less."""
    cells = [f"{statistics.median(v):.1f} ({best(v):.1f})" for v in values.values()]
    ratio = f"{statistics.median(values['ours']) / statistics.median(values['theirs']):8.2f}" if REFERENCE else ""
    print(f"{title:34}{cells[0]:>18}" + "".join(f"{c:>20}" for c in cells[1:]) + ratio, flush=True)


def one(case, who, folder, measure):
    """Starts, dumps, reaps, restores, ends. Answers what was measured of both commands, and the bytes of pages between them."""
    home, images = os.path.join(folder, "home"), os.path.join(folder, "images")
    os.makedirs(home)
    os.makedirs(images)
    log = os.path.join(home, "log")
    program = [os.path.join(WORKLOADS, case.command[0]), *case.command[1:]]
    root = subprocess.Popen([os.path.join(WORKLOADS, "launch"), home, "022", *program])
    try:
        until(lambda: last(log, case.counter) >= 2, f"{case.title} does not become ready", log)
        tree = [root.pid, *descendants(root.pid)]
        dump = measure(command(who, "dump", images) + ["-t", str(root.pid), *case.options])
        for pid in tree:
            reap(pid)
        root.returncode = 0
        counted = last(log, case.counter)
        pages = sum(os.path.getsize(os.path.join(images, f)) for f in os.listdir(images) if f.startswith("pages-"))
        restore = measure(command(who, "restore", images) + ["-d", *case.options])
        until(lambda: last(log, case.counter) > counted, f"{case.title} does not go on", log)
        if set(tree) != {root.pid, *descendants(root.pid)}:
            raise SystemExit(f"{case.title}: not every process is back after {who}: {set(tree) ^ {root.pid, *descendants(root.pid)}}")
        return dump, restore, pages
    finally:
        end([root.pid, *descendants(root.pid)])
        shutil.rmtree(folder)


def command(who, action, images):
    return [ENGINES[who], action, "--no-default-config", "-D", images, "-o", f"{action}.log"]


def run(argv):
    """Milliseconds from spawn to exit."""
    null = os.open(os.devnull, os.O_RDWR)
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in range(3)])
    _, status = os.waitpid(pid, 0)
    took = (time.perf_counter() - began) * 1000
    os.close(null)
    succeeded(argv, status)
    return took


def peak(argv):
    """VmHWM of the command, MiB: its last reading, as ru_maxrss would begin with the size of this process. Looking often costs time, so it is not timed."""
    null = os.open(os.devnull, os.O_RDWR)
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in range(3)])
    os.close(null)
    most = 0
    while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0:
        most = max(most, kib(pid, "VmHWM:") if same_program(pid, argv[0]) else 0)
        time.sleep(0.0002)
    succeeded(argv, ended[1])
    return most / 1024


def same_program(pid, program):
    """False before exec, when the memory is still ours."""
    try:
        return os.path.samefile(f"/proc/{pid}/exe", program)
    except OSError:
        return False


def kib(pid, field):
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith(field)), 0)
    except OSError:
        return 0


def succeeded(argv, status):
    if status == 0:
        return
    log = os.path.join(argv[argv.index("-D") + 1], argv[argv.index("-o") + 1]) if "-D" in argv else ""
    raise SystemExit(f"{' '.join(argv)} ended with {status:#x}\n{text(log)[-3000:]}")


def until(holds, otherwise, log):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline or "FAIL" in text(log):
            raise SystemExit(f"{otherwise}\n{text(log)[-1000:]}")
        time.sleep(0.01)


def last(log, counter):
    """The last number of a counter, 0 before its first."""
    lines = [line for line in text(log).split("\n")[:-1] if line.startswith(counter + " ")]
    return int(lines[-1].split()[1]) if lines else 0


def text(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def descendants(pid):
    found = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for tid in threads:
        for child in map(int, text(f"/proc/{pid}/task/{tid}/children").split()):
            found += [child, *descendants(child)]
    return found


def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for pid in pids:
        reap(pid)


def reap(pid):
    """The child of a parent that ended becomes ours a moment later. It must be gone: a zombie would keep its pid."""
    deadline = time.monotonic() + PATIENCE
    while os.path.exists(f"/proc/{pid}"):
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit(f"process {pid} does not end")
        time.sleep(0.001)


main()
