/* terminals [lines|closed|odd|session|outside PATH [twice]|two PATH PATH|discipline]: pseudo terminals whose both sides are here.
   Without an argument: settings, window, owner of the device, several slaves, data that wait both ways (raw), and a child whose controlling terminal is another pair, with
   a process group in the foreground.
   lines: what waits are lines, one ended by ^D, one with a literal ^C, one without an end, and an echo.
   closed: a slave whose master is closed; a master whose slave is closed, with what it wrote; one whose slave was never opened.
   odd: packet mode, exclusive mode, a lock.
   session: every process of two sessions has its terminal, also by the name /dev/tty.
   outside: a shell of sorts on the terminal with this name, whose master somebody outside holds: it answers each line; it may have
   opened it twice.
   two: two terminals whose masters are outside. discipline: a line discipline that is no terminal's. Neither can be dumped. */
#include "workload.h"
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

#define OPEN_FLAGS (O_RDWR | O_NOCTTY)

struct pair { int master, slave; char name[64]; };

static struct pair make(void)
{
	struct pair p = { .master = posix_openpt(OPEN_FLAGS), .slave = -1 };
	CHECK(p.master >= 0 && grantpt(p.master) == 0 && unlockpt(p.master) == 0);
	CHECK(ptsname_r(p.master, p.name, sizeof p.name) == 0);
	CHECK((p.slave = open(p.name, OPEN_FLAGS)) >= 0);
	return p;
}

static void make_raw(int fd)
{
	struct termios t;
	CHECK(tcgetattr(fd, &t) == 0);
	cfmakeraw(&t);
	CHECK(tcsetattr(fd, TCSANOW, &t) == 0);
}

