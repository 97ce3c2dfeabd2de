/* What all workloads share. Standard output is a log that the test reads: "ready" once everything is set up, then "NAME N" with
   N = 1, 2, 3 ... for each counter, so that a gap, a repeat or a stand-still shows; "FAIL ..." where a check does not hold; "done" at the end.
   The test asks for the end by a file called "finish" in the workload's own directory, its current directory at start. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what) do { if (!(what)) fail(__FILE__, __LINE__, #what); } while (0)
#define UNUSED __attribute__((unused))

static int home = AT_FDCWD;            /* where "finish" is looked for; a workload that leaves its directory opens it first */
static __thread long ticks;            /* a child that should count from 1 sets it to 0 */

/* One line, one write: lines of several writers never mix. */
static void say(const char *format, ...)
{
	char line[400];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	line[n] = '\n';
	if (write(1, line, n + 1) != n + 1)
		_exit(99);
}

UNUSED static void fail(const char *file, int line, const char *what)
{
	say("FAIL %s:%d pid %d: %s (errno %d %s)", file, line, getpid(), what, errno, strerror(errno));
	_exit(98);
}

/* Sleeps through interruptions, as a program that minds its time does. */
UNUSED static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

UNUSED static int finishing(void)
{
	return faccessat(home, "finish", F_OK, 0) == 0;
}

/* Counts one on and says so. False when the test asks for the end. */
UNUSED static int tick(const char *name)
{
	sleep_ms(5);
	say("%s %ld", name, ++ticks);
	return !finishing();
}

UNUSED static int done(void)
{
	say("done");
	return 0;
}

/* Waits for a child that must end well. */
UNUSED static void join(pid_t child)
{
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
