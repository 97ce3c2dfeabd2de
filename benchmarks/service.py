"""Requests a second of one service: VERSION over a new connection each, VERSION over one connection, and dumps of a tiny process that runs on.

    service.py WORKLOADS OURS [REFERENCE] [ROUNDS]

The services take turns, ROUNDS times (5); printed are medians, and the memory of ours before and after all of its VERSION requests. Everything is ended by pid.
"""
import os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

VERSIONS, DUMPS = 1000, 20
VERSION, VERSION_KEEP_OPEN = bytes([8, 10]), bytes([8, 10, 0x20, 1])          # criu_req { type, keep_open }


def main():
    workloads, ours, *rest = sys.argv[1:]
    rounds = int(rest.pop()) if rest and rest[-1].isdigit() else 5
    engines = {"ours": ours} | ({"theirs": rest[0]} if rest and rest[0] else {})
    folder = tempfile.mkdtemp(prefix="criu-service-", dir="/dev/shm")
    started = []
    try:
        services = {who: start(binary, os.path.join(folder, who), started) for who, binary in engines.items()}
        target = subprocess.Popen([os.path.join(os.path.abspath(workloads), "counter")], cwd=folder, start_new_session=True, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(target)
        measure(services, target.pid, folder, rounds)
    finally:
        for process in started:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder)


def start(binary, folder, started):
    os.mkdir(folder)
    path = os.path.join(folder, "socket")
    service = subprocess.Popen([binary, "service", "--address", path, "-W", folder, "-o", "service.log"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    started.append(service)
    while True:
        try:
            connect(path).close()
            return path, service.pid
        except OSError:
            time.sleep(0.01)


def measure(services, pid, folder, rounds):
    cases = [("VERSION, a connection each", VERSIONS, lambda path, n: [ask(path, VERSION) for _ in range(n)]), ("VERSION, one connection", VERSIONS, ask_one_connection),
             ("dumps of a tiny process", DUMPS, lambda path, n: [dump(path, pid, folder) for _ in range(n)])]
    before = {}
    for title, count, work in cases:
        rates = {who: [] for who in services}
        for _ in range(rounds + 1):
            for who, (path, service) in services.items():
                start = time.perf_counter()
                work(path, count)
                rates[who].append(count / (time.perf_counter() - start))
                before.setdefault(who, memory(service))
        medians = {who: statistics.median(values[1:]) for who, values in rates.items()}
        ratio = f"{medians['ours'] / medians['theirs']:8.2f}" if "theirs" in medians else ""
        print(f"{title + ', per second':44}" + "".join(f"{who:>8} {medians[who]:8.0f}" for who in medians) + ratio, flush=True)
    print(f"memory of our service after the first {VERSIONS} requests and at the end: {before['ours'] // 1024} and {memory(services['ours'][1]) // 1024} MiB")


def connect(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(path)
    return connection


def ask(path, request):
    with connect(path) as connection:
        connection.send(request)
        return demand(connection.recv(65536))


def ask_one_connection(path, count):
    with connect(path) as connection:
        for _ in range(count):
            connection.send(VERSION_KEEP_OPEN)
            demand(connection.recv(65536))


def dump(path, pid, folder):
    images = os.path.join(folder, "images")
    shutil.rmtree(images, ignore_errors=True)
    os.mkdir(images)
    fd = os.open(images, os.O_DIRECTORY)
    try:
        opts = bytes([0x08]) + varint(fd) + bytes([0x10]) + varint(pid) + bytes([0x18, 1])        # images_dir_fd, pid, leave_running
        ask(path, bytes([8, 1, 0x12, len(opts)]) + opts)
    finally:
        os.close(fd)


def demand(answer):
    if bytes([0x10, 1]) not in answer[:4]:
        sys.exit(f"The service says no: {answer!r}")
    return answer


def varint(number):
    encoded = b""
    while number > 0x7f:
        encoded, number = encoded + bytes([number & 0x7f | 0x80]), number >> 7
    return encoded + bytes([number])


def memory(pid):
    """VmRSS in KiB."""
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))


main()
