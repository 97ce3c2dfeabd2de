/* udp: UDP sockets of both families: bound, connected, unbound, sharing a port, shut down; datagrams that wait, from several senders, whose addresses count. Every round takes out what waits and
   puts it in again. Words: "options": with options, a device and groups of multicast on it; "others": UDP-Lite where the kernel has it, ping sockets, raw sockets with a filter of ICMP and with
   headers of their own, TCP sockets without a connection. "common": of both what CRIU brings back; "quiet": nothing waits between rounds, and what is lost where a dump falls into one is sent
   again. */
#include "workload.h"
#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

#define ICMP_FILTER_LEVEL 255                  /* SOL_RAW, whose ICMP_FILTER is 1 */

enum { FAMILIES = 2, SENDERS = 3, LITE = 136 };

union name { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; };

struct set { int server, senders[SENDERS], pair[2], unbound, sharers[2], half, deaf; union name server_name, sender_names[SENDERS]; };

static struct set sets[FAMILIES];
static int quiet, only_common;

static union name loopback(int family, int port)
{
	union name name = { .v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(port) } };
	if (family == AF_INET)
		name.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	return name;
}

static socklen_t size_of(const union name *name) { return name->any.sa_family == AF_INET ? sizeof name->v4 : sizeof name->v6; }
static union name name_of(int fd)
{
	union name name = { 0 };
	socklen_t length = sizeof name;
	CHECK(getsockname(fd, &name.any, &length) == 0);
	return name;
}

static void set(int fd, int level, int option, int value)
{
	CHECK(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

static int ask(int fd, int level, int option)
{
	int value = 0;
	socklen_t length = sizeof value;
	CHECK(getsockopt(fd, level, option, &value, &length) == 0);
	return value;
}

static int bind_to(int family, int type, int protocol, int port, int shares)
{
	union name name = loopback(family, port);
	int fd = socket(family, type, protocol);
	CHECK(fd >= 0);
	if (shares)
		set(fd, SOL_SOCKET, shares, 1);
	CHECK(bind(fd, &name.any, size_of(&name)) == 0);
	return fd;
}

static void connect_to(int fd, int to)
{
	union name name = name_of(to);
	CHECK(connect(fd, &name.any, size_of(&name)) == 0);
}

static void put(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_DONTWAIT) == (ssize_t)strlen(text));
}

static int comes(int fd, int ms)
{
	struct pollfd one = { fd, POLLIN, 0 };
	return poll(&one, 1, ms) == 1;
}

/* The text, from that name where one is given. False where nothing is there. */
static int take(int fd, const char *text, const union name *from)
{
	char buffer[64];
	union name name;
	socklen_t length = sizeof name;
	ssize_t n = recvfrom(fd, buffer, sizeof buffer, MSG_DONTWAIT, &name.any, &length);
	if (n == -1 && errno == EAGAIN)
		return 0;
	CHECK(n == (ssize_t)strlen(text) && !memcmp(buffer, text, n));
	CHECK(!from || (length == size_of(from) && !memcmp(&name, from, length)));
	return 1;
}

static void get(int fd, const char *text, const union name *from)
{
	CHECK(comes(fd, 5000) && take(fd, text, from));
}

static void is_empty(int fd)
{
	char byte;
	CHECK(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == -1 && errno == EAGAIN);
}

/* One datagram, until it has been taken. Over loopback it comes at once or, where it waited at a dump that loses what waits, never. */
static void carry(int from, const char *text, const union name *to_name, int to, const union name *from_name)
{
	do
		CHECK(sendto(from, text, strlen(text), 0, to_name ? &to_name->any : NULL, to_name ? size_of(to_name) : 0) == (ssize_t)strlen(text));
	while (!comes(to, 300) || !take(to, text, from_name));
	is_empty(to);
}

static void carry_all(struct set *s)
{
	for (int i = 0; i < SENDERS; i++)
		carry(s->senders[i], "from a sender", &s->server_name, s->server, &s->sender_names[i]);
	for (int i = 0; i < 2; i++)
		carry(s->pair[i], "to the other", NULL, s->pair[!i], NULL);
	carry(s->deaf, "written all the same", NULL, s->server, NULL);
}

