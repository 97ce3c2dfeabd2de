/* Descriptors that wait in unix sockets (SCM_RIGHTS): in a stream with borders before and behind them, in datagrams and packets, in a socket whose other end is closed, and in one with a name that
   nobody is connected to. What waits is held too by this process (one open file, with one position), by its child alone, or by nobody: a pipe with contents, a memfd, an event counter, an end of
   a pair whose other end is held, a socket that waits in a socket and has one waiting in itself. Every few ticks it takes out what waits, looks at it, and sends it again. "passed loop" adds sockets that
   wait in themselves and in each other, an empty datagram, an epoll instance and an inotify; "passed senders" has a socket that asks who sent what (SO_PASSCRED), this process or its child; "passed
   common" leaves out what CRIU 4.2 does not restore: sockets that only wait, one that nobody is connected to, borders before descriptors, and more than 252 of these in a message. */
#include "workload.h"
#include <linux/kcmp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { MOST = 253, COMMON = 250, BIG = 30000, QUIET = 4 };      /* QUIET: ticks for each round, so that most looks from outside see nothing that passes */

static int stream[2], grams[2], packets[2], end[2], held, outer[2], widow, named, childs[2], many[2], null_file, itself[2], crossed[2], more[2], watched[2], senders[2], childs_file, notify;
static pid_t child;
static const char *what = "";
static int common;

static ssize_t send_with(int fd, const char *text, size_t length, const int *fds, int count)
{
	union { struct cmsghdr header; char room[CMSG_SPACE(MOST * sizeof(int))]; } control = { .header = { CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec vector = { (char *)text, length };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	return sendmsg(fd, &message, MSG_DONTWAIT);
}

static void put_with(int fd, const char *text, int count, ...)
{
	int fds[MOST];
	va_list args;
	va_start(args, count);
	for (int i = 0; i < count; i++)
		fds[i] = va_arg(args, int);
	va_end(args);
	CHECK(send_with(fd, text, strlen(text), fds, count) == (ssize_t)strlen(text));
}

/* All that one call gives must be this text, and so many descriptors. */
static void get_with(int fd, const char *text, int count, int *fds)
{
	char buffer[BIG];
	union { struct cmsghdr header; char room[CMSG_SPACE(MOST * sizeof(int))]; } control;
	struct iovec vector = { buffer, sizeof buffer };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
	CHECK(got == (ssize_t)strlen(text) && !memcmp(buffer, text, got) && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)));
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	CHECK((header ? (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0) == count);
	if (header)
		memcpy(fds, CMSG_DATA(header), count * sizeof(int));
}

/* As somebody who knows nothing of descriptors, and would lose them. */
static void get(int fd, const char *text)
{
	char buffer[64];
	CHECK(recv(fd, buffer, strlen(text), MSG_DONTWAIT) == (ssize_t)strlen(text) && !memcmp(buffer, text, strlen(text)));
}

static void put(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_DONTWAIT) == (ssize_t)strlen(text));
}

static void is_empty(int fd)
{
	char byte;
	CHECK(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == -1 && errno == EAGAIN);
}

static int same(pid_t pid, int fd, int theirs)
{
	return syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, fd, theirs) == 0;
}

/* Closes its arguments up to a negative one. */
static void close_all(int fd, ...)
{
	va_list args;
	va_start(args, fd);
	for (; fd >= 0; fd = va_arg(args, int))
		CHECK(close(fd) == 0);
	va_end(args);
}

static void pair_of(int type, int *pair)
{
	CHECK(socketpair(AF_UNIX, type, 0, pair) == 0);
}

static void put_stream(void)
{
	int pipe_ends[2], memory = memfd_create("passed", 0);
	CHECK(pipe(pipe_ends) == 0 && write(pipe_ends[1], "in the pipe", 11) == 11);
	CHECK(write(memory, "in memory", 9) == 9);
	CHECK(lseek(held, 1000, SEEK_SET) == 1000);
	if (!common)
		put(stream[0], "head");
	put_with(stream[0], "abc", 1, held);
	if (!common) {
		put(stream[0], "more");
		put(stream[0], "again");
	}
	put_with(stream[0], "de", 4, null_file, pipe_ends[0], held, memory);
	put_with(stream[0], "f", 1, pipe_ends[1]);
	put(stream[0], "tail");
	close_all(pipe_ends[0], pipe_ends[1], memory, -1);
}

