/* Netlink sockets: one that hears groups of which nothing comes; one with a port that it chose; one connected to a group, one that was never bound. "netlink more" has a group with a number above 32
   as well, and options. A question is asked at the end only: an answer that waits could not be kept. "netlink waiting" has one that nobody reads, and is to be refused. */
#include "workload.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define PORT 123456u                   /* of no process */
#define WORDS 8

static int listener, own, connected, unbound;
static uint32_t port;                  /* the listener's, as the kernel chose it */
static int has_more;

static struct sockaddr_nl name(int fd, int of_peer)
{
	struct sockaddr_nl address;
	socklen_t length = sizeof address;
	CHECK((of_peer ? getpeername : getsockname)(fd, (void *)&address, &length) == 0);
	return address;
}

static int number(int fd, int level, int option)
{
	int value = -1;
	socklen_t length = sizeof value;
	CHECK(getsockopt(fd, level, option, &value, &length) == 0);
	return value;
}

static void set(int fd, int level, int option, int value)
{
	CHECK(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

static void ask(int fd)
{
	struct { struct nlmsghdr header; struct rtgenmsg body; } question = { { sizeof question, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7, 0 }, { AF_UNSPEC } };
	CHECK(send(fd, &question, sizeof question, 0) == sizeof question);
}

static void make(void)
{
	struct sockaddr_nl groups = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_TC | RTMGRP_NOTIFY }, chosen = { .nl_family = AF_NETLINK, .nl_pid = PORT },
		to = { .nl_family = AF_NETLINK, .nl_groups = 1 << 4 };
	listener = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);
	own = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	connected = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	unbound = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	CHECK(listener >= 0 && own >= 0 && connected >= 0 && unbound >= 0);
	CHECK(bind(listener, (void *)&groups, sizeof groups) == 0 && bind(own, (void *)&chosen, sizeof chosen) == 0);
	CHECK(connect(connected, (void *)&to, sizeof to) == 0);
	set(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_NSID);
	set(own, SOL_SOCKET, SO_RCVBUF, 50000);
	if (has_more) {
		set(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_STATS);
		set(listener, SOL_NETLINK, NETLINK_PKTINFO, 1);
		set(listener, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
		set(own, SOL_NETLINK, NETLINK_EXT_ACK, 1);
		set(own, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
		set(own, SOL_SOCKET, SO_TIMESTAMP, 1);
	}
	port = name(listener, 0).nl_pid;
	CHECK(port != 0);
}

static void check(void)
{
	uint32_t words[WORDS] = { 0 };
	socklen_t length = sizeof words;
	struct sockaddr_nl all = name(listener, 0), peer = name(connected, 1);
	CHECK(all.nl_pid == port && all.nl_groups == (RTMGRP_TC | RTMGRP_NOTIFY | 1u << (RTNLGRP_NSID - 1)));
	CHECK(getsockopt(listener, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &length) == 0 && words[0] == all.nl_groups);
	CHECK(words[(RTNLGRP_STATS - 1) / 32] == (has_more ? 1u << ((RTNLGRP_STATS - 1) % 32) : 0) && (fcntl(listener, F_GETFL) & O_NONBLOCK));
	CHECK(number(listener, SOL_NETLINK, NETLINK_PKTINFO) == has_more && number(listener, SOL_NETLINK, NETLINK_NO_ENOBUFS) == has_more && number(listener, SOL_NETLINK, NETLINK_EXT_ACK) == 0);
	CHECK(name(own, 0).nl_pid == PORT && fcntl(own, F_GETFD) == FD_CLOEXEC && number(own, SOL_SOCKET, SO_RCVBUF) == 100000 && number(own, SOL_SOCKET, SO_TIMESTAMP) == has_more);
	CHECK(number(own, SOL_NETLINK, NETLINK_EXT_ACK) == has_more && number(own, SOL_NETLINK, NETLINK_GET_STRICT_CHK) == has_more);
	CHECK(peer.nl_groups == 1 << 4 && number(connected, SOL_SOCKET, SO_PROTOCOL) == NETLINK_USERSOCK && name(unbound, 0).nl_pid == 0);
}

/* The first message of the answer names the socket that asked. */
static void hear(int fd, uint32_t asked_by)
{
	static union { struct nlmsghdr header; char bytes[32768]; } answer;
	ssize_t got = recv(fd, &answer, sizeof answer, 0);
	CHECK(got > (ssize_t)sizeof answer.header && answer.header.nlmsg_type == RTM_NEWLINK && answer.header.nlmsg_seq == 7 && answer.header.nlmsg_pid == asked_by);
}

int main(int argc, char **argv)
{
	int waiting = argc > 1 && strcmp(argv[1], "waiting") == 0;
	has_more = argc > 1 && strcmp(argv[1], "more") == 0;
	make();
	check();
	if (waiting)
		ask(unbound);
	say("ready");
	while (tick("netlink"))
		if (!waiting)
			check();
	ask(listener);
	hear(listener, port);
	return done();
}