static void put_all(struct set *s)
{
	for (int i = 0; i < SENDERS; i++) {
		char text[20];
		snprintf(text, sizeof text, "from sender %d", i);
		CHECK(sendto(s->senders[i], text, strlen(text), 0, &s->server_name.any, size_of(&s->server_name)) == (ssize_t)strlen(text));
	}
	CHECK(sendto(s->senders[0], "again", 5, 0, &s->server_name.any, size_of(&s->server_name)) == 5);
	put(s->pair[0], "to the second");
	put(s->pair[1], "to the first");
	put(s->pair[1], "and one more");
}

static void get_all(struct set *s)
{
	for (int i = 0; i < SENDERS; i++) {
		char text[20];
		snprintf(text, sizeof text, "from sender %d", i);
		get(s->server, text, &s->sender_names[i]);
	}
	get(s->server, "again", &s->sender_names[0]);
	get(s->pair[1], "to the second", NULL);
	get(s->pair[0], "to the first", NULL);
	get(s->pair[0], "and one more", NULL);
	is_empty(s->server);
	is_empty(s->pair[0]);
	is_empty(s->pair[1]);
}

static void set_up(struct set *s, int family, int type, int protocol)
{
	s->server = bind_to(family, type, protocol, 0, 0);
	s->server_name = name_of(s->server);
	for (int i = 0; i < SENDERS; i++) {
		s->senders[i] = bind_to(family, type, protocol, 0, 0);
		s->sender_names[i] = name_of(s->senders[i]);
	}
	for (int i = 0; i < 2; i++)
		s->pair[i] = bind_to(family, type, protocol, 0, 0);
	connect_to(s->pair[0], s->pair[1]);
	connect_to(s->pair[1], s->pair[0]);
	CHECK((s->unbound = socket(family, type | SOCK_NONBLOCK, protocol)) >= 0);
	for (int i = 0; i < 2; i++)
		s->sharers[i] = bind_to(family, type, protocol, i ? ntohs(name_of(s->sharers[0]).v4.sin_port) : 0, family == AF_INET ? SO_REUSEPORT : SO_REUSEADDR);
	CHECK((s->half = socket(family, type, protocol)) >= 0 && (s->deaf = socket(family, type, protocol)) >= 0);
	connect_to(s->half, s->server);
	connect_to(s->deaf, s->server);
	CHECK(shutdown(s->half, SHUT_WR) == 0 && shutdown(s->deaf, SHUT_RD) == 0);
	if (!quiet)
		put_all(s);
}