static void get_stream(void)
{
	char buffer[64];
	int fds[4], writer;
	if (!common)
		get(stream[1], "head");
	get_with(stream[1], "abc", 1, fds);
	CHECK(same(getpid(), fds[0], held) && lseek(fds[0], 0, SEEK_CUR) == 1000 && lseek(fds[0], 5, SEEK_SET) == 5 && lseek(held, 0, SEEK_CUR) == 5);
	close_all(fds[0], -1);
	if (!common)
		get(stream[1], "moreagain");
	get_with(stream[1], "de", 4, fds);
	CHECK(same(getpid(), fds[2], held) && same(getpid(), fds[0], null_file));
	CHECK(pread(fds[3], buffer, sizeof buffer, 0) == 9 && !memcmp(buffer, "in memory", 9) && lseek(fds[3], 0, SEEK_CUR) == 9);
	get_with(stream[1], "f", 1, &writer);
	CHECK(write(writer, "!", 1) == 1 && close(writer) == 0 && read(fds[1], buffer, sizeof buffer) == 12 && !memcmp(buffer, "in the pipe!", 12) && read(fds[1], buffer, 1) == 0);
	get_with(stream[1], "tail", 0, NULL);
	is_empty(stream[1]);
	close_all(fds[0], fds[1], fds[2], fds[3], -1);
}

static void put_packets(void)
{
	int counter = eventfd(7, 0), last[2], left[2], inner[2], file = open("passed.data", O_RDONLY);
	CHECK(counter >= 0 && lseek(file, 2000, SEEK_SET) == 2000);
	pair_of(SOCK_STREAM, last);
	pair_of(SOCK_SEQPACKET, left);
	pair_of(SOCK_STREAM, inner);
	put_with(grams[0], "one", 1, counter);
	put(grams[0], "two");
	put_with(grams[0], "three", 2, held, counter);
	put_with(packets[0], "p2", 2, held, held);
	if (!common) {
		pair_of(SOCK_STREAM, end);
		put(end[0], "to the other end");
		put_with(packets[0], "p1", 1, end[1]);
		put_with(inner[0], "innermost", 1, file);         /* both ends of it wait, in two others */
		put_with(last[0], "nested", 1, inner[1]);
		put_with(outer[0], "outer", 1, last[1]);
		put_with(packets[1], "back", 1, inner[0]);
		close_all(end[1], -1);
	}
	put_with(left[0], "left", 1, file);
	widow = left[1];
	close_all(counter, last[0], last[1], left[0], inner[0], inner[1], file, -1);
}

static void get_packets(void)
{
	uint64_t count;
	int counter, fds[2], last, inner, innermost, other, left;
	get_with(grams[1], "one", 1, &counter);
	get_with(grams[1], "two", 0, NULL);
	get_with(grams[1], "three", 2, fds);
	CHECK(read(counter, &count, sizeof count) == sizeof count && count == 7 && same(getpid(), counter, fds[1]) && same(getpid(), fds[0], held));
	close_all(counter, fds[0], fds[1], -1);
	get_with(packets[1], "p2", 2, fds);
	CHECK(same(getpid(), fds[0], held) && same(getpid(), fds[1], held));
	close_all(fds[0], fds[1], -1);
	get_with(widow, "left", 1, &left);
	CHECK(lseek(left, 0, SEEK_CUR) == 2000 && !same(getpid(), left, held) && recv(widow, &count, 1, 0) == 0);
	if (!common) {
		get_with(packets[1], "p1", 1, &other);
		get_with(other, "to the other end", 0, NULL);
		put(other, "to the first end");
		get(end[0], "to the first end");
		close_all(other, end[0], -1);
		get_with(outer[1], "outer", 1, &last);
		get_with(last, "nested", 1, &inner);
		CHECK(recv(last, &count, 1, 0) == 0);
		get_with(packets[0], "back", 1, &other);
		put(other, "behind it");
		get_with(inner, "innermost", 1, &innermost);
		get_with(inner, "behind it", 0, NULL);
		CHECK(same(getpid(), innermost, left));
		close_all(last, inner, innermost, other, -1);
	}
	close_all(left, widow, -1);
}

