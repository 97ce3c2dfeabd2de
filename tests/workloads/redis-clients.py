#!/usr/bin/python3
"""redis-clients.py PORT CLIENTS FOLDER: so many clients of a redis server, each with a connection of its own. Each sets, gets and compares values of its own, and counts in the server; requests go out
in batches. FOLDER/progress has the least and the whole number of rounds; whatever is not as it should be ends it with an error. A file FOLDER/finish ends it in good order."""
import asyncio, os, random, sys

PORT, CLIENTS, FOLDER = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rounds = [0] * CLIENTS


def request(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


async def answer(reader):
    line = (await reader.readuntil(b"\r\n"))[:-2]
    if line[:1] == b"$":
        return (await reader.readexactly(int(line[1:]) + 2))[:-2] if line != b"$-1" else None
    assert line[:1] in (b"+", b":"), line
    return line[1:] if line[:1] == b"+" else int(line[1:])


def finishing():
    return os.path.exists(FOLDER + "/finish")


async def client(number):
    chance, key, counter = random.Random(number), b"key%d" % number, b"counter%d" % number
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    while not finishing():
        value = chance.randbytes(chance.choice([1, 100, 5000]))
        writer.write(request(b"SET", key, value) + request(b"INCR", counter))
        await writer.drain()
        assert await answer(reader) == b"OK"
        assert await answer(reader) == rounds[number] + 1
        writer.write(request(b"GET", key))
        assert await answer(reader) == value
        rounds[number] += 1
        await asyncio.sleep(0.002)
    writer.write(request(b"GET", counter))
    assert int(await answer(reader)) == rounds[number]
    writer.close()


async def report():
    while not finishing():
        with open(FOLDER + "/progress.new", "w") as file:
            file.write(f"{min(rounds)} {sum(rounds)}\n")
        os.rename(FOLDER + "/progress.new", FOLDER + "/progress")
        await asyncio.sleep(0.02)


async def main():
    await asyncio.gather(report(), *(client(number) for number in range(CLIENTS)))


asyncio.run(main())
