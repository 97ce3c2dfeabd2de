/* One descriptor of each kind that waits in a unix socket and that nobody holds: timer, signals, a named pipe with contents, a directory, a device, an epoll instance without targets, UDP with a
   datagram, TCP that listens, an end of a TCP connection whose other end is held, with data both ways, the master of one terminal and the slave of another, a unix socket that listens, one that takes
   datagrams and has some. Every few ticks it takes them out, looks at them, and sends them again. */
#include "workload.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>

enum { TIMER, SIGNALS, FIFO, DIRECTORY, DEVICE, EPOLL, UDP, LISTENER, CONNECTION, MASTER, SLAVE, UNIX_LISTENER, UNIX_GRAMS, KINDS };
enum { QUIET = 4, LOW = 30 };           /* ticks for each round, so that most looks from outside see nothing that passes; numbers of terminals that others may want meanwhile */

static int pair[2], peer, slave, master, client;

static struct sockaddr_in address_of(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	CHECK(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
	return address;
}

static int inet(int type)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

static int connected_to(int listener)
{
	struct sockaddr_in address = address_of(listener);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

static struct sockaddr_un unix_name(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, path);
	return address;
}

static int unix_socket(int type, const char *path, int connects)
{
	struct sockaddr_un address = unix_name(path);
	int fd = socket(AF_UNIX, type, 0);
	CHECK(fd >= 0 && (connects || unlink(path) == 0 || errno == ENOENT));
	CHECK((connects ? connect : bind)(fd, (struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

static void put(int fd, const char *text)
{
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void get(int fd, const char *text)
{
	char buffer[64];
	CHECK(read(fd, buffer, sizeof buffer) == (ssize_t)strlen(text) && !memcmp(buffer, text, strlen(text)));
}

static void send_all(const int *fds)
{
	char control[CMSG_SPACE(KINDS * sizeof(int))] = { 0 };
	struct iovec vector = { "all", 3 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){ CMSG_LEN(KINDS * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(header), fds, KINDS * sizeof(int));
	CHECK(sendmsg(pair[0], &message, 0) == 3);
	for (int i = 0; i < KINDS; i++)
		CHECK(close(fds[i]) == 0);
}

static void receive_all(int *fds)
{
	char control[CMSG_SPACE(KINDS * sizeof(int))], text[8];
	struct iovec vector = { text, sizeof text };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	CHECK(recvmsg(pair[1], &message, MSG_DONTWAIT) == 3 && message.msg_controllen >= CMSG_LEN(KINDS * sizeof(int)));
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), KINDS * sizeof(int));
}

static void open_terminal(int *one, int *other)
{
	char name[64];
	CHECK((*one = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(*one) == 0 && unlockpt(*one) == 0 && ptsname_r(*one, name, sizeof name) == 0);
	CHECK((*other = open(name, O_RDWR | O_NOCTTY)) >= 0);
}

static void make_raw(int terminal)
{
	struct termios settings;
	CHECK(tcgetattr(terminal, &settings) == 0);
	cfmakeraw(&settings);
	CHECK(tcsetattr(terminal, TCSANOW, &settings) == 0);
}

static void set_up(int *fds)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && mkfifo("fifo", 0600) == 0);
	CHECK((fds[TIMER] = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0 && timerfd_settime(fds[TIMER], 0, &(struct itimerspec){ .it_value.tv_sec = 10000 }, NULL) == 0);
	CHECK((fds[SIGNALS] = signalfd(-1, &set, SFD_NONBLOCK)) >= 0);
	CHECK((fds[FIFO] = open("fifo", O_RDWR)) >= 0 && (fds[DIRECTORY] = open(".", O_RDONLY | O_DIRECTORY)) >= 0 && (fds[DEVICE] = open("/dev/zero", O_RDONLY)) >= 0);
	CHECK((fds[EPOLL] = epoll_create1(0)) >= 0);
	fds[UDP] = inet(SOCK_DGRAM);
	fds[LISTENER] = inet(SOCK_STREAM);
	CHECK(listen(fds[LISTENER], 5) == 0);
	peer = connected_to(fds[LISTENER]);
	CHECK((fds[CONNECTION] = accept(fds[LISTENER], NULL, NULL)) >= 0);
	int low[LOW];
	for (int i = 0; i < LOW; i++)
		CHECK((low[i] = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
	open_terminal(&fds[MASTER], &slave);
	open_terminal(&master, &fds[SLAVE]);
	for (int i = 0; i < LOW; i++)
		CHECK(close(low[i]) == 0);
	make_raw(slave);
	make_raw(fds[SLAVE]);
	fds[UNIX_LISTENER] = unix_socket(SOCK_SEQPACKET, "listener", 0);
	CHECK(listen(fds[UNIX_LISTENER], 5) == 0);
	fds[UNIX_GRAMS] = unix_socket(SOCK_DGRAM, "grams", 0);
	client = unix_socket(SOCK_DGRAM, "grams", 1);
}

static void fill(const int *fds)
{
	struct sockaddr_in address = address_of(fds[UDP]);
	int from = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(sendto(from, "datagram", 8, 0, (struct sockaddr *)&address, sizeof address) == 8 && close(from) == 0);
	put(fds[FIFO], "in the fifo");
	put(peer, "to what waits");
	put(fds[CONNECTION], "to the peer");
	put(fds[MASTER], "typed");
	put(master, "to the slave");
	put(client, "one");
	put(client, "two");
}

static void check(int *fds)
{
	struct itimerspec left;
	struct signalfd_siginfo signal;
	struct epoll_event event = { .events = EPOLLIN };
	char byte;
	CHECK(timerfd_gettime(fds[TIMER], &left) == 0 && left.it_value.tv_sec > 9000 && left.it_value.tv_sec <= 10000);
	CHECK(kill(getpid(), SIGUSR1) == 0 && read(fds[SIGNALS], &signal, sizeof signal) == sizeof signal && signal.ssi_signo == SIGUSR1);
	get(fds[FIFO], "in the fifo");
	CHECK(faccessat(fds[DIRECTORY], "fifo", F_OK, 0) == 0 && read(fds[DEVICE], &byte, 1) == 1 && byte == 0);
	get(fds[UDP], "datagram");
	get(fds[CONNECTION], "to what waits");
	get(peer, "to the peer");
	int to = connected_to(fds[LISTENER]), accepted = accept(fds[LISTENER], NULL, NULL);
	CHECK(accepted >= 0 && epoll_ctl(fds[EPOLL], EPOLL_CTL_ADD, accepted, &event) == 0);
	put(to, "hello");
	CHECK(epoll_wait(fds[EPOLL], &event, 1, 1000) == 1 && close(to) == 0 && close(accepted) == 0);
	get(slave, "typed");
	put(slave, "written");
	get(fds[MASTER], "written");
	get(fds[SLAVE], "to the slave");
	put(fds[SLAVE], "back");
	get(master, "back");
	to = unix_socket(SOCK_SEQPACKET, "listener", 1);
	CHECK((accepted = accept(fds[UNIX_LISTENER], NULL, NULL)) >= 0 && close(to) == 0 && close(accepted) == 0);
	get(fds[UNIX_GRAMS], "one");
	get(fds[UNIX_GRAMS], "two");
}

int main(void)
{
	int fds[KINDS];
	set_up(fds);
	fill(fds);
	send_all(fds);
	say("ready");
	for (int n = 1; tick("round"); n++)
		if (n % QUIET == 0) {
			receive_all(fds);
			check(fds);
			fill(fds);
			send_all(fds);
		}
	receive_all(fds);
	check(fds);
	return done();
}