static void put_named(void)
{
	struct sockaddr_un address = { AF_UNIX, "named" };
	int from = socket(AF_UNIX, SOCK_DGRAM, 0), fds[MOST];
	CHECK(connect(from, (struct sockaddr *)&address, sizeof address) == 0);
	if (!common)
		put_with(from, "to a name", 1, held);
	close_all(from, -1);
	for (int i = 0; i < MOST; i++)
		fds[i] = i % 2 ? held : null_file;
	static char big[BIG] = { [0 ... BIG - 2] = 'b' };
	CHECK(send_with(many[0], big, BIG - 1, fds, common ? COMMON : MOST) == BIG - 1);
	put(childs[1], "send");                                  /* its own file, which we do not hold */
	char byte;
	CHECK(recv(childs[1], &byte, 1, 0) == 1);
}

static void get_named(void)
{
	static char big[BIG] = { [0 ... BIG - 2] = 'b' };
	int fds[MOST];
	if (!common) {
		get_with(named, "to a name", 1, fds);
		CHECK(same(getpid(), fds[0], held) && close(fds[0]) == 0);
	}
	get_with(many[1], big, common ? COMMON : MOST, fds);
	for (int i = 0; i < (common ? COMMON : MOST); i++)
		CHECK(same(getpid(), fds[i], i % 2 ? held : null_file) && close(fds[i]) == 0);
	get_with(more[1], "the child's", 1, fds);
	CHECK(same(child, fds[0], childs_file) && lseek(fds[0], 0, SEEK_CUR) == 3000);
	close_all(fds[0], -1);
}

/* The inotify is passed on: the kernel takes long to end one. */
static void put_loop(void)
{
	int epoll = epoll_create1(0), pipe_ends[2];
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 77 };
	CHECK(pipe(pipe_ends) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, watched[0], &event) == 0);
	CHECK(inotify_add_watch(notify, "passed.data", IN_ATTRIB) == 1);
	pair_of(SOCK_STREAM, itself);
	put_with(itself[0], "itself", 1, itself[1]);
	pair_of(SOCK_DGRAM, crossed);
	put_with(crossed[0], "one way", 2, crossed[0], crossed[1]);
	put_with(crossed[1], "the other", 2, crossed[1], crossed[0]);
	put_with(watched[0], "watched", 2, epoll, notify);       /* by the socket that the first one looks at */
	CHECK(send_with(watched[0], "", 0, &(int){ pipe_ends[0] }, 1) == 0 && close(pipe_ends[1]) == 0);
	close_all(epoll, notify, pipe_ends[0], -1);
}

static void get_loop(void)
{
	struct epoll_event event = { 0 };
	struct inotify_event news;
	int fds[2], reader;
	char byte;
	get_with(itself[1], "itself", 1, fds);
	CHECK(same(getpid(), fds[0], itself[1]));
	close_all(itself[0], itself[1], fds[0], -1);
	get_with(crossed[1], "one way", 2, fds);
	CHECK(same(getpid(), fds[0], crossed[0]) && same(getpid(), fds[1], crossed[1]));
	close_all(fds[0], fds[1], -1);
	get_with(crossed[0], "the other", 2, fds);
	CHECK(same(getpid(), fds[0], crossed[1]) && same(getpid(), fds[1], crossed[0]));
	close_all(crossed[0], crossed[1], fds[0], fds[1], -1);
	get_with(watched[1], "watched", 2, fds);
	put(watched[1], "x");
	CHECK(epoll_wait(fds[0], &event, 1, 0) == 1 && event.data.u64 == 77 && epoll_ctl(fds[0], EPOLL_CTL_DEL, watched[0], NULL) == 0);
	get(watched[0], "x");
	CHECK(chmod("passed.data", 0600) == 0 && read(fds[1], &news, sizeof news) == sizeof news && news.wd == 1 && news.mask == IN_ATTRIB);
	notify = fds[1];
	close_all(fds[0], -1);
	get_with(watched[1], "", 1, &reader);
	CHECK(read(reader, &byte, 1) == 0 && close(reader) == 0);
}

