/* tcp: four connections with a checked sequence in both directions, over IPv4, IPv6 and IPv4 by IPv6 sockets. The first reads less than comes, so that both queues and the
   window are full; the second keeps some bytes unread; the third is read to its end; on the fourth one record goes to and fro. "tcp" is both ends in two processes;
   "tcp listen ADDRESS PORT" and "tcp connect ADDRESS PORT" are one each, for a peer outside the tree. A record is 'D' and a sequence, the last one only 'E'. */
#include "workload.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum { CONNECTIONS = 4, QUIET = 3, RECORD = 1000, CHUNK = 4000 };

struct end { int fd; long sent, received; int is_over; };

static struct end ends[CONNECTIONS];
static const char *addresses[CONNECTIONS] = { "127.0.0.1", "::1", "::ffff:127.0.0.2", "127.0.0.1" };
static int port;

static char at(long position)
{
	return position % RECORD ? (char)(position * 31 + position / 251) : 'D';
}

static socklen_t address_of(struct sockaddr_storage *address, const char *text, int number)
{
	struct sockaddr_in *v4 = (void *)address;
	struct sockaddr_in6 *v6 = (void *)address;
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		return v4->sin_family = AF_INET, v4->sin_port = htons(number), sizeof *v4;
	CHECK(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1);
	return v6->sin6_family = AF_INET6, v6->sin6_port = htons(number), sizeof *v6;
}

