/* sleeper MS: sleeps MS again and again, each time in one call that nothing may interrupt or end early: it counts the sleeps. It gives the time that is
   left to nobody: a nanosleep that starts again would never end while it is disturbed. */
#include "workload.h"

static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	long ms = argc > 1 ? atol(argv[1]) : 500;
	say("ready");
	do {
		struct timespec want = { ms / 1000, ms % 1000 * 1000000 };
		long start = now();
		CHECK(syscall(SYS_nanosleep, &want, 0) == 0);
		CHECK(now() - start >= ms * 1000000);
		CHECK(now() - start < ms * 1000000 + 20000000000);      /* on a machine that is busy with other things */
		say("slept %ld", ++ticks);
	} while (!finishing());
	return done();
}
