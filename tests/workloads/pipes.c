/* Pipes in every state: with contents, full and non-blocking, both ends in different processes, an end whose other end is closed,
   one shared by parent and child, one with a size of its own, a FIFO; "pipes packets" has packets as well. A child is a ring's other
   half: numbers go round. */
#include "workload.h"

static int filled[2], full[2], to[2], from[2], orphan[2], big[2], packets[2], fifo;
static long room;
static int with_packets;

static void child(void)
{
	long n;
	close(to[1]);
	close(from[0]);
	while (read(to[0], &n, sizeof n) == sizeof n)
		CHECK(write(from[1], &n, sizeof n) == sizeof n);
	_exit(0);
}

static void set_up(void)
{
	char block[4096] = "x";
	CHECK(pipe(filled) == 0 && write(filled[1], "contents of a pipe", 18) == 18);
	CHECK(pipe2(full, O_NONBLOCK | O_CLOEXEC) == 0);
	while (write(full[1], block, sizeof block) > 0)
		room += sizeof block;
	CHECK(errno == EAGAIN);
	CHECK(pipe(orphan) == 0 && write(orphan[1], "last words", 10) == 10 && close(orphan[1]) == 0);
	CHECK(pipe(big) == 0 && fcntl(big[1], F_SETPIPE_SZ, 1 << 19) == 1 << 19 && write(big[1], block, sizeof block) == sizeof block);
	CHECK(pipe2(packets, with_packets ? O_DIRECT : 0) == 0 && write(packets[1], "one", 3) == 3 && write(packets[1], "three", 5) == 5);
	CHECK(mkfifo("fifo", 0600) == 0 && (fifo = open("fifo", O_RDWR)) > 0 && write(fifo, "through a fifo", 14) == 14);
	CHECK(pipe(to) == 0 && pipe(from) == 0);
}

static void check_flags(void)
{
	CHECK(fcntl(full[0], F_GETFL) == (O_RDONLY | O_NONBLOCK) && fcntl(full[1], F_GETFL) == (O_WRONLY | O_NONBLOCK));
	CHECK(fcntl(full[0], F_GETFD) == FD_CLOEXEC && fcntl(filled[0], F_GETFD) == 0);
	CHECK(write(full[1], "", 1) == -1 && errno == EAGAIN);
	CHECK(fcntl(big[0], F_GETPIPE_SZ) == 1 << 19 && !(fcntl(packets[1], F_GETFL) & O_DIRECT) == !with_packets);
}

/* The contents, and nothing but them; they go back in for the next round where that is possible. */
static void check_contents(int last)
{
	char buffer[32];
	CHECK(read(filled[0], buffer, 32) == 18 && !memcmp(buffer, "contents of a pipe", 18) && write(filled[1], buffer, 18) == 18);
	CHECK(read(fifo, buffer, 32) == 14 && !memcmp(buffer, "through a fifo", 14) && write(fifo, buffer, 14) == 14);
	if (!last)
		return;
	CHECK(read(orphan[0], buffer, 32) == 10 && !memcmp(buffer, "last words", 10) && read(orphan[0], buffer, 32) == 0);
	if (with_packets)
		CHECK(read(packets[0], buffer, 32) == 3 && read(packets[0], buffer, 32) == 5 && !memcmp(buffer, "three", 5));
	else
		CHECK(read(packets[0], buffer, 32) == 8 && !memcmp(buffer, "onethree", 8));
	for (char block[4096]; room > 0; room -= sizeof block)
		CHECK(read(full[0], block, sizeof block) == sizeof block && block[0] == 'x' && block[1] == 0);
	CHECK(read(full[0], buffer, 1) == -1 && errno == EAGAIN);
}

int main(int argc, char **argv)
{
	pid_t pid;
	with_packets = argc > 1 && !strcmp(argv[1], "packets");
	set_up();
	if ((pid = fork()) == 0)
		child();
	close(to[0]);
	close(from[1]);
	say("ready");
	for (long n = 1, back; tick("round"); n++) {
		CHECK(write(to[1], &n, sizeof n) == sizeof n && read(from[0], &back, sizeof back) == sizeof back && back == n);
		check_flags();
		check_contents(0);
	}
	check_contents(1);
	close(to[1]);
	join(pid);
	return done();
}
