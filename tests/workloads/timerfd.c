/* Timers behind descriptors: relative, absolute, one that has fired and that nobody has read, one that is not armed; "timerfd periodic" has a fast one as well, one that
   nobody ever reads, and one that parent and child share. Their times must fit to the clock whatever happened in between; a pause makes them late, never early. */
#include "workload.h"
#include <poll.h>
#include <signal.h>
#include <sys/timerfd.h>

#define SECOND 1000000000LL             /* ns */
#define LONG (1000 * SECOND)
#define PERIOD (SECOND / 50)

static int relative, absolute, periodic, fired, unread, idle, shared;
static int64_t until;                  /* ns of CLOCK_MONOTONIC: when the long timers were due at first */

static int64_t now(clockid_t clock)
{
	struct timespec t;
	CHECK(clock_gettime(clock, &t) == 0);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static int make(clockid_t clock, int flags, int how, int64_t ns, int64_t interval)
{
	struct itimerspec time = { { interval / SECOND, interval % SECOND }, { ns / SECOND, ns % SECOND } };
	int fd = timerfd_create(clock, flags);
	CHECK(fd >= 0 && timerfd_settime(fd, how, &time, NULL) == 0);
	return fd;
}

static int64_t left(int fd)
{
	struct itimerspec time;
	CHECK(timerfd_gettime(fd, &time) == 0);
	return time.it_value.tv_sec * SECOND + time.it_value.tv_nsec;
}

static uint64_t expirations(int fd)
{
	uint64_t n = 0;
	CHECK(read(fd, &n, sizeof n) == sizeof n && n > 0);
	return n;
}

/* The time left counts down, except while the process did not exist. The reference drops what its clock has beyond whole seconds when it sets an absolute timer. */
static void check_long(int fd, int64_t *before, int64_t slack)
{
	int64_t remains = left(fd);
	CHECK(remains > 0 && remains <= *before && remains + now(CLOCK_MONOTONIC) >= until - slack);
	*before = remains;
}

static void check_plain(int64_t *first, int64_t *other)
{
	struct pollfd ready = { fired, POLLIN, 0 };
	char byte[8];
	check_long(relative, first, 0);
	check_long(absolute, other, SECOND);
	CHECK(fcntl(relative, F_GETFD) == FD_CLOEXEC && (fcntl(absolute, F_GETFL) & O_NONBLOCK));
	CHECK(poll(&ready, 1, 0) == 1 && left(fired) == 0);
	CHECK(read(idle, byte, 8) == -1 && errno == EAGAIN && left(idle) == 0);
}

static void check_periodic(void)
{
	int64_t began = now(CLOCK_BOOTTIME);
	CHECK(expirations(periodic) < 1000000 && now(CLOCK_BOOTTIME) - began < 2 * SECOND && left(periodic) <= PERIOD);
	CHECK(left(shared) <= PERIOD);
}

static pid_t set_up(int with_periodic)
{
	until = now(CLOCK_MONOTONIC) + LONG;
	relative = make(CLOCK_MONOTONIC, TFD_CLOEXEC, 0, LONG, 7 * SECOND);
	absolute = make(CLOCK_REALTIME, TFD_NONBLOCK, TFD_TIMER_ABSTIME, now(CLOCK_REALTIME) + LONG, 0);
	fired = make(CLOCK_MONOTONIC, TFD_NONBLOCK, 0, 1, 0);
	idle = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	until -= SECOND / 10;              /* the calls took some time */
	if (!with_periodic)
		return 0;
	periodic = make(CLOCK_BOOTTIME, 0, 0, 1, PERIOD);
	unread = make(CLOCK_REALTIME, 0, 0, 1, PERIOD);
	shared = make(CLOCK_MONOTONIC, 0, TFD_TIMER_ABSTIME, now(CLOCK_MONOTONIC) + PERIOD, PERIOD);
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			expirations(shared);
	return pid;
}

int main(int argc, char **argv)
{
	(void)argv;
	int64_t first = LONG, other = LONG;
	pid_t reader = set_up(argc > 1);
	sleep_ms(2);
	say("ready");
	while (tick("timer")) {
		check_plain(&first, &other);
		if (reader)
			check_periodic();
	}
	CHECK(expirations(fired) == 1);
	if (reader) {
		CHECK(expirations(unread) > 1 && left(unread) > 0 && left(unread) <= PERIOD);
		CHECK(kill(reader, SIGKILL) == 0 && waitpid(reader, NULL, 0) == reader);
	}
	return done();
}
