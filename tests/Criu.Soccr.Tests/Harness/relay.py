"""A long line: two TUN devices, r0 and r1, made in the caller's network namespace; what is sent into one leaves the other MILLISECONDS later. End of input ends it."""
import collections
import fcntl
import os
import struct
import sys
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


def device(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def carry(source, target, delay):
    waiting, some = collections.deque(), threading.Semaphore(0)

    def read():
        while True:
            try:
                packet = os.read(source, 65536)
            except OSError:
                time.sleep(0.01)        # the device is not up yet, or on its way to its namespace
                continue
            waiting.append((time.monotonic() + delay, packet))
            some.release()

    def write():
        while True:
            some.acquire()
            due, packet = waiting.popleft()
            time.sleep(max(0, due - time.monotonic()))
            try:
                os.write(target, packet)
            except OSError:
                pass

    for work in read, write:
        threading.Thread(target=work, daemon=True).start()


def main():
    delay = int(sys.argv[1]) / 1000
    a, b = device("r0"), device("r1")
    carry(a, b, delay)
    carry(b, a, delay)
    print("ok", flush=True)
    sys.stdin.read()


main()