static void put_senders(void)
{
	char byte;
	int fd = open("passed.data", O_RDONLY);
	put_with(senders[0], "mine", 1, fd);
	put(senders[1], "back");
	put(childs[1], "tell");
	CHECK(recv(childs[1], &byte, 1, 0) == 1 && close(fd) == 0);
	put(senders[0], "mine again");
}

static void get_from(pid_t pid, const char *text, int count)
{
	char buffer[64], control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
	struct iovec vector = { buffer, sizeof buffer };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct ucred *sender = NULL;
	int rights = 0;
	CHECK(recvmsg(senders[1], &message, MSG_DONTWAIT) == (ssize_t)strlen(text) && !memcmp(buffer, text, strlen(text)));
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
		if (header->cmsg_type == SCM_CREDENTIALS)
			sender = (struct ucred *)CMSG_DATA(header);
		else if (header->cmsg_type == SCM_RIGHTS)
			rights += close(*(int *)CMSG_DATA(header)) == 0;
	CHECK(sender && sender->pid == pid && sender->uid == getuid() && sender->gid == getgid() && rights == count);
}

static void get_senders(void)
{
	get(senders[0], "back");
	get_from(getpid(), "mine", 1);
	get_from(child, "the child's", 1);
	get_from(child, "and no more", 0);
	get_from(getpid(), "mine again", 0);
}

static void live_as_child(void)
{
	char order[8];
	CHECK(lseek(childs_file, 3000, SEEK_SET) == 3000);
	close_all(childs[1], notify, -1);
	while (recv(childs[0], order, sizeof order, 0) == 4) {
		if (!memcmp(order, "send", 4))
			put_with(more[0], "the child's", 1, childs_file);
		else {
			put_with(senders[0], "the child's", 1, childs_file);
			put(senders[0], "and no more");
		}
		put(childs[0], "!");
	}
	_exit(0);
}

static void set_up(void)
{
	struct sockaddr_un address = { AF_UNIX, "named" };
	CHECK((held = open("passed.data", O_RDWR | O_CREAT, 0600)) >= 0 && ftruncate(held, 5000) == 0 && (null_file = open("/dev/null", O_RDWR)) >= 0);
	pair_of(SOCK_STREAM, stream);
	pair_of(SOCK_DGRAM, grams);
	pair_of(SOCK_SEQPACKET, packets);
	pair_of(SOCK_STREAM, outer);
	pair_of(SOCK_STREAM, many);
	pair_of(SOCK_STREAM, more);
	pair_of(SOCK_SEQPACKET, childs);
	pair_of(SOCK_DGRAM, watched);
	pair_of(SOCK_STREAM, senders);
	CHECK(setsockopt(senders[1], SOL_SOCKET, SO_PASSCRED, &(int){ !strcmp(what, "senders") }, sizeof(int)) == 0);
	CHECK((named = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0 && bind(named, (struct sockaddr *)&address, sizeof address) == 0);
	CHECK((childs_file = open("passed.data", O_RDONLY)) >= 0 && (notify = inotify_init1(IN_NONBLOCK)) >= 0);
	if ((child = fork()) == 0)
		live_as_child();
	close_all(childs[0], -1);
	if (strcmp(what, "loop"))
		close_all(notify, -1);
	/* The number is taken, and by another file: ours is the child's alone. */
	CHECK(dup2(null_file, childs_file) == childs_file);
}

static void put_all(void)
{
	put_stream();
	put_packets();
	put_named();
	if (!strcmp(what, "loop"))
		put_loop();
	if (!strcmp(what, "senders"))
		put_senders();
}

static void get_all(void)
{
	if (!strcmp(what, "senders"))
		get_senders();
	if (!strcmp(what, "loop"))
		get_loop();
	get_named();
	get_packets();
	get_stream();
}

int main(int argc, char **argv)
{
	what = argc > 1 ? argv[1] : what;
	common = !strcmp(what, "common");
	set_up();
	put_all();
	say("ready");
	for (int n = 1; tick("round"); n++)
		if (n % QUIET == 0) {
			get_all();
			put_all();
		}
	get_all();
	close_all(childs[1], -1);
	join(child);
	return done();
}
