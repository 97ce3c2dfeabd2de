/* tcpstates: sockets in every state but an open connection. Half-closed pairs of both families with bytes still to come; two listeners that share a port, each with its backlog; one that is bound, one that is not;
   one that sends a SYN to ADDRESS, where nobody answers; one that was reset, with its error still to be read; one whose both directions are closed (TIME_WAIT). "tcpstates outside ADDRESS": the other
   ends of the half-closed ones are in a process outside the tree; "tcpstates common ADDRESS": without the reset. Every round sends against each FIN, and looks at the rest; the last connects to the listeners. */
#include "workload.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum { FAMILIES = 2, SHARERS = 2, BACKLOG = 7, NEVER = 9 };

union name { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; };

/* [0] has sent its FIN, [1] has not. */
static int half[FAMILIES][2], halved_by_peer[FAMILIES][2], sharers[SHARERS], bound, unbound, dialling, was_reset, over, bound_port;

static union name loopback(int family, int port)
{
	union name name = { .v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(port) } };
	if (family == AF_INET)
		name.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	return name;
}

static int port_of(int fd)
{
	union name name;
	socklen_t length = sizeof name;
	CHECK(getsockname(fd, &name.any, &length) == 0);
	return ntohs(name.v4.sin_port);
}

static int bind_to(int family, int port, int shares)
{
	union name name = loopback(family, port);
	int fd = socket(family, SOCK_STREAM, 0);
	CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares, sizeof shares) == 0);
	CHECK(bind(fd, &name.any, sizeof name) == 0);
	return fd;
}

static void pair(int family, int ends[2])
{
	int server = bind_to(family, 0, 0);
	union name name = loopback(family, port_of(server));
	CHECK(listen(server, 1) == 0 && (ends[0] = socket(family, SOCK_STREAM, 0)) >= 0);
	CHECK(connect(ends[0], &name.any, sizeof name) == 0 && (ends[1] = accept(server, NULL, NULL)) >= 0 && close(server) == 0);
}

static struct tcp_info info_of(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
	return info;
}

static int state_of(int fd)
{
	return info_of(fd).tcpi_state;
}

static int wait_for(int fd, int events, int ms)
{
	struct pollfd one = { fd, events, 0 };
	CHECK(poll(&one, 1, ms) >= 0);
	return one.revents;
}

