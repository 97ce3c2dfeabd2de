"""From start to first answer of an ASP.NET Core server on Kestrel: a cold start beside a restore, by our criu and by a reference, alternately and in a new order in each round.

    kestrel.py APP.dll OURS REFERENCE|'' [ROUNDS]

The server has answered once when it checkpoints itself at a request, with a criu of its own. A round of an engine: restore, ask until an answer comes, kill, reap.
Timed is from the spawn of `dotnet APP.dll` or of `criu restore` to the last byte of the first answer. Everything is started under this process, a subreaper, and ended by pid.
"""
import ctypes, os, random, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

APP, OURS, REFERENCE = sys.argv[1:4]
ROUNDS = int(sys.argv[4]) if len(sys.argv) > 4 else 20
ENGINES = {"ours": OURS} | ({"theirs": REFERENCE} if REFERENCE else {})
PR_SET_CHILD_SUBREAPER, CLONE_NEWNET, PORT, PATIENCE = 36, 0x40000000, 8080, 60


def main():
    libc = ctypes.CDLL(None)
    if libc.unshare(CLONE_NEWNET) != 0:
        sys.exit("unshare(CLONE_NEWNET) failed: run as root")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    folder = tempfile.mkdtemp(prefix="criu-bench-", dir="/dev/shm")
    try:
        images = {who: checkpoint(who, folder) for who in ENGINES}
        took = {"cold": []} | {who: [] for who in ENGINES}
        for _ in range(ROUNDS):
            for who in random.sample(list(took), len(took)):
                took[who].append(cold(OURS, folder)[0] if who == "cold" else restored(who, *images[who], folder))
        report(took, images)
    finally:
        shutil.rmtree(folder)


def report(took, images):
    print(f"{ROUNDS} rounds, ms: median (best)")
    for who, values in took.items():
        title = "cold start" if who == "cold" else f"restore, {who}"
        size = "" if who == "cold" else f"   {sum(os.path.getsize(os.path.join(images[who][0], f)) for f in os.listdir(images[who][0])) / (1 << 20):.0f} MiB of images"
        print(f"  {title:20}{statistics.median(values):10.1f} ({min(values):.1f})   {statistics.median(values) / statistics.median(took['cold']):.2f} of a cold start{size}")


def spawn(command, folder):
    with open(os.devnull, "r+b") as null, open(os.path.join(folder, "out"), "ab") as out:
        quiet = "dump" not in command and "restore" not in command
        return subprocess.Popen(command, stdin=null, stdout=null if quiet else out, stderr=null if quiet else out, cwd=folder, start_new_session=True,
                                env=os.environ | {"TMPDIR": folder})         # of its diagnostics socket


def cold(criu, folder, keep=False):
    began = time.perf_counter()
    server = spawn(["dotnet", APP, str(PORT), criu], folder)
    first = first_answer(began)
    if not keep:
        end(server.pid)
        server.returncode = 0
    return first, server.pid


def checkpoint(who, folder):
    """A server dumps itself and runs on; that one ends here."""
    images = os.path.join(folder, who)
    os.makedirs(images)
    _, pid = cold(ENGINES[who], folder, keep=True)
    answer = ask(f"POST /checkpoint?images={images}&leave=true")
    if "dumped" not in answer:
        sys.exit(f"{who}: {answer}")
    end(pid)
    return images, pid


def restored(who, images, pid, folder):
    began = time.perf_counter()
    engine = spawn([ENGINES[who], "restore", "-d", "-D", images, "--tcp-established", "-o", "restore.log"], folder)
    first = first_answer(began, engine, os.path.join(folder, "out"))
    engine.wait(PATIENCE)
    end(pid)
    return first


def first_answer(began, engine=None, out=None):
    while True:
        try:
            if ask("GET /"):
                return (time.perf_counter() - began) * 1000
        except OSError:
            pass
        if engine is not None and engine.poll() not in (None, 0):
            sys.exit(f"the restore failed: {open(out).read()[-2000:]}")
        if time.perf_counter() - began > PATIENCE:
            sys.exit("no answer")
        time.sleep(0.0005)


def ask(request):
    with socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE) as connection:
        connection.sendall(f"{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def end(pid):
    os.kill(pid, signal.SIGKILL)
    while os.path.isdir(f"/proc/{pid}"):
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
        time.sleep(0.001)


main()
