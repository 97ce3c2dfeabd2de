/* timers [HOW MANY MORE]: interval timers of the three kinds, POSIX timers by signal, by thread signal and without one, with ids that have a gap.
   What is armed goes on firing, what is far away keeps its remainder, what is disarmed stays so. */
#include "workload.h"
#include <signal.h>
#include <sys/time.h>

static timer_t by_signal, unused, by_thread, silent, disarmed;
static volatile long alarms, signals, thread_signals;

static void take(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (signal == SIGALRM)
		alarms++;
	else if (info->si_value.sival_int == 77)
		signals++;
	else if (info->si_value.sival_int == 88)
		thread_signals++;
	else
		fail(__FILE__, __LINE__, "a timer's value");
}

static void make(timer_t *timer, int clock, int notify, int value)
{
	struct sigevent event = { .sigev_notify = notify, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = value };
	event._sigev_un._tid = gettid();
	CHECK(timer_create(clock, &event, timer) == 0);
}

static void arm(timer_t timer, long first_ms, long interval_ms)
{
	struct itimerspec t = { { interval_ms / 1000, interval_ms % 1000 * 1000000 }, { first_ms / 1000, first_ms % 1000 * 1000000 } };
	CHECK(timer_settime(timer, 0, &t, 0) == 0);
}

static void check(void)
{
	struct itimerval hour, day;
	struct itimerspec t;
	CHECK(getitimer(ITIMER_VIRTUAL, &hour) == 0 && hour.it_interval.tv_sec == 3600 && hour.it_value.tv_sec <= 3600 && hour.it_value.tv_sec > 3500);
	CHECK(getitimer(ITIMER_PROF, &day) == 0 && day.it_interval.tv_sec == 0 && day.it_value.tv_sec <= 86400 && day.it_value.tv_sec > 86000);
	CHECK(timer_gettime(silent, &t) == 0 && t.it_interval.tv_sec == 5 && t.it_value.tv_sec <= 1000 && t.it_value.tv_sec > 800);
	CHECK(timer_gettime(disarmed, &t) == 0 && t.it_value.tv_sec == 0 && t.it_value.tv_nsec == 0);
	CHECK(timer_gettime(by_signal, &t) == 0 && t.it_interval.tv_nsec == 7000000 && timer_getoverrun(by_signal) >= 0);
	CHECK(timer_gettime(unused, &t) == -1 && errno == EINVAL);
}

int main(int argc, char **argv)
{
	int more = argc > 1 ? atoi(argv[1]) : 0;
	timer_t last = 0;
	struct itimerspec t;
	struct sigaction action = { .sa_sigaction = take, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval often = { { 0, 9000 }, { 0, 9000 } }, hour = { { 3600, 0 }, { 3600, 0 } }, day = { { 0, 0 }, { 86400, 0 } };
	sigaction(SIGALRM, &action, 0);
	sigaction(SIGRTMIN + 1, &action, 0);
	make(&by_signal, CLOCK_MONOTONIC, SIGEV_SIGNAL, 77);
	make(&unused, CLOCK_MONOTONIC, SIGEV_NONE, 0);
	make(&by_thread, CLOCK_REALTIME, SIGEV_THREAD_ID, 88);
	make(&silent, CLOCK_BOOTTIME, SIGEV_NONE, 0);
	make(&disarmed, CLOCK_MONOTONIC, SIGEV_SIGNAL, 0);
	arm(by_signal, 7, 7);
	arm(by_thread, 11, 11);
	arm(silent, 1000000, 5000);
	for (int i = 0; i < more; i++) {
		make(&last, CLOCK_MONOTONIC, SIGEV_SIGNAL, 0);
		arm(last, 1000000 + i * 1000, 0);
	}
	CHECK(timer_delete(unused) == 0);
	CHECK(setitimer(ITIMER_REAL, &often, 0) == 0 && setitimer(ITIMER_VIRTUAL, &hour, 0) == 0 && setitimer(ITIMER_PROF, &day, 0) == 0);
	say("ready");
	do {
		long a = alarms, s = signals, of_thread = thread_signals;
		for (int i = 0; i < 2000 && (alarms == a || signals == s || thread_signals == of_thread); i++)
			sleep_ms(1);
		CHECK(alarms > a);
		CHECK(signals > s);
		CHECK(thread_signals > of_thread);
		check();
		CHECK(!more || (timer_gettime(last, &t) == 0 && t.it_value.tv_sec <= 1000 + more && t.it_value.tv_sec > 800 + more));
	} while (tick("all"));
	return done();
}