static void put(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

static void get(int fd, const char *text)
{
	char buffer[64];
	size_t n = strlen(text);
	for (size_t had = 0; had < n; ) {
		CHECK(wait_for(fd, POLLIN, 10000) & POLLIN);
		ssize_t got = recv(fd, buffer + had, n - had, 0);
		CHECK(got > 0 && (had += got));
	}
	CHECK(!memcmp(buffer, text, n));
}

static int closes(int fd)
{
	char byte;
	return recv(fd, &byte, 1, 0) == 0;
}

static void set_up(const char *nobody)
{
	int ends[2];
	for (int i = 0; i < FAMILIES; i++) {
		int family = i ? AF_INET6 : AF_INET;
		pair(family, half[i]);
		put(half[i][0], "before the end");
		CHECK(shutdown(half[i][0], SHUT_WR) == 0);
		put(half[i][1], "against it");
		pair(family, halved_by_peer[i]);
		CHECK(shutdown(halved_by_peer[i][0], SHUT_WR) == 0);
	}
	for (int i = 0; i < SHARERS; i++)
		CHECK((sharers[i] = bind_to(AF_INET, i ? port_of(sharers[0]) : 0, 1)) >= 0 && listen(sharers[i], BACKLOG + i) == 0);
	bound = bind_to(AF_INET6, 0, 0);
	bound_port = port_of(bound);
	CHECK((unbound = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && (dialling = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
	union name name = { .v4 = { .sin_family = AF_INET, .sin_port = htons(NEVER) } };
	CHECK(inet_pton(AF_INET, nobody, &name.v4.sin_addr) == 1 && connect(dialling, &name.any, sizeof name.v4) == -1 && errno == EINPROGRESS);
	struct linger at_once = { 1, 0 };
	pair(AF_INET, ends);
	CHECK(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0 && close(ends[1]) == 0);
	was_reset = ends[0];
	pair(AF_INET, ends);
	over = ends[0];
	put(ends[1], "goodbye");
	CHECK(shutdown(over, SHUT_WR) == 0 && wait_for(ends[1], POLLIN, 1000) && closes(ends[1]) && close(ends[1]) == 0);
	CHECK(wait_for(over, POLLHUP, 5000) & POLLHUP);
}

/* A child that is no longer ours takes the other ends, and echoes until we are gone. */
static void hand_over(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			for (int i = 0; i < FAMILIES; i++)
				close(half[i][0]), close(halved_by_peer[i][1]);
			int others[] = { sharers[0], sharers[1], bound, unbound, dialling, was_reset, over };
			for (size_t i = 0; i < sizeof others / sizeof *others; i++)
				close(others[i]);
			setsid();
			for (char buffer[64]; ; sleep_ms(1))
				for (int i = 0; i < FAMILIES; i++) {
					ssize_t n = recv(halved_by_peer[i][0], buffer, sizeof buffer, MSG_DONTWAIT);
					if (n == 0)
						_exit(0);
					if (n > 0 && send(half[i][1], buffer, n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
						_exit(1);
				}
		}
		_exit(0);
	}
	join(pid);
	for (int i = 0; i < FAMILIES; i++)
		CHECK(close(half[i][1]) == 0 && close(halved_by_peer[i][0]) == 0);
}

static void check_half(int outside)
{
	for (int i = 0; i < FAMILIES; i++) {
		put(halved_by_peer[i][1], "still");
		if (!outside) {
			get(halved_by_peer[i][0], "still");
			put(half[i][1], "still");
			CHECK(state_of(half[i][1]) == TCP_CLOSE_WAIT);
		}
		get(half[i][0], "still");
		CHECK(send(half[i][0], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 && errno == EPIPE && closes(halved_by_peer[i][1]));
		int state = state_of(half[i][0]);
		CHECK((state == TCP_FIN_WAIT2 || state == TCP_FIN_WAIT1) && state_of(halved_by_peer[i][1]) == TCP_CLOSE_WAIT);
	}
}

static void check_listeners(void)
{
	CHECK(port_of(sharers[1]) == port_of(sharers[0]));
	for (int i = 0; i < SHARERS; i++)
		CHECK(state_of(sharers[i]) == TCP_LISTEN && info_of(sharers[i]).tcpi_sacked == (unsigned)BACKLOG + i);
}

/* At the end alone: a dump that comes between connect and accept is refused, and rightly. */
static void connect_to_listeners(void)
{
	union name name = loopback(AF_INET, port_of(sharers[0]));
	int client = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(client >= 0 && connect(client, &name.any, sizeof name.v4) == 0);
	struct pollfd both[SHARERS] = { { sharers[0], POLLIN, 0 }, { sharers[1], POLLIN, 0 } };
	CHECK(poll(both, SHARERS, 5000) == 1);
	int server = accept(both[0].revents ? sharers[0] : sharers[1], NULL, NULL);
	CHECK(server >= 0 && close(client) == 0 && closes(server) && close(server) == 0);
}

static void check_rest(int common, int last)
{
	CHECK(port_of(bound) == bound_port && state_of(bound) == TCP_CLOSE && port_of(unbound) == 0 && state_of(unbound) == TCP_CLOSE);
	CHECK(state_of(dialling) == TCP_SYN_SENT && wait_for(dialling, POLLIN | POLLOUT, 0) == 0);
	CHECK(common || (state_of(was_reset) == TCP_CLOSE && (wait_for(was_reset, POLLIN, 0) & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP)));
	CHECK(state_of(over) == TCP_CLOSE && (wait_for(over, POLLIN, 0) & (POLLIN | POLLHUP | POLLERR)) == (POLLIN | POLLHUP));
	if (!last)
		return;
	int error;
	socklen_t length = sizeof error;
	CHECK(common || (getsockopt(was_reset, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNRESET && closes(was_reset)));
	get(over, "goodbye");
	CHECK(closes(over) && send(over, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
}

int main(int argc, char **argv)
{
	int outside = argc > 2 && !strcmp(argv[1], "outside"), common = argc > 2 && !outside;
	set_up(argv[argc - 1]);
	for (int i = 0; i < FAMILIES; i++) {
		get(half[i][1], "before the end");
		get(half[i][0], "against it");
	}
	if (outside)
		hand_over();
	say("ready");
	while (tick("round")) {
		check_half(outside);
		check_listeners();
		check_rest(common, 0);
	}
	connect_to_listeners();
	check_rest(common, 1);
	return done();
}
