/* Every resource limit differs from what the process was born with; also nice value, scheduling of a thread, out-of-memory score. */
#include "workload.h"
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

enum { KINDS = 16 };

static struct rlimit wanted[KINDS];

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

/* Only downwards: that needs no privilege. */
static void lower(int kind, rlim_t soft, rlim_t hard)
{
	struct rlimit now;
	CHECK(getrlimit(kind, &now) == 0);
	wanted[kind].rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
	wanted[kind].rlim_cur = soft < wanted[kind].rlim_max ? soft : wanted[kind].rlim_max;
	CHECK(setrlimit(kind, &wanted[kind]) == 0);
}

static void *thread(void *arg)
{
	(void)arg;
	struct sched_param none = { 0 };
	CHECK(sched_setscheduler(0, SCHED_BATCH, &none) == 0 && setpriority(PRIO_PROCESS, 0, 7) == 0);
	do
		CHECK(sched_getscheduler(0) == SCHED_BATCH && getpriority(PRIO_PROCESS, 0) == 7);
	while (tick("thread"));
	return 0;
}

int main(void)
{
	pthread_t t;
	struct rlimit now;
	for (int kind = 0; kind < KINDS; kind++)
		lower(kind, RLIM_INFINITY, RLIM_INFINITY);
	lower(RLIMIT_CPU, 7000, 7001);
	lower(RLIMIT_FSIZE, 1 << 26, 1 << 27);
	lower(RLIMIT_DATA, 1 << 28, RLIM_INFINITY);
	lower(RLIMIT_STACK, 1 << 20, 1 << 22);
	lower(RLIMIT_CORE, 0, 4096);
	lower(RLIMIT_NOFILE, 33, 77);
	lower(RLIMIT_AS, 1 << 30, 1l << 32);
	lower(RLIMIT_MEMLOCK, 12288, 16384);
	lower(RLIMIT_SIGPENDING, 11, 22);
	lower(RLIMIT_MSGQUEUE, 1000, 2000);
	put("/proc/self/oom_score_adj", "321");
	CHECK(setpriority(PRIO_PROCESS, 0, 3) == 0 && pthread_create(&t, 0, thread, 0) == 0);
	say("ready");
	do
		for (int kind = 0; kind < KINDS; kind++)
			CHECK(getrlimit(kind, &now) == 0 && now.rlim_cur == wanted[kind].rlim_cur && now.rlim_max == wanted[kind].rlim_max);
	while (tick("main") && getpriority(PRIO_PROCESS, 0) == 3);
	CHECK(pthread_join(t, 0) == 0);
	return done();
}
