/* Inet sockets that are not dumped, as descriptor 77: "established" is a connection, which takes an option; "corked" holds a datagram (UDP_CORK), "mptcp" is a socket of MPTCP, "queued" listens and has a
   connection that nobody accepted, "urgent" has urgent data that nobody read. Beside them a connection whose options and bytes must not change. */
#include "workload.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static struct sockaddr_in name = { .sin_family = AF_INET };
static socklen_t length = sizeof name;

static int listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	name.sin_port = 0;
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, length) == 0 && listen(fd, 5) == 0 && getsockname(fd, (struct sockaddr *)&name, &length) == 0);
	return fd;
}

static int connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&name, length) == 0);
	return fd;
}

static void pair(int ends[2])
{
	int server = listener();
	ends[0] = connected();
	CHECK((ends[1] = accept(server, NULL, NULL)) >= 0 && close(server) == 0);
}

static int ask(int fd, int level, int option)
{
	int value;
	socklen_t size = sizeof value;
	CHECK(getsockopt(fd, level, option, &value, &size) == 0);
	return value;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int fd = -1, ends[2], beside[2], on = 1;
	char byte;
	if (!strcmp(what, "corked")) {
		listener();
		CHECK((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0 && connect(fd, (struct sockaddr *)&name, length) == 0 && setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof on) == 0 && send(fd, "x", 1, 0) == 1);
	} else if (!strcmp(what, "mptcp"))
		CHECK((fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)) >= 0);
	else if (!strcmp(what, "queued")) {
		fd = listener();
		connected();
	} else {
		pair(ends);
		fd = ends[0];
		CHECK(strcmp(what, "urgent") || send(ends[1], "!", 1, MSG_OOB) == 1);
	}
	CHECK(fd >= 0 && dup2(fd, 77) == 77 && close(fd) == 0);
	pair(beside);
	CHECK(setsockopt(beside[0], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && setsockopt(beside[0], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0);
	say("ready");
	while (tick("count")) {
		CHECK(send(beside[0], "a", 1, MSG_NOSIGNAL) == 1 && recv(beside[1], &byte, 1, 0) == 1 && byte == 'a');
		CHECK(ask(beside[0], SOL_SOCKET, SO_REUSEADDR) == 1 && ask(beside[0], SOL_SOCKET, SO_KEEPALIVE) == 1 && ask(beside[0], IPPROTO_TCP, TCP_REPAIR) == 0);
		CHECK(ask(beside[1], SOL_SOCKET, SO_REUSEADDR) == 0 && ask(beside[1], IPPROTO_TCP, TCP_REPAIR) == 0);
	}
	return done();
}