static void check(struct set *s, int family)
{
	char byte;
	if (quiet)
		carry_all(s);
	else
		get_all(s);
	CHECK(name_of(s->unbound).v4.sin_port == 0 && (fcntl(s->unbound, F_GETFL) & O_NONBLOCK));
	CHECK(name_of(s->sharers[0]).v4.sin_port == name_of(s->sharers[1]).v4.sin_port && ask(s->sharers[0], SOL_SOCKET, family == AF_INET ? SO_REUSEPORT : SO_REUSEADDR) == 1);
	CHECK(ask(s->server, SOL_SOCKET, SO_REUSEADDR) == 0 && ask(s->server, SOL_SOCKET, SO_REUSEPORT) == 0 && ask(s->sharers[0], SOL_SOCKET, family == AF_INET ? SO_REUSEADDR : SO_REUSEPORT) == 0);
	CHECK(send(s->half, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && recv(s->deaf, &byte, 1, 0) == 0);
	if (quiet)
		return;
	put(s->deaf, "written all the same");
	get(s->server, "written all the same", NULL);
	put_all(s);
}

static int optional[FAMILIES], groups[FAMILIES], device;

static struct group_source_req source_of_group(void)
{
	struct group_source_req r = { .gsr_interface = 1 };
	((struct sockaddr_in *)&r.gsr_group)->sin_family = ((struct sockaddr_in *)&r.gsr_source)->sin_family = AF_INET;
	((struct sockaddr_in *)&r.gsr_group)->sin_addr.s_addr = htonl(0xefff0102);
	((struct sockaddr_in *)&r.gsr_source)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return r;
}

static void set_up_uncommon(void)
{
	for (int i = 0; i < FAMILIES; i++) {
		union name any = { .v6 = { .sin6_family = AF_INET6 } };
		if (!i)
			any.v4 = (struct sockaddr_in){ .sin_family = AF_INET };
		CHECK((groups[i] = socket(i ? AF_INET6 : AF_INET, SOCK_DGRAM, 0)) >= 0 && bind(groups[i], &any.any, size_of(&any)) == 0);
	}
	struct ip_mreqn first = { { htonl(0xefff0101) }, { 0 }, 1 };
	struct ipv6_mreq second = { .ipv6mr_interface = 1 };
	struct group_source_req third = source_of_group();
	second.ipv6mr_multiaddr.s6_addr[0] = 0xff, second.ipv6mr_multiaddr.s6_addr[1] = 2, second.ipv6mr_multiaddr.s6_addr[15] = 0x77;
	CHECK(setsockopt(groups[0], IPPROTO_IP, IP_ADD_MEMBERSHIP, &first, sizeof first) == 0 && setsockopt(groups[1], IPPROTO_IPV6, IPV6_JOIN_GROUP, &second, sizeof second) == 0);
	CHECK(setsockopt(groups[0], IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &third, sizeof third) == 0);
	set(optional[0], IPPROTO_IP, IP_MULTICAST_TTL, 7);
	set(optional[1], IPPROTO_IPV6, IPV6_TCLASS, 0x40);
	set(optional[1], IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
}

static void check_uncommon(void)
{
	struct ip_mreqn first = { { htonl(0xefff0101) }, { 0 }, 1 };
	struct ipv6_mreq second = { .ipv6mr_interface = 1 };
	struct group_source_req third = source_of_group();
	second.ipv6mr_multiaddr.s6_addr[0] = 0xff, second.ipv6mr_multiaddr.s6_addr[1] = 2, second.ipv6mr_multiaddr.s6_addr[15] = 0x77;
	/* Who is in a group already is told so. */
	CHECK(setsockopt(groups[0], IPPROTO_IP, IP_ADD_MEMBERSHIP, &first, sizeof first) == -1 && errno == EADDRINUSE);
	CHECK(setsockopt(groups[1], IPPROTO_IPV6, IPV6_JOIN_GROUP, &second, sizeof second) == -1 && errno == EADDRINUSE);
	CHECK(setsockopt(groups[0], IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &third, sizeof third) == -1 && errno == EADDRNOTAVAIL);
	CHECK(ask(optional[0], IPPROTO_IP, IP_MULTICAST_TTL) == 7);
	CHECK(ask(optional[1], IPPROTO_IPV6, IPV6_TCLASS) == 0x40);
	CHECK(ask(optional[1], IPPROTO_IPV6, IPV6_UNICAST_HOPS) == 9);
}

/* What the option answers is twice what a buffer was given. TOS before PRIORITY, which it changes. */
static const struct { int family, level, option, value; } common[] = {
	{ AF_INET, IPPROTO_IP, IP_PKTINFO, 1 }, { AF_INET, IPPROTO_IP, IP_TTL, 44 }, { AF_INET, IPPROTO_IP, IP_TOS, 0x28 }, { AF_INET, IPPROTO_IP, IP_FREEBIND, 1 },
	{ AF_INET6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 }, { AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, 1 }, { AF_INET6, IPPROTO_IPV6, IPV6_FREEBIND, 1 },
	{ AF_UNSPEC, SOL_SOCKET, SO_RCVBUF, 50000 }, { AF_UNSPEC, SOL_SOCKET, SO_SNDBUF, 60000 }, { AF_UNSPEC, SOL_SOCKET, SO_BROADCAST, 1 }, { AF_UNSPEC, SOL_SOCKET, SO_PRIORITY, 5 },
	{ AF_UNSPEC, SOL_SOCKET, SO_MARK, 77 }, { AF_UNSPEC, SOL_SOCKET, SO_RCVLOWAT, 3 }, { AF_UNSPEC, SOL_SOCKET, SO_DONTROUTE, 1 }, { AF_UNSPEC, SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ AF_UNSPEC, SOL_SOCKET, SO_OOBINLINE, 1 }, { AF_INET, SOL_SOCKET, SO_NO_CHECK, 1 }, { AF_INET6, SOL_SOCKET, SO_NO_CHECK, 0 },
};

enum { COMMON = sizeof common / sizeof common[0] };
static const struct timeval patience = { 3, 500000 };

/* Datagrams of up to 100 bytes, cut behind the 8 of their header and 50 more. */
static struct sock_filter only_short[] = { { BPF_LD | BPF_W | BPF_LEN, 0, 0, 0 }, { BPF_JMP | BPF_JGT | BPF_K, 1, 0, 108 }, { BPF_RET | BPF_K, 0, 0, 58 }, { BPF_RET | BPF_K, 0, 0, 0 } };

static void set_up_options(void)
{
	struct sock_fprog filter = { sizeof only_short / sizeof only_short[0], only_short };
	for (int i = 0; i < FAMILIES; i++) {
		int family = i ? AF_INET6 : AF_INET, fd = optional[i] = socket(family, SOCK_DGRAM, 0);
		union name name = loopback(family, 0);
		for (int c = 0; c < COMMON; c++)
			if (!common[c].family || common[c].family == family)
				set(fd, common[c].level, common[c].option, common[c].value);
		CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0);
		CHECK(bind(fd, &name.any, size_of(&name)) == 0);
	}
	CHECK((device = socket(AF_INET, SOCK_DGRAM, 0)) >= 0 && setsockopt(device, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0);
	if (!only_common)
		set_up_uncommon();
}

static void check_options(void)
{
	char bytes[200] = "";
	ssize_t taken;
	socklen_t length = 20;
	CHECK(getsockopt(device, SOL_SOCKET, SO_BINDTODEVICE, bytes, &length) == 0 && !strcmp(bytes, "lo"));
	for (int i = 0; i < FAMILIES; i++) {
		struct timeval time;
		union name name = name_of(optional[i]);
		for (int c = 0; c < COMMON; c++) {
			int is_buffer = common[c].level == SOL_SOCKET && (common[c].option == SO_RCVBUF || common[c].option == SO_SNDBUF);
			if ((!common[c].family || common[c].family == name.any.sa_family) && ask(optional[i], common[c].level, common[c].option) != common[c].value * (1 + is_buffer))
				fail(__FILE__, __LINE__, (snprintf(bytes, sizeof bytes, "option %d of level %d is %d", common[c].option, common[c].level, ask(optional[i], common[c].level, common[c].option)), bytes));
		}
		length = sizeof time;
		CHECK(getsockopt(optional[i], SOL_SOCKET, SO_RCVTIMEO, &time, &length) == 0 && !memcmp(&time, &patience, sizeof time));
		CHECK(sendto(optional[i], bytes, 101, 0, &name.any, size_of(&name)) == 101);
		is_empty(optional[i]);
		do
			CHECK(sendto(optional[i], bytes, 100, 0, &name.any, size_of(&name)) == 100);
		while (!comes(optional[i], 300) || (taken = recv(optional[i], bytes, sizeof bytes, MSG_DONTWAIT)) == -1);
		CHECK(taken == 50);
	}
	if (!only_common)
		check_uncommon();
}

static int pings[FAMILIES], raws[FAMILIES], with_header, tcp[FAMILIES], tcp_bound;
static union name tcp_name;


static void set_up_others(void)
{
	struct icmp6_filter only_replies;
	for (int i = 0; i < FAMILIES; i++) {
		CHECK((pings[i] = socket(i ? AF_INET6 : AF_INET, SOCK_DGRAM, i ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) >= 0);
		union name name = loopback(i ? AF_INET6 : AF_INET, 4242 + i);
		CHECK(bind(pings[i], &name.any, size_of(&name)) == 0 && (raws[i] = socket(i ? AF_INET6 : AF_INET, SOCK_RAW, i ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) >= 0);
	}
	set(raws[0], ICMP_FILTER_LEVEL, 1, ~(1 << ICMP_ECHO));
	ICMP6_FILTER_SETBLOCKALL(&only_replies);
	CHECK(setsockopt(raws[1], IPPROTO_ICMPV6, ICMP6_FILTER, &only_replies, sizeof only_replies) == 0);
	CHECK((with_header = socket(AF_INET, SOCK_RAW, 253)) >= 0);
	set(with_header, IPPROTO_IP, IP_HDRINCL, 1);
	for (int i = 0; i < FAMILIES; i++)
		CHECK((tcp[i] = socket(i ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
	set(tcp[1], IPPROTO_IPV6, IPV6_V6ONLY, 1);
	tcp_bound = bind_to(AF_INET, SOCK_STREAM, 0, 0, 0);
	tcp_name = name_of(tcp_bound);
}

/* A request of each family, its answer, and what a raw socket sees of both. False where one was lost. */
static int echo(int i)
{
	static short sequence;
	char packet[100];
	struct icmphdr request = { .type = i ? ICMP6_ECHO_REQUEST : ICMP_ECHO, .un.echo.sequence = ++sequence };
	union name to = loopback(i ? AF_INET6 : AF_INET, 0);
	CHECK(sendto(pings[i], &request, sizeof request, 0, &to.any, size_of(&to)) == sizeof request);
	ssize_t answer = comes(pings[i], quiet ? 300 : 5000) ? recv(pings[i], packet, sizeof packet, MSG_DONTWAIT) : -1;
	CHECK(answer == -1 || (answer == sizeof request && ((struct icmphdr *)packet)->un.echo.sequence == sequence));
	ssize_t seen = i ? 0 : recv(raws[0], packet, sizeof packet, MSG_DONTWAIT);
	CHECK(i || seen == -1 || (seen == sizeof(struct iphdr) + sizeof(struct icmphdr) && packet[sizeof(struct iphdr)] == ICMP_ECHO));
	return answer != -1 && seen != -1;
}

static void check_others(void)
{
	struct icmp6_filter filter;
	socklen_t length = sizeof filter;
	for (int i = 0; i < FAMILIES; i++) {
		CHECK(only_common || ntohs(name_of(pings[i]).v4.sin_port) == 4242 + i);
		while (!echo(i))
			CHECK(quiet);
	}
	is_empty(raws[0]);
	is_empty(raws[1]);
	CHECK(ask(raws[0], ICMP_FILTER_LEVEL, 1) == ~(1 << ICMP_ECHO));
	CHECK(getsockopt(raws[1], IPPROTO_ICMPV6, ICMP6_FILTER, &filter, &length) == 0 && ICMP6_FILTER_WILLBLOCK(ICMP6_ECHO_REPLY, &filter));
	CHECK(ask(with_header, IPPROTO_IP, IP_HDRINCL) == 1);
	for (int i = 0; i < FAMILIES; i++)
		CHECK(name_of(tcp[i]).v4.sin_port == 0 && (fcntl(tcp[i], F_GETFL) & O_NONBLOCK));
	CHECK(ask(tcp[1], IPPROTO_IPV6, IPV6_V6ONLY) == 1);
	CHECK(name_of(tcp_bound).v4.sin_port == tcp_name.v4.sin_port && name_of(tcp_bound).v4.sin_addr.s_addr == tcp_name.v4.sin_addr.s_addr);
}

/* What had no connection can have one. */
static void connect_at_last(void)
{
	int end;
	CHECK(listen(tcp_bound, 1) == 0 && connect(tcp[0], &tcp_name.any, size_of(&tcp_name)) == -1 && errno == EINPROGRESS);
	CHECK((end = accept(tcp_bound, NULL, NULL)) >= 0);
	put(tcp[0], "at last");
	get(end, "at last", NULL);
}

int main(int argc, char **argv)
{
	int options = 0, others = 0, protocol = 0;
	for (int i = 1; i < argc; i++) {
		quiet |= !strcmp(argv[i], "quiet");
		options |= !strcmp(argv[i], "options");
		only_common |= !strcmp(argv[i], "common");
		others |= !strcmp(argv[i], "others");
	}
	if (others) {
		int lite = socket(AF_INET, SOCK_DGRAM, LITE);
		protocol = lite >= 0 ? LITE : 0;
		close(lite);
		set_up_others();
	}
	if (options)
		set_up_options();
	for (int i = 0; i < FAMILIES; i++)
		set_up(&sets[i], i ? AF_INET6 : AF_INET, SOCK_DGRAM, protocol);
	say("ready");
	while (tick("round")) {
		for (int i = 0; i < FAMILIES; i++)
			check(&sets[i], i ? AF_INET6 : AF_INET);
		if (options)
			check_options();
		if (others)
			check_others();
	}
	if (others)
		connect_at_last();
	return done();
}
