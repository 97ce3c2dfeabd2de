/* tcpoptions: a listener and a connection (its both ends) of each family with every option set to what a new socket does not have. Every round asks for all of them again and compares with
   what the kernel said after they were set. "tcpoptions all" also has those that CRIU does not keep. Flags, an owner of signals, a filter and an epoll instance belong to it. */
#include "workload.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

enum { FAMILIES = 2, SOCKETS = 3, OPTIONS = 64, LISTENER = 1, CONNECTION = 2, BOTH = 3, V4 = 4, V6 = 8, LOST = 16 };

struct option { int level, number, value, where; };

/* In an order in which no later one changes an earlier one. LOST: by CRIU. */
static const struct option wanted[] = {
	{ SOL_SOCKET, SO_SNDBUF, 30000, BOTH }, { SOL_SOCKET, SO_RCVBUF, 40000, BOTH }, { SOL_SOCKET, SO_PRIORITY, 5, BOTH }, { SOL_SOCKET, SO_MARK, 0, BOTH },
	{ SOL_SOCKET, SO_KEEPALIVE, 1, BOTH }, { SOL_SOCKET, SO_OOBINLINE, 1, BOTH }, { SOL_SOCKET, SO_RCVLOWAT, 3, LISTENER }, { SOL_SOCKET, SO_REUSEADDR, 1, BOTH },
	{ SOL_SOCKET, SO_DONTROUTE, 1, LISTENER }, { SOL_SOCKET, SO_BUSY_POLL, 0, BOTH },
	{ IPPROTO_TCP, TCP_NODELAY, 1, BOTH }, { IPPROTO_TCP, TCP_KEEPCNT, 4, BOTH }, { IPPROTO_TCP, TCP_KEEPIDLE, 55, BOTH }, { IPPROTO_TCP, TCP_KEEPINTVL, 33, BOTH },
	{ IPPROTO_TCP, TCP_SYNCNT, 3, BOTH | LOST }, { IPPROTO_TCP, TCP_LINGER2, 17, BOTH | LOST }, { IPPROTO_TCP, TCP_USER_TIMEOUT, 71000, BOTH | LOST },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 12345, BOTH | LOST }, { IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1, BOTH | LOST }, { IPPROTO_TCP, TCP_MAXSEG, 900, LISTENER | LOST },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, 3, LISTENER | LOST },
	{ IPPROTO_IP, IP_TTL, 33, BOTH | V4 | LOST }, { IPPROTO_IP, IP_TOS, 0x10, BOTH | V4 | LOST }, { IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, BOTH | V4 | LOST },
	{ IPPROTO_IP, IP_FREEBIND, 1, LISTENER | V4 }, { IPPROTO_IP, IP_PKTINFO, 1, LISTENER | V4 }, { IPPROTO_IP, IP_RECVTTL, 1, BOTH | V4 | LOST },
	{ IPPROTO_IPV6, IPV6_TCLASS, 0x20, BOTH | V6 | LOST }, { IPPROTO_IPV6, IPV6_UNICAST_HOPS, 22, BOTH | V6 | LOST }, { IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, LISTENER | V6 },
	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, BOTH | V6 | LOST }, { IPPROTO_IPV6, IPV6_DONTFRAG, 1, BOTH | V6 | LOST },
};

enum { COUNT = sizeof wanted / sizeof *wanted };

/* Of each family: the listener, and both ends. */
static int sockets[FAMILIES][SOCKETS], answers[FAMILIES][SOCKETS][OPTIONS], epoll, all;
static struct timeval patience = { 4, 252000 };

static int has(int family, int kind, const struct option *option)
{
	int where = kind == 0 ? LISTENER : CONNECTION, only = option->where & (V4 | V6);
	return (option->where & where) && (!only || only == (family ? V6 : V4)) && (all || !(option->where & LOST));
}

static int ask(int fd, const struct option *option)
{
	int value = 0;
	socklen_t length = sizeof value;
	CHECK(getsockopt(fd, option->level, option->number, &value, &length) == 0);
	return value;
}

