/* Unix sockets: pairs of every type within and between processes, with data in both directions; listeners by path, by relative path and abstract, with connections that
   were accepted; datagram servers with clients; one that is bound and no more; shutdowns; ends whose other end is closed; options. Every round takes out what waits and puts
   it in again, connects anew and sends. "unixsockets names" looks at the names of what was accepted as well. */
#include "workload.h"
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { BIG = 150000 };                 /* bytes: more than a batch holds */

static int pair[2], packets[2], grams[2], talk[2], half[2], widow, widow_gram, listener, client, server, abstract, abstract_client, abstract_server, relative, bound, optional;
static int gram_server, gram_client, big[2], named[2], bigger[2];
static char big_message[BIG];
static int with_names;

static socklen_t name(struct sockaddr_un *address, const char *path, int is_abstract)
{
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + is_abstract, path, strlen(path));
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

static int bind_to(int type, const char *path, int is_abstract)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, type, 0);
	socklen_t length = name(&address, path, is_abstract);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0);
	return fd;
}

static int connect_to(int type, int to)
{
	struct sockaddr_un address;
	socklen_t length = sizeof address;
	int fd = socket(AF_UNIX, type, 0);
	CHECK(fd >= 0 && getsockname(to, (struct sockaddr *)&address, &length) == 0 && connect(fd, (struct sockaddr *)&address, length) == 0);
	return fd;
}

static int has_name(int fd, int peer, const char *path, int is_abstract)
{
	struct sockaddr_un wanted, address;
	socklen_t length = sizeof address, expected = path ? name(&wanted, path, is_abstract) : sizeof(sa_family_t);
	CHECK((peer ? getpeername : getsockname)(fd, (struct sockaddr *)&address, &length) == 0);
	return length == expected && (!path || !memcmp(&address, &wanted, length));
}

static void put(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_DONTWAIT) == (ssize_t)strlen(text));
}

static void get(int fd, const char *text)
{
	char buffer[64];
	ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
	CHECK(n == (ssize_t)strlen(text) && !memcmp(buffer, text, n));
}

static void is_empty(int fd)
{
	char byte;
	CHECK(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == -1 && errno == EAGAIN);
}

static int option(int fd, int which)
{
	int value;
	socklen_t length = sizeof value;
	CHECK(getsockopt(fd, SOL_SOCKET, which, &value, &length) == 0);
	return value;
}

static void set(int fd, int which, int value)
{
	CHECK(setsockopt(fd, SOL_SOCKET, which, &value, sizeof value) == 0);
}

static void put_big(void)
{
	CHECK(send(big[0], big_message, BIG, MSG_DONTWAIT) == BIG && send(bigger[0], big_message, BIG, MSG_DONTWAIT) == BIG);
}

static void get_big(void)
{
	static char buffer[BIG];
	for (ssize_t n = 0, got; n < BIG; n += got)
		CHECK((got = recv(big[1], buffer + n, BIG - n, MSG_DONTWAIT)) > 0);
	CHECK(!memcmp(buffer, big_message, BIG));
	memset(buffer, 0, BIG);
	CHECK(recv(bigger[1], buffer, BIG, MSG_DONTWAIT) == BIG && !memcmp(buffer, big_message, BIG));
}

static void put_all(void)
{
	put(pair[0], "to the ");
	put(pair[0], "second");
	put(pair[1], "to the first");
	put(packets[0], "one");
	put(packets[0], "three");
	put(packets[1], "back");
	put(grams[0], "a");
	put(grams[0], "bc");
	put(grams[0], "def");
	put(client, "request");
	put(server, "answer");
	put(abstract_client, "packet");
	put(abstract_client, "other packet");
	put(gram_client, "first datagram");
	put(gram_client, "second");
	put(named[1], "to a name");
	put_big();
}

static void get_all(void)
{
	get(pair[1], "to the second");
	get(pair[0], "to the first");
	get(packets[1], "one");
	get(packets[1], "three");
	get(packets[0], "back");
	get(grams[1], "a");
	get(grams[1], "bc");
	get(grams[1], "def");
	get(server, "request");
	get(client, "answer");
	get(abstract_server, "packet");
	get(abstract_server, "other packet");
	get(gram_server, "first datagram");
	get(gram_server, "second");
	get(named[0], "to a name");
	get_big();
}

