/* move 4|6: a connection moves from one process to another, with bytes in both queues, and its peer does not notice. The peer is silent meanwhile, so no
   traffic needs to be held. Prints what was in the queues, and "done". */
#define _GNU_SOURCE
#include <soccr.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(what) do { if (!(what)) { fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #what); exit(1); } } while (0)

static const char coming[] = "from the peer, before the move", answer[] = "from the peer, after the move";
static union libsoccr_addr address;
static socklen_t length;

struct saved {
	struct libsoccr_sk_data data;
	union libsoccr_addr own, peer;
	long written;
};

static void message(unsigned int level, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(stderr, "level %u: ", level);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
}

static void copy(int fd, void *bytes, long count, int out)
{
	for (char *at = bytes; count;) {
		long done = out ? write(fd, at, count) : read(fd, at, count);
		CHECK(done > 0);
		at += done, count -= done;
	}
}

static void fill(char *bytes, long count, long from)
{
	for (long i = 0; i < count; i++)
		bytes[i] = (from + i) * 7 % 251;
}

/* Says something, is silent until it is told how many bytes there are, reads and compares them, and answers. */
static int peer(int told)
{
	int fd = socket(address.sa.sa_family, SOCK_STREAM, 0), room = 4096;
	long total, done = 0;
	char is[4096], wanted[4096];
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
	CHECK(!connect(fd, &address.sa, length));
	copy(fd, (void *)coming, sizeof(coming), 1);
	copy(told, &total, sizeof(total), 0);
	room = 1 << 20;                                 /* else each 4 KiB wait for a probe of the window */
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
	while (done < total) {
		long count = read(fd, is, total - done < 4096 ? total - done : 4096);
		CHECK(count > 0);
		fill(wanted, count, done);
		CHECK(!memcmp(is, wanted, count));
		done += count;
	}
	copy(fd, (void *)answer, sizeof(answer), 1);
	CHECK(read(fd, is, 1) == 0);
	return 0;
}

/* Has the connection, and gives it away. */
static int giver(int fd, int to)
{
	struct saved saved = { .written = 0 };
	char bytes[4096];
	int waiting, room = 65536;
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	do
		CHECK(!ioctl(fd, FIONREAD, &waiting));
	while (waiting < (int)sizeof(coming));
	for (long count = 1; count > 0; saved.written += count > 0 ? count : 0) {
		fill(bytes, sizeof(bytes), saved.written);
		count = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	}
	struct libsoccr_sk *sk = libsoccr_pause(fd);
	CHECK(sk);
	CHECK(libsoccr_save(sk, &saved.data, sizeof(saved.data)) == sizeof(saved.data));
	CHECK(saved.data.state == TCP_ESTABLISHED && saved.data.flags == SOCCR_FLAGS_WINDOW);
	CHECK(!getsockname(fd, &saved.own.sa, &length) && !getpeername(fd, &saved.peer.sa, &length));
	printf("received %d, sent %d, unsent %d\n", saved.data.inq_len == sizeof(coming), saved.data.outq_len > 0, saved.data.unsq_len > 0);
	fflush(stdout);
	char *in = libsoccr_get_queue_bytes(sk, TCP_RECV_QUEUE, SOCCR_MEM_EXCL), *out = libsoccr_get_queue_bytes(sk, TCP_SEND_QUEUE, 0);
	CHECK(in && out && !libsoccr_get_queue_bytes(sk, TCP_RECV_QUEUE, 0) && !libsoccr_get_queue_bytes(sk, 7, 0));
	copy(to, &saved, sizeof(saved), 1);
	copy(to, in, saved.data.inq_len, 1);
	copy(to, out, saved.data.outq_len, 1);
	free(in);
	libsoccr_release(sk);
	close(fd);
	return 0;
}

/* Makes it anew and goes on. */
static int taker(int from, int tell)
{
	struct saved saved;
	char is[sizeof(coming)], bytes[100];
	copy(from, &saved, sizeof(saved), 0);
	char *in = malloc(saved.data.inq_len), *out = malloc(saved.data.outq_len);
	copy(from, in, saved.data.inq_len, 0);
	copy(from, out, saved.data.outq_len, 0);
	CHECK(read(from, is, 1) == 0);                  /* who had it has closed it */
	int fd = socket(saved.own.sa.sa_family, SOCK_STREAM, 0), value = 0;
	struct libsoccr_sk *sk = libsoccr_pause(fd);
	CHECK(sk);
	CHECK(!libsoccr_set_addr(sk, 1, &saved.own, 0) && !libsoccr_set_addr(sk, 0, &saved.peer, 0));
	CHECK(!libsoccr_set_queue_bytes(sk, TCP_RECV_QUEUE, in, SOCCR_MEM_EXCL) && !libsoccr_set_queue_bytes(sk, TCP_SEND_QUEUE, out, 0));
	CHECK(libsoccr_set_queue_bytes(sk, 7, out, 0) == -1);
	CHECK(libsoccr_restore(sk, &saved.data, sizeof(saved.data)) == 0);
	free(out);
	libsoccr_resume(sk);
	socklen_t size = sizeof(value);
	CHECK(!getsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &value, &size) && value == 0);
	copy(fd, is, sizeof(coming), 0);
	CHECK(!memcmp(is, coming, sizeof(coming)));
	saved.written += sizeof(bytes);
	copy(tell, &saved.written, sizeof(saved.written), 1);
	fill(bytes, sizeof(bytes), saved.written - sizeof(bytes));
	copy(fd, bytes, sizeof(bytes), 1);
	copy(fd, is, sizeof(answer), 0);
	CHECK(!memcmp(is, answer, sizeof(answer)));
	return 0;
}

/* Runs a role in a process of its own, which has only these two descriptors of the pipes. */
static pid_t start(int (*role)(int, int), int a, int b, int pipes[], int count)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	alarm(40);
	for (int i = 0; i < count; i++)
		if (pipes[i] != a && pipes[i] != b)
			close(pipes[i]);
	exit(role(a, b));
}

static int as_peer(int told, int unused)
{
	(void)unused;
	return peer(told);
}

int main(int argc, char **argv)
{
	int pipes[4], failures = 0, status;
	libsoccr_set_log(SOCCR_LOG_ERR, message);
	CHECK(argc == 2 && !pipe(pipes) && !pipe(pipes + 2));
	address.sa.sa_family = *argv[1] == '6' ? AF_INET6 : AF_INET;
	length = *argv[1] == '6' ? sizeof(address.v6) : sizeof(address.v4);
	if (*argv[1] == '6')
		address.v6.sin6_addr = in6addr_loopback;
	else
		address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = socket(address.sa.sa_family, SOCK_STREAM, 0);
	CHECK(!bind(listener, &address.sa, length) && !listen(listener, 1) && !getsockname(listener, &address.sa, &length));
	CHECK(!libsoccr_pause(listener) && !libsoccr_pause(-1));        /* the first calls are made before the forks */
	pid_t all[3] = { start(as_peer, pipes[2], -1, pipes, 4) };
	int fd = accept(listener, NULL, NULL);
	all[1] = start(giver, fd, pipes[1], pipes, 4);
	close(fd), close(listener);
	all[2] = start(taker, pipes[0], pipes[3], pipes, 4);
	for (int i = 0; i < 4; i++)
		close(pipes[i]);
	for (int i = 0; i < 3; i++)
		waitpid(all[i], &status, 0), failures += status != 0;
	printf(failures ? "%d failed\n" : "done\n", failures);
	return failures != 0;
}
