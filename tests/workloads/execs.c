/* execs [N]: a program of five threads of which one, never the leader, soon executes the program again, and so on: N counts the executions. The others check
   that their registers are their own. */
#include "workload.h"
#include <pthread.h>

static char *self;

static void *check(void *arg)
{
	for (long a = (long)arg, b = 3 * a, c = 5 * a, d = 7 * a;;) {
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
		CHECK(a == (long)arg && b == 3 * a && c == 5 * a && d == 7 * a);
	}
	return arg;
}

static void *execute(void *arg)
{
	char number[24];
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	usleep(t.tv_nsec / 1000 % 3000);
	snprintf(number, sizeof number, "%ld", (long)arg + 1);
	execl("/proc/self/exe", self, number, (char *)0);
	CHECK(0);
	return 0;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1;
	pthread_t t;
	self = argv[0];
	say(n == 1 ? "ready" : "execs %ld", n - 1);
	for (long i = 1; i <= 3; i++)
		CHECK(pthread_create(&t, 0, check, (void *)(n * 10 + i)) == 0);
	CHECK(pthread_create(&t, 0, execute, (void *)n) == 0);
	check((void *)(n * 10));
}
