#!/usr/bin/python3
"""Counts, keeps what it counted in several kinds of objects and in a file, and checks them against each other in each round."""
import os, threading, time

numbers, squares, texts = [], {}, []
file = open("numbers", "a+", buffering=1)
lock = threading.Lock()


def helper():
    while not os.path.exists("finish"):
        with lock:
            texts.append(str(len(texts)))
        time.sleep(0.005)


def check():
    file.seek(0)
    assert [int(line) for line in file] == numbers == list(range(1, len(numbers) + 1))
    assert all(squares[n] == n * n for n in numbers)
    with lock:
        assert texts == [str(n) for n in range(len(texts))]


thread = threading.Thread(target=helper)
thread.start()
print("ready", flush=True)
while not os.path.exists("finish"):
    n = len(numbers) + 1
    numbers.append(n)
    squares[n] = n * n
    print(n, file=file)
    if n % 10 == 0:
        check()
    print("count", n, flush=True)
    time.sleep(0.005)
thread.join()
check()
print("done", flush=True)