static int waits(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static void put(int fd, const char *text)
{
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void expect(int fd, const char *text)
{
	char got[512];
	size_t have = 0;
	while (have < strlen(text))
	{
		ssize_t n = read(fd, got + have, strlen(text) - have);
		CHECK(n > 0);
		have += n;
	}
	CHECK(memcmp(got, text, have) == 0);
}

static void is_called(int fd, const char *name)
{
	char now[64];
	CHECK(ttyname_r(fd, now, sizeof now) == 0 && strcmp(now, name) == 0);
}

/* Waiting data */
static struct pair held;
/* Used all the time */
static struct pair live;
static int twin, again;

static void check_settings(void)
{
	struct termios t;
	struct winsize w;
	struct stat st;
	unsigned number;
	CHECK(tcgetattr(live.slave, &t) == 0);
	CHECK(t.c_cc[VINTR] == 7 && t.c_cc[VEOF] == 5 && !(t.c_lflag & (ECHO | ICANON)) && (t.c_lflag & ISIG) && cfgetospeed(&t) == B115200);
	CHECK(ioctl(live.slave, TIOCGWINSZ, &w) == 0 && w.ws_row == 33 && w.ws_col == 77 && w.ws_xpixel == 5 && w.ws_ypixel == 6);
	CHECK(ioctl(live.master, TIOCGPTN, &number) == 0 && number == (unsigned)atoi(live.name + strlen("/dev/pts/")));
	CHECK(fstat(live.slave, &st) == 0 && (st.st_mode & 07777) == 0640 && st.st_uid == geteuid());
	is_called(live.slave, live.name);
	is_called(again, live.name);
	CHECK(fcntl(again, F_GETFL) & O_NONBLOCK && !(fcntl(live.slave, F_GETFL) & O_NONBLOCK) && (fcntl(live.master, F_GETFL) & O_ACCMODE) == O_RDWR);
}

static void check_traffic(void)
{
	put(live.master, "in");
	expect(live.slave, "in");
	put(live.master, "twin");
	expect(twin, "twin");
	put(again, "out");
	expect(live.master, "out");
}

static void make_live(void)
{
	struct termios t;
	struct winsize w = { 33, 77, 5, 6 };
	live = make();
	CHECK((twin = dup(live.slave)) >= 0 && (again = open(live.name, OPEN_FLAGS | O_NONBLOCK)) >= 0);
	make_raw(live.slave);
	CHECK(tcgetattr(live.slave, &t) == 0);
	t.c_cc[VINTR] = 7;
	t.c_cc[VEOF] = 5;
	t.c_lflag |= ISIG;
	cfsetspeed(&t, B115200);
	CHECK(tcsetattr(live.slave, TCSANOW, &t) == 0 && ioctl(live.master, TIOCSWINSZ, &w) == 0 && fchmod(live.slave, 0640) == 0);
}

static pid_t child_with_terminal(struct pair *p, void (*then)(struct pair *))
{
	pid_t child = fork();
	CHECK(child >= 0);
	if (child)
	{
		while (tcgetpgrp(p->master) <= 0)
			sleep_ms(1);
		close(p->slave);
		return child;
	}
	CHECK(setsid() == getpid() && ioctl(p->slave, TIOCSCTTY, 0) == 0);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	then(p);
	_exit(0);
}

/* A shell of sorts: a job in a group of its own is in the foreground */
static void shell(struct pair *p)
{
	pid_t job = fork();
	if (!job)
	{
		CHECK(setpgid(0, 0) == 0);
		while (!finishing())
			sleep_ms(5);
		_exit(0);
	}
	CHECK(setpgid(job, job) == 0 || errno == EACCES);
	CHECK(tcsetpgrp(p->slave, job) == 0);
	ticks = 0;
	do
		CHECK(tcgetsid(p->slave) == getpid() && tcgetpgrp(p->slave) == job);
	while (tick("shell"));
	join(job);
}

static int plain(void)
{
	make_live();
	held = make();
	make_raw(held.slave);
	put(held.master, "typed before");
	put(held.slave, "written before\n");
	struct pair terminal = make();
	pid_t child = child_with_terminal(&terminal, shell);
	CHECK(waits(held.master) & POLLIN);
	say("ready");
	do
	{
		check_settings();
		check_traffic();
	} while (tick("terminals"));
	expect(held.slave, "typed before");
	expect(held.master, "written before\n");
	CHECK(!(waits(held.slave) & POLLIN) && !(waits(held.master) & POLLIN));
	join(child);
	return done();
}

static int lines(void)
{
	struct termios t;
	char line[64];
	held = make();
	CHECK(tcgetattr(held.slave, &t) == 0 && t.c_lflag & ICANON && t.c_lflag & ECHO);
	put(held.master, "one\ntwo\004three \026\003\nrest");
	sleep_ms(20);
	say("ready");
	do
		CHECK(tcgetattr(held.slave, &t) == 0 && t.c_lflag & ICANON && t.c_lflag & ECHO && t.c_iflag & IXON && t.c_oflag & ONLCR);
	while (tick("terminals"));
	CHECK(read(held.slave, line, sizeof line) == 4 && !memcmp(line, "one\n", 4));
	CHECK(read(held.slave, line, sizeof line) == 3 && !memcmp(line, "two", 3));
	CHECK(read(held.slave, line, sizeof line) == 8 && !memcmp(line, "three \003\n", 8));
	CHECK(!(waits(held.slave) & POLLIN));
	expect(held.master, "one\r\ntwothree ^\b^C\r\nrest");
	CHECK(!(waits(held.master) & POLLIN));
	put(held.master, "\n");
	CHECK(read(held.slave, line, sizeof line) == 5 && !memcmp(line, "rest\n", 5));
	return done();
}

static int closed(void)
{
	struct pair hung = make();
	char byte;
	close(hung.master);
	struct pair next = make();
	struct pair left = make();
	make_raw(left.slave);
	put(left.slave, "last words");
	close(left.slave);
	int never = posix_openpt(OPEN_FLAGS);
	CHECK(never >= 0);
	struct pair others = make();
	say("ready");
	do
	{
		CHECK(read(hung.slave, &byte, 1) == 0 && write(hung.slave, "x", 1) < 0 && errno == EIO && waits(hung.slave) & POLLHUP);
		CHECK(waits(left.master) == (POLLIN | POLLHUP));
		CHECK(waits(never) == 0);
		put(next.master, "on\n");
		expect(next.slave, "on\n");
		expect(next.master, "on\r\n");
		is_called(next.slave, next.name);
		is_called(others.slave, others.name);
	} while (tick("terminals"));
	expect(left.master, "last words");
	CHECK(read(left.master, &byte, 1) < 0 && errno == EIO);
	CHECK(unlockpt(never) == 0 && (left.slave = open(left.name, OPEN_FLAGS)) >= 0 && !(waits(left.master) & POLLHUP));
	return done();
}

static int odd(void)
{
	struct pair packets = make(), alone = make(), locked = make();
	int on = 1, value;
	char got[16];
	make_raw(packets.slave);
	CHECK(ioctl(packets.master, TIOCPKT, &on) == 0 && ioctl(alone.slave, TIOCEXCL) == 0 && ioctl(locked.master, TIOCSPTLCK, &on) == 0);
	put(packets.slave, "packet");
	say("ready");
	do
	{
		CHECK(ioctl(packets.master, TIOCGPKT, &value) == 0 && value == 1);
		CHECK(ioctl(alone.slave, TIOCGEXCL, &value) == 0 && value == 1);
		CHECK(ioctl(locked.master, TIOCGPTLCK, &value) == 0 && value == 1);
		is_called(locked.slave, locked.name);
	} while (tick("terminals"));
	CHECK(read(packets.master, got, sizeof got) == 7 && !memcmp(got, "\0packet", 7));
	return done();
}

static void in_session(int current)
{
	int fd = open("/dev/tty", OPEN_FLAGS);
	CHECK(fd >= 0);
	CHECK(tcgetsid(fd) == getsid(0) && tcgetsid(current) == getsid(0));
	close(fd);
}

static const char *leader = "leader", *member = "member";

static void family(struct pair *p)
{
	int current = open("/dev/tty", OPEN_FLAGS);
	CHECK(current >= 0);
	pid_t child = fork();
	CHECK(child >= 0);
	ticks = 0;
	do
		in_session(current);
	while (tick(child ? leader : member));
	if (!child)
		_exit(0);
	join(child);
	(void)p;
}

static int session(void)
{
	struct pair one = make(), other = make();
	pid_t child = child_with_terminal(&one, family);
	leader = "leader2";
	member = "member2";
	pid_t second = child_with_terminal(&other, family);
	say("ready");
	do
		CHECK(tcgetsid(one.master) == child && tcgetpgrp(one.master) == child && tcgetsid(other.master) == second && tcgetpgrp(other.master) == second);
	while (tick("terminals"));
	join(child);
	join(second);
	return done();
}

static int outside(const char *path, int twice)
{
	char line[64];
	struct termios t;
	struct winsize w;
	int fd = open(path, OPEN_FLAGS | (twice ? 0 : O_NONBLOCK)), other = twice ? open(path, OPEN_FLAGS | O_NONBLOCK) : dup(fd);
	CHECK(fd >= 0 && other >= 0 && ioctl(fd, TIOCSCTTY, 0) == 0);
	CHECK(tcgetattr(fd, &t) == 0);
	t.c_lflag &= ~ECHO;
	CHECK(tcsetattr(fd, TCSANOW, &t) == 0);
	say("ready");
	do
	{
		ssize_t n = waits(other) & POLLIN ? read(other, line, sizeof line) : 0;
		CHECK(n >= 0);
		if (n > 0)
			CHECK(dprintf(fd, "you said: %.*s", (int)n, line) > 0);
		CHECK(tcgetsid(fd) == getpid() && tcgetpgrp(other) == getpid() && tcgetattr(fd, &t) == 0 && !(t.c_lflag & ECHO));
		CHECK(ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_row == 40 && w.ws_col == 100);
	} while (tick("shell"));
	return done();
}

static int two(char **paths)
{
	CHECK(open(paths[0], OPEN_FLAGS) >= 0 && open(paths[1], OPEN_FLAGS) >= 0);
	say("ready");
	while (tick("terminals"))
		;
	return done();
}

static int discipline(void)
{
	struct pair p = make();
	int now, null = 27;                     /* N_NULL */
	CHECK(ioctl(p.slave, TIOCSETD, &null) == 0);
	say("ready");
	do
		CHECK(ioctl(p.slave, TIOCGETD, &now) == 0 && now == null);
	while (tick("terminals"));
	return done();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "two"))
		return two(argv + 2);
	if (!strcmp(what, "discipline"))
		return discipline();
	return argc > 2 ? outside(argv[2], argc > 3) : !strcmp(what, "lines") ? lines() : !strcmp(what, "closed") ? closed() : !strcmp(what, "odd") ? odd() : !strcmp(what, "session") ? session() : plain();
}
