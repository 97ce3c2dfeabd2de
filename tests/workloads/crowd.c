/* crowd N [changing]: N threads that wait for ever, and where the threads are changing, four that make others which end at once, all the time. */
#include "workload.h"
#include <pthread.h>

static pthread_attr_t small;
static int changing;
static long made[4];

static void *nothing(void *arg)
{
	return arg;
}

static void *rest(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *change(void *arg)
{
	for (;; __sync_fetch_and_add((long *)arg, 1)) {
		pthread_t t;
		CHECK(pthread_create(&t, &small, nothing, 0) == 0 && pthread_join(t, 0) == 0);
	}
	return arg;
}

int main(int argc, char **argv)
{
	long before[4];
	pthread_t t;
	changing = argc > 2;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = atoi(argv[1]); i > 0; i--)
		CHECK(pthread_create(&t, &small, rest, 0) == 0);
	for (int i = 0; changing && i < 4; i++)
		CHECK(pthread_create(&t, &small, change, &made[i]) == 0);
	say("ready");
	do {
		memcpy(before, made, sizeof made);
		while (changing && (made[0] == before[0] || made[1] == before[1] || made[2] == before[2] || made[3] == before[3]))
			sleep_ms(1);
	} while (tick("count"));
	say("done");
	_exit(0);
}