static void set_options(int family, int kind)
{
	int fd = sockets[family][kind];
	struct linger linger = { 1, 6 };
	for (int i = 0; i < COUNT; i++)
		if (has(family, kind, &wanted[i]))
			CHECK(setsockopt(fd, wanted[i].level, wanted[i].number, &wanted[i].value, sizeof wanted[i].value) == 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
	if (all)
		CHECK(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0);
}

static void remember(int family, int kind)
{
	for (int i = 0; i < COUNT; i++)
		if (has(family, kind, &wanted[i]))
			answers[family][kind][i] = ask(sockets[family][kind], &wanted[i]);
}

/* Lets pass all that is longer than nothing. */
static void attach_filter(int fd)
{
	struct sock_filter pass[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_fprog program = { 2, pass };
	CHECK(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
}

static void set_up_one(int family)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *name = family ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t length = family ? sizeof v6 : sizeof v4;
	int *s = sockets[family], plain = socket(name->sa_family, SOCK_STREAM, 0);
	CHECK((s[0] = socket(name->sa_family, SOCK_STREAM, 0)) >= 0 && (s[1] = socket(name->sa_family, SOCK_STREAM, 0)) >= 0);
	CHECK(bind(plain, name, length) == 0 && listen(plain, 5) == 0 && getsockname(plain, name, &length) == 0);
	CHECK(connect(s[1], name, length) == 0 && (s[2] = accept4(plain, NULL, NULL, SOCK_NONBLOCK)) >= 0 && close(plain) == 0);
	v4.sin_port = v6.sin6_port = 0;
	if (family)
		CHECK(setsockopt(s[0], IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int)) == 0);
	set_options(family, 0);
	CHECK(bind(s[0], name, length) == 0 && listen(s[0], 11) == 0);
	set_options(family, 1);
	set_options(family, 2);
	attach_filter(s[2]);
	CHECK(fcntl(s[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(s[1], F_SETOWN, getpid()) == 0 && fcntl(s[1], F_SETFL, O_ASYNC) == 0);
	for (int kind = 0; kind < SOCKETS; kind++) {
		struct epoll_event event = { EPOLLIN | (kind == 1 ? EPOLLET : 0), { .u32 = family * SOCKETS + kind } };
		remember(family, kind);
		CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, s[kind], &event) == 0);
	}
}

static void check_one(int family, int kind)
{
	int fd = sockets[family][kind];
	struct linger linger;
	struct timeval time;
	char name[16] = "";
	socklen_t lengths[3] = { sizeof linger, sizeof time, sizeof name };
	for (int i = 0; i < COUNT; i++)
		if (has(family, kind, &wanted[i]) && ask(fd, &wanted[i]) != answers[family][kind][i]) {
			say("FAIL family %d socket %d option %d of level %d: %d, was %d", family, kind, wanted[i].number, wanted[i].level, ask(fd, &wanted[i]), answers[family][kind][i]);
			_exit(98);
		}
	CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &lengths[0]) == 0 && linger.l_onoff == 1 && linger.l_linger == 6);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &lengths[1]) == 0 && time.tv_sec == patience.tv_sec && time.tv_usec == patience.tv_usec);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &lengths[2]) == 0 && (!all || !strcmp(name, "reno")));
	CHECK(ask(fd, &(struct option){ SOL_SOCKET, SO_BUF_LOCK, 0, 0 }) == 3);
}

static void check_flags(int family)
{
	int *s = sockets[family];
	struct sock_filter filter[4];
	socklen_t steps = 4;
	CHECK(getsockopt(s[2], SOL_SOCKET, SO_GET_FILTER, filter, &steps) == 0 && steps == 2 && filter[0].code == (BPF_LD | BPF_W | BPF_LEN));
	CHECK((fcntl(s[0], F_GETFL) & O_NONBLOCK) && (fcntl(s[2], F_GETFL) & O_NONBLOCK) && !(fcntl(s[1], F_GETFL) & O_NONBLOCK));
	CHECK((fcntl(s[1], F_GETFL) & O_ASYNC) && !(fcntl(s[2], F_GETFL) & O_ASYNC) && fcntl(s[1], F_GETOWN) == getpid());
	CHECK(!family || ask(s[0], &(struct option){ IPPROTO_IPV6, IPV6_V6ONLY, 0, 0 }) == 1);
}

static void is_ready(int family, int kind)
{
	struct epoll_event event;
	CHECK(epoll_wait(epoll, &event, 1, 10000) == 1 && event.data.u32 == (unsigned)(family * SOCKETS + kind) && (event.events & EPOLLIN));
}

/* Through both, and the signal comes. */
static void talk(int family)
{
	char byte;
	int *s = sockets[family];
	sigset_t io;
	struct timespec long_enough = { 10, 0 };
	CHECK(send(s[1], "a", 1, MSG_DONTWAIT) == 1);
	is_ready(family, 2);
	CHECK(recv(s[2], &byte, 1, 0) == 1 && byte == 'a' && send(s[2], "b", 1, MSG_DONTWAIT) == 1);
	is_ready(family, 1);
	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	CHECK(sigtimedwait(&io, NULL, &long_enough) == SIGIO && recv(s[1], &byte, 1, 0) == 1 && byte == 'b');
}

int main(int argc, char **argv)
{
	sigset_t io;
	all = argc > 1 && !strcmp(argv[1], "all");
	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	CHECK(sigprocmask(SIG_BLOCK, &io, NULL) == 0 && (epoll = epoll_create1(0)) >= 0);
	for (int family = 0; family < FAMILIES; family++)
		set_up_one(family);
	say("ready");
	while (tick("round"))
		for (int family = 0; family < FAMILIES; family++) {
			for (int kind = 0; kind < SOCKETS; kind++)
				check_one(family, kind);
			check_flags(family);
			talk(family);
		}
	return done();
}
