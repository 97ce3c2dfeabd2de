"""The other end of a connection under test. Commands come by standard input, one a line; each is answered by one line, "ok ..." or what is wrong.

Bytes follow a sequence that both ends know, so that a lost, doubled or changed one shows.
"""
import random
import socket
import struct
import sys
import threading

RANDOM = random.Random(7)
BLOCK = bytes(RANDOM.randrange(256) for _ in range(65521))
TCP_INFO = 11


def sequence(start, count):
    return bytes(BLOCK[i % len(BLOCK)] for i in range(start, start + count))


class Peer:
    def __init__(self):
        self.each = []

    def listen(self, family, address):
        self.sent = self.received = 0
        self.sender = None
        self.listener = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET)
        self.listener.bind((address, 0))
        self.listener.listen(1024)
        return str(self.listener.getsockname()[1])

    def small(self):
        """A receive window that is soon full."""
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def accept(self):
        self.socket, _ = self.listener.accept()
        self.socket.settimeout(60)

    def connect(self, family, address, port):
        self.socket = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET)
        self.socket.settimeout(60)
        self.socket.connect((address, int(port)))

    def mark(self, mark):
        """What it sends passes a lock that holds what it should receive."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(mark))

    def many(self, count):
        self.all = [self.listener.accept()[0] for _ in range(int(count))]

    def echo_many(self):
        """Each of many gets a line and answers it."""
        for one in self.all:
            one.settimeout(60)
            line = one.recv(100)
            one.sendall(line)

    def accept_more(self, count):
        """Of thousands. Both streams of each begin at the place in the sequence that the port of the other end names."""
        for _ in range(int(count)):
            one, (_, port) = self.listener.accept()
            one.settimeout(60)
            self.each.append([one, port, port])

    def send_each(self, count):
        for one in self.each:
            one[0].sendall(sequence(one[1], int(count)))
            one[1] += int(count)

    def read_each(self, count):
        for one in self.each:
            wanted = sequence(one[2], int(count))
            got = b""
            while len(got) < len(wanted):
                data = one[0].recv(len(wanted) - len(got))
                if not data:
                    raise AssertionError(f"the stream of port {one[0].getpeername()[1]} ends after {len(got)} bytes")
                got += data
            if got != wanted:
                raise AssertionError(f"the bytes of port {one[0].getpeername()[1]} are wrong")
            one[2] += len(wanted)

    def eof_each(self):
        """Nothing more came, and no reset."""
        for one, _, _ in self.each:
            if one.recv(1):
                raise AssertionError(f"there is more from port {one.getpeername()[1]}")

    def send(self, count):
        """In the background: it may have to wait for a window."""
        data = sequence(self.sent, int(count))
        self.sent += len(data)
        before = self.sender
        def work():
            if before:
                before.join()
            self.socket.sendall(data)
        self.sender = threading.Thread(target=work, daemon=True)
        self.sender.start()

    def flush(self):
        if self.sender:
            self.sender.join(60)
            if self.sender.is_alive():
                raise AssertionError("sending does not end")

    def read(self, count):
        left = int(count)
        while left:
            data = self.socket.recv(min(left, 1 << 20))
            if not data:
                raise AssertionError(f"the stream ends {left} bytes early, at {self.received}")
            for byte in data:
                if byte != BLOCK[self.received % len(BLOCK)]:
                    raise AssertionError(f"byte {self.received} is wrong")
                self.received += 1
            left -= len(data)

    def eof(self):
        if self.socket.recv(1):
            raise AssertionError("there is more")

    def shut(self):
        self.flush()
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def state(self):
        return str(self.socket.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 1)[0])


def main():
    peer = Peer()
    for line in sys.stdin:
        name, *arguments = line.split()
        try:
            answer = getattr(peer, name)(*arguments)
            print("ok", answer or "", flush=True)
        except Exception as e:
            print(f"{name}: {type(e).__name__}: {e}", flush=True)


main()