static void set(int fd, int level, int option, int value)
{
	CHECK(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

static int get(int fd, int level, int option)
{
	int value;
	socklen_t length = sizeof value;
	CHECK(getsockopt(fd, level, option, &value, &length) == 0);
	return value;
}

/* Small buffers, so that they are full soon, and emptied soon at the end. */
static int new_socket(const char *address)
{
	int fd = socket(strchr(address, ':') ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0);
	set(fd, SOL_SOCKET, SO_SNDBUF, 20000);
	set(fd, SOL_SOCKET, SO_RCVBUF, 20000);
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	return fd;
}

static int listener(const char *address)
{
	struct sockaddr_storage name;
	int fd = new_socket(address);
	socklen_t length = address_of(&name, address, port);
	CHECK(bind(fd, (struct sockaddr *)&name, length) == 0 && listen(fd, 5) == 0);
	if (!port) {
		CHECK(getsockname(fd, (struct sockaddr *)&name, &length) == 0);
		port = ntohs(((struct sockaddr_in *)&name)->sin_port);
	}
	return fd;
}

static int connection(const char *address)
{
	struct sockaddr_storage name;
	int fd = new_socket(address);
	socklen_t length = address_of(&name, address, port);
	CHECK(connect(fd, (struct sockaddr *)&name, length) == 0);
	return fd;
}

/* One end each. */
static void set_up(const char *side, const char *address)
{
	int server = !strcmp(side, "listen") ? listener(address) : -1;
	if (server >= 0)
		say("ready");                           /* it may be connected to */
	for (int i = 0; i < CONNECTIONS; i++)
		CHECK((ends[i].fd = server >= 0 ? accept(server, NULL, NULL) : connection(address)) >= 0);
	if (server >= 0)
		close(server);
}

/* Both. Addresses differ where one port cannot be bound twice. */
static void set_up_both(struct end *far)
{
	int v4 = listener("127.0.0.1"), v6 = listener("::1"), mapped = listener("::ffff:127.0.0.2");
	for (int i = 0; i < CONNECTIONS; i++) {
		int server = i == 1 ? v6 : i == 2 ? mapped : v4;
		CHECK((ends[i].fd = connection(addresses[i])) >= 0 && (far[i].fd = accept(server, NULL, NULL)) >= 0);
	}
	close(v4);
	close(v6);
	close(mapped);
}

static void put(struct end *end, long wanted)
{
	char data[CHUNK];
	if (wanted > CHUNK)
		wanted = CHUNK;
	for (int i = 0; i < wanted; i++)
		data[i] = at(end->sent + i);
	ssize_t sent = wanted > 0 ? send(end->fd, data, wanted, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	CHECK(sent >= 0 || errno == EAGAIN || ((errno == EPIPE || errno == ECONNRESET) && end->is_over));
	end->sent += sent > 0 ? sent : 0;
}

/* What was read; nothing at the end, of which the peer's 'E' tells. */
static long take(struct end *end, long most)
{
	char data[CHUNK];
	if (most > CHUNK)
		most = CHUNK;
	ssize_t got = most > 0 ? recv(end->fd, data, most, MSG_DONTWAIT) : 0;
	CHECK(got >= 0 || errno == EAGAIN);
	if (got == 0 && most > 0)
		CHECK(end->is_over);
	for (int i = 0; i < got; i++, end->received++) {
		CHECK(!end->is_over);
		if (data[i] == 'E' && end->received % RECORD == 0)
			end->is_over = 1;
		else
			CHECK(data[i] == at(end->received));
	}
	return got > 0 ? got : 0;
}

static int unread(struct end *end)
{
	char data[CHUNK];
	ssize_t n = recv(end->fd, data, CHUNK, MSG_DONTWAIT | MSG_PEEK);
	return n > 0 ? n : 0;
}

static void go_on(int i, struct end *end)
{
	switch (i) {
	case 0:
		put(end, CHUNK);
		take(end, 700);
		break;
	case 1:
		put(end, 1500);
		take(end, unread(end) - 900);
		break;
	case 2:
		put(end, 3000);
		while (take(end, CHUNK) > 0)
			;
		break;
	case QUIET:
		if (end->received >= end->sent || end->sent == 0)
			put(end, RECORD - end->sent % RECORD);
		take(end, CHUNK);
		break;
	}
	if (!end->is_over)
		CHECK(get(end->fd, SOL_SOCKET, SO_REUSEADDR) == 1 && get(end->fd, SOL_SOCKET, SO_KEEPALIVE) == 1 && get(end->fd, IPPROTO_TCP, TCP_REPAIR) == 0);
}

/* Completes the record, says that it was the last, and takes all that still comes. */
static void finish(struct end *end)
{
	int is_closed = 0;
	while (!is_closed || !end->is_over) {
		struct pollfd poll_it = { end->fd, POLLIN | (is_closed ? 0 : POLLOUT), 0 };
		CHECK(poll(&poll_it, 1, 20000) == 1);
		if (!is_closed && end->sent % RECORD)
			put(end, RECORD - end->sent % RECORD);
		if (!is_closed && end->sent % RECORD == 0 && send(end->fd, "E", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
			is_closed = shutdown(end->fd, SHUT_WR) == 0;
		take(end, end->is_over ? 0 : CHUNK);
	}
	char byte;
	CHECK(recv(end->fd, &byte, 1, 0) == 0 && close(end->fd) == 0);
}

static int run(const char *name)
{
	int is_over = 0;
	while (tick(name) && !is_over)
		for (int i = 0; i < CONNECTIONS; i++) {
			go_on(i, &ends[i]);
			is_over |= ends[i].is_over;
		}
	for (int i = 0; i < CONNECTIONS; i++)
		finish(&ends[i]);
	return 0;
}

int main(int argc, char **argv)
{
	struct end far[CONNECTIONS] = { 0 };
	if (argc > 3) {
		port = atoi(argv[3]);
		set_up(argv[1], argv[2]);
		if (!strcmp(argv[1], "connect"))
			say("ready");
		run(argv[1]);
		return done();
	}
	set_up_both(far);
	pid_t pid = fork();
	for (int i = 0; i < CONNECTIONS; i++) {
		close(pid ? far[i].fd : ends[i].fd);
		ends[i].fd = pid ? ends[i].fd : far[i].fd;
	}
	if (pid == 0)
		return run("far");
	say("ready");
	run("near");
	join(pid);
	return done();
}