static void set_up(void)
{
	int end[2];
	struct timeval time = { 3, 252000 };
	for (int i = 0; i < BIG; i++)
		big_message[i] = i * 7 + i / 256;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, packets) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, grams) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, talk) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, half) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, big) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, bigger) == 0 && shutdown(half[0], SHUT_WR) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, end) == 0 && write(end[1], "last words", 10) == 10 && close(end[1]) == 0);
	widow = end[0];
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, end) == 0 && write(end[1], "gram", 4) == 4 && write(end[1], "mar", 3) == 3 && close(end[1]) == 0);
	widow_gram = end[0];
	char path[200];
	CHECK(getcwd(path, 80) && strcat(path, "/listener"));
	listener = bind_to(SOCK_STREAM, path, 0);
	CHECK(listen(listener, 7) == 0 && chmod(path, 0640) == 0);
	client = connect_to(SOCK_STREAM, listener);
	CHECK((server = accept(listener, NULL, NULL)) >= 0);
	snprintf(path, sizeof path, "workload %d", getpid());
	abstract = bind_to(SOCK_SEQPACKET, path, 1);
	CHECK(listen(abstract, 0) == 0);
	abstract_client = connect_to(SOCK_SEQPACKET, abstract);
	CHECK((abstract_server = accept4(abstract, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	relative = bind_to(SOCK_STREAM, "relative", 0);
	CHECK(listen(relative, 3) == 0);
	snprintf(path, sizeof path, "bound %d", getpid());
	bound = bind_to(SOCK_STREAM, path, 1);
	gram_server = bind_to(SOCK_DGRAM, "grams", 0);
	gram_client = connect_to(SOCK_DGRAM, gram_server);
	named[0] = bind_to(SOCK_DGRAM, "mine", 0);
	named[1] = bind_to(SOCK_DGRAM, "yours", 0);
	for (int i = 0; i < 2; i++) {
		struct sockaddr_un address;
		socklen_t length = name(&address, i ? "mine" : "yours", 0);
		CHECK(connect(named[i], (struct sockaddr *)&address, length) == 0);
	}
	CHECK((optional = socket(AF_UNIX, SOCK_SEQPACKET, 0)) >= 0);
	set(optional, SO_SNDBUF, 9000);
	set(optional, SO_RCVBUF, 20000);
	set(optional, SO_RCVLOWAT, 5);
	set(optional, SO_PRIORITY, 3);
	set(optional, SO_KEEPALIVE, 1);
	set(optional, SO_PASSCRED, 1);
	CHECK(setsockopt(optional, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
}

static void check_options(void)
{
	struct timeval time;
	socklen_t length = sizeof time;
	CHECK(option(optional, SO_SNDBUF) == 18000 && option(optional, SO_RCVBUF) == 40000 && option(optional, SO_RCVLOWAT) == 5 && option(optional, SO_PRIORITY) == 3);
	CHECK(option(optional, SO_KEEPALIVE) == 1 && option(optional, SO_PASSCRED) == 1 && option(pair[0], SO_PASSCRED) == 0);
	CHECK(getsockopt(optional, SOL_SOCKET, SO_RCVTIMEO, &time, &length) == 0 && time.tv_sec == 3 && time.tv_usec == 252000);
	CHECK(option(big[0], SO_SNDBUF) == option(talk[0], SO_SNDBUF) && option(pair[0], SO_PEEK_OFF) == -1 && option(packets[1], SO_PEEK_OFF) == -1);
	CHECK(fcntl(pair[0], F_GETFD) == FD_CLOEXEC && (fcntl(packets[1], F_GETFL) & O_NONBLOCK) && (fcntl(abstract_server, F_GETFL) & O_NONBLOCK));
}

static void check_names(void)
{
	char path[200], other[60];
	struct stat stat;
	CHECK(getcwd(path, 80) && strcat(path, "/listener"));
	snprintf(other, sizeof other, "workload %d", getpid());
	CHECK(has_name(listener, 0, path, 0));
	CHECK(has_name(client, 0, NULL, 0));
	if (with_names)
		CHECK(has_name(server, 0, path, 0) && has_name(client, 1, path, 0) && has_name(abstract_server, 0, other, 1) && has_name(abstract_client, 1, other, 1));
	CHECK(has_name(relative, 0, "relative", 0));
	CHECK(has_name(named[0], 1, "yours", 0));
	CHECK(has_name(pair[0], 0, NULL, 0));
	CHECK(option(listener, SO_ACCEPTCONN) && option(relative, SO_ACCEPTCONN) && !option(bound, SO_ACCEPTCONN));
	CHECK(lstat("listener", &stat) == 0 && stat.st_mode == (S_IFSOCK | 0640));
}

static void connect_anew(int to)
{
	int type = option(to, SO_TYPE), from = connect_to(type, to), accepted = accept(to, NULL, NULL);
	CHECK(accepted >= 0);
	put(from, "hello");
	get(accepted, "hello");
	CHECK(close(from) == 0 && close(accepted) == 0);
}

static void check_ends(int last)
{
	char byte;
	is_empty(half[0]);
	CHECK(send(half[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EPIPE && recv(half[1], &byte, 1, 0) == 0);
	put(half[1], "still");
	get(half[0], "still");
	CHECK(send(widow, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EPIPE);
	if (!last)
		return;
	get(widow, "last words");
	CHECK(recv(widow, &byte, 1, 0) == 0);
	get(widow_gram, "gram");
	get(widow_gram, "mar");
}

static void child(void)
{
	close(talk[0]);
	for (long n; read(talk[1], &n, sizeof n) == sizeof n; )
		CHECK(write(talk[1], &n, sizeof n) == sizeof n);
	_exit(0);
}

int main(int argc, char **argv)
{
	pid_t pid;
	with_names = argc > 1 && !strcmp(argv[1], "names");
	set_up();
	if ((pid = fork()) == 0)
		child();
	close(talk[1]);
	put_all();
	say("ready");
	for (long n = 1, back; tick("round"); n++) {
		get_all();
		is_empty(pair[0]);
		is_empty(grams[1]);
		is_empty(gram_server);
		CHECK(write(talk[0], &n, sizeof n) == sizeof n && read(talk[0], &back, sizeof back) == sizeof back && back == n);
		check_options();
		check_names();
		connect_anew(listener);
		connect_anew(abstract);
		connect_anew(relative);
		check_ends(0);
		put_all();
	}
	check_ends(1);
	close(talk[0]);
	join(pid);
	return done();
}
