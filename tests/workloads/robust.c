/* Two processes and mutexes in a shared file: robust, with priority inheritance, and a condition. A child holds the robust one over a
   dump, which must not look like its owner's death; at the end it dies holding it, and then the parent must learn so. */
#include "workload.h"
#include <pthread.h>

struct shared {
	pthread_mutex_t robust, inheriting;
	pthread_cond_t turned;
	volatile int held, turn, over;
};

static struct shared *s;

static void set_up(void)
{
	pthread_mutexattr_t m;
	pthread_condattr_t c;
	int fd = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && ftruncate(fd, sizeof *s) == 0);
	s = mmap(0, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(s != MAP_FAILED && close(fd) == 0);
	pthread_mutexattr_init(&m);
	pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_INHERIT);
	CHECK(pthread_mutex_init(&s->inheriting, &m) == 0);
	pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_NONE);
	pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST);
	CHECK(pthread_mutex_init(&s->robust, &m) == 0);
	pthread_condattr_init(&c);
	pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
	CHECK(pthread_cond_init(&s->turned, &c) == 0);
}

/* Takes turns by the condition, so that one of the two is always waiting in a futex. */
static void take_turn(int who)
{
	CHECK(pthread_mutex_lock(&s->inheriting) == 0);
	while (s->turn % 2 != who)
		CHECK(pthread_cond_wait(&s->turned, &s->inheriting) == 0);
	s->turn++;
	pthread_cond_signal(&s->turned);
	CHECK(pthread_mutex_unlock(&s->inheriting) == 0);
}

int main(void)
{
	set_up();
	pid_t pid = fork();
	if (pid == 0) {
		CHECK(pthread_mutex_lock(&s->robust) == 0);
		s->held = 1;
		do {
			take_turn(1);
			CHECK((s->robust.__data.__lock & 0x3fffffff) == getpid() && s->robust.__data.__owner == getpid());
		} while (tick("child") | !s->over);
		take_turn(1);
		_exit(0);
	}
	while (!s->held)
		sleep_ms(1);
	say("ready");
	do {
		take_turn(0);
		CHECK(pthread_mutex_trylock(&s->robust) == EBUSY);
	} while (tick("parent"));
	s->over = 1;
	take_turn(0);
	for (int i = 0; i < 100 && waitpid(pid, 0, WNOHANG) == 0; i++)
		s->turn = 1, pthread_cond_signal(&s->turned), sleep_ms(10);
	CHECK(pthread_mutex_lock(&s->robust) == EOWNERDEAD && pthread_mutex_consistent(&s->robust) == 0 && pthread_mutex_unlock(&s->robust) == 0);
	return done();
}
