/* udp: UDP sockets of both families: bound, connected, unbound, sharing a port, shut down; datagrams that wait, from several senders, whose addresses count. "udp options": with options, a filter, a device and
   groups of multicast on it; "udp others": UDP-Lite where the kernel has it, ping sockets, raw sockets with a filter of ICMP and with headers of their own. Every round takes out what waits and puts it in again. */
#include "workload.h"
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

/* The text, from that name where one is given. */
static void get(int fd, const char *text, const union name *from)
{
	char buffer[64];
	union name name;
	socklen_t length = sizeof name;
	struct pollfd one = { fd, POLLIN, 0 };
	CHECK(poll(&one, 1, 5000) == 1);
	ssize_t n = recvfrom(fd, buffer, sizeof buffer, MSG_DONTWAIT, &name.any, &length);
	CHECK(n == (ssize_t)strlen(text) && !memcmp(buffer, text, n));
	CHECK(!from || (length == size_of(from) && !memcmp(&name, from, length)));
}

static void is_empty(int fd)
{
	char byte;
	CHECK(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == -1 && errno == EAGAIN);
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
	put_all(s);
}

static void check(struct set *s, int family)
{
	char byte;
	get_all(s);
	CHECK(name_of(s->unbound).v4.sin_port == 0 && (fcntl(s->unbound, F_GETFL) & O_NONBLOCK));
	CHECK(name_of(s->sharers[0]).v4.sin_port == name_of(s->sharers[1]).v4.sin_port && ask(s->sharers[0], SOL_SOCKET, family == AF_INET ? SO_REUSEPORT : SO_REUSEADDR) == 1);
	CHECK(ask(s->server, SOL_SOCKET, SO_REUSEADDR) == 0 && ask(s->server, SOL_SOCKET, SO_REUSEPORT) == 0 && ask(s->sharers[0], SOL_SOCKET, family == AF_INET ? SO_REUSEADDR : SO_REUSEPORT) == 0);
	CHECK(send(s->half, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && recv(s->deaf, &byte, 1, 0) == 0);
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

static void set_up_options(void)
{
	for (int i = 0; i < FAMILIES; i++) {
		optional[i] = bind_to(i ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, 0, 0);
		set(optional[i], SOL_SOCKET, SO_RCVBUF, 50000);
		set(optional[i], SOL_SOCKET, SO_BROADCAST, 1);
		set(optional[i], SOL_SOCKET, SO_NO_CHECK, !i);
		set(optional[i], i ? IPPROTO_IPV6 : IPPROTO_IP, i ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
	}
	set(optional[0], IPPROTO_IP, IP_TTL, 44);
	set(optional[0], IPPROTO_IP, IP_TOS, 0x28);
	set(optional[0], IPPROTO_IP, IP_MULTICAST_TTL, 7);
	set(optional[1], IPPROTO_IPV6, IPV6_TCLASS, 0x40);
	set(optional[1], IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
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
	CHECK((device = socket(AF_INET, SOCK_DGRAM, 0)) >= 0 && setsockopt(device, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0);
}

static void check_options(void)
{
	char name[20] = "";
	socklen_t length = sizeof name;
	for (int i = 0; i < FAMILIES; i++) {
		CHECK(ask(optional[i], SOL_SOCKET, SO_RCVBUF) == 100000 && ask(optional[i], SOL_SOCKET, SO_BROADCAST) == 1 && ask(optional[i], SOL_SOCKET, SO_NO_CHECK) == !i);
		CHECK(ask(optional[i], i ? IPPROTO_IPV6 : IPPROTO_IP, i ? IPV6_RECVPKTINFO : IP_PKTINFO) == 1);
	}
	CHECK(ask(optional[0], IPPROTO_IP, IP_TTL) == 44 && ask(optional[0], IPPROTO_IP, IP_TOS) == 0x28 && ask(optional[0], IPPROTO_IP, IP_MULTICAST_TTL) == 7);
	CHECK(ask(optional[1], IPPROTO_IPV6, IPV6_TCLASS) == 0x40 && ask(optional[1], IPPROTO_IPV6, IPV6_UNICAST_HOPS) == 9);
	CHECK(getsockopt(device, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 && !strcmp(name, "lo"));
	/* Who is in a group already is told so. */
	struct ip_mreqn first = { { htonl(0xefff0101) }, { 0 }, 1 };
	struct ipv6_mreq second = { .ipv6mr_interface = 1 };
	struct group_source_req third = source_of_group();
	second.ipv6mr_multiaddr.s6_addr[0] = 0xff, second.ipv6mr_multiaddr.s6_addr[1] = 2, second.ipv6mr_multiaddr.s6_addr[15] = 0x77;
	CHECK(setsockopt(groups[0], IPPROTO_IP, IP_ADD_MEMBERSHIP, &first, sizeof first) == -1 && errno == EADDRINUSE);
	CHECK(setsockopt(groups[1], IPPROTO_IPV6, IPV6_JOIN_GROUP, &second, sizeof second) == -1 && errno == EADDRINUSE);
	CHECK(setsockopt(groups[0], IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &third, sizeof third) == -1 && errno == EADDRNOTAVAIL);
}

static int pings[FAMILIES], raws[FAMILIES], with_header;

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
}

static void check_others(void)
{
	struct icmp6_filter filter;
	socklen_t length = sizeof filter;
	static short sequence;
	char packet[100];
	sequence++;
	for (int i = 0; i < FAMILIES; i++) {
		struct icmphdr request = { .type = i ? ICMP6_ECHO_REQUEST : ICMP_ECHO, .un.echo.sequence = sequence };
		union name to = loopback(i ? AF_INET6 : AF_INET, 0);
		struct pollfd one = { pings[i], POLLIN, 0 };
		CHECK(ntohs(name_of(pings[i]).v4.sin_port) == 4242 + i && sendto(pings[i], &request, sizeof request, 0, &to.any, size_of(&to)) == sizeof request);
		CHECK(poll(&one, 1, 5000) == 1 && recv(pings[i], packet, sizeof packet, 0) == sizeof request && ((struct icmphdr *)packet)->un.echo.sequence == sequence);
	}
	CHECK(recv(raws[0], packet, sizeof packet, MSG_DONTWAIT) == sizeof(struct iphdr) + sizeof(struct icmphdr) && packet[sizeof(struct iphdr)] == ICMP_ECHO);
	is_empty(raws[0]);
	is_empty(raws[1]);
	CHECK(ask(raws[0], ICMP_FILTER_LEVEL, 1) == ~(1 << ICMP_ECHO) && getsockopt(raws[1], IPPROTO_ICMPV6, ICMP6_FILTER, &filter, &length) == 0 && ICMP6_FILTER_WILLBLOCK(ICMP6_ECHO_REPLY, &filter));
	CHECK(ask(with_header, IPPROTO_IP, IP_HDRINCL) == 1);
}

int main(int argc, char **argv)
{
	int options = argc > 1 && !strcmp(argv[1], "options"), others = argc > 1 && !options, protocol = 0;
	if (others) {
		int lite = socket(AF_INET, SOCK_DGRAM, LITE);
		protocol = lite >= 0 ? LITE : 0;
		close(lite);
		set_up_others();
	} else if (options)
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
	return done();
}
