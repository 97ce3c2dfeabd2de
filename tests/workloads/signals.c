/* signals [HOW MANY]: actions, masks of the process and of threads, an alternative stack, and pending signals: a queue of real-time signals with values, one of
   each kind for the process and for a thread. All stay pending until the end and must then arrive in their order with their values. */
#include "workload.h"
#include <pthread.h>
#include <signal.h>

static int queue = 20;

static volatile int arrived, for_thread, on_stack;
static char stack[65536];
static volatile int go_on = 1;

static void queued(int signal, siginfo_t *info, void *context)
{
	(void)context;
	CHECK(signal == SIGRTMIN + 3 && info->si_code == SI_QUEUE && info->si_value.sival_int == 1000 + arrived++);
	CHECK(info->si_pid == getpid() && info->si_uid == getuid());
	char here;
	on_stack += &here > stack && &here < stack + sizeof stack;
}

static void thread_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	CHECK(signal == SIGUSR2 && info->si_code == SI_TKILL);
	for_thread++;
}

static void set_mask(int how, int a, int b)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	CHECK(pthread_sigmask(how, &set, 0) == 0);
}

static void check_pending(int signal, int expected)
{
	sigset_t set;
	CHECK(sigpending(&set) == 0 && sigismember(&set, signal) == expected);
}

static void *thread(void *arg)
{
	(void)arg;
	set_mask(SIG_BLOCK, SIGUSR2, SIGINT);
	pthread_kill(pthread_self(), SIGUSR2);
	do
		check_pending(SIGUSR2, 1);
	while (tick("thread") && go_on);
	set_mask(SIG_UNBLOCK, SIGUSR2, 0);
	CHECK(for_thread == 1);
	return 0;
}

static void check_actions(void)
{
	struct sigaction a;
	stack_t s;
	CHECK(sigaction(SIGRTMIN + 3, 0, &a) == 0 && a.sa_sigaction == queued && (a.sa_flags & (SA_SIGINFO | SA_ONSTACK)) == (SA_SIGINFO | SA_ONSTACK));
	CHECK(sigismember(&a.sa_mask, SIGHUP) && !sigismember(&a.sa_mask, SIGINT));
	CHECK(sigaction(SIGHUP, 0, &a) == 0 && a.sa_handler == SIG_IGN && sigaction(SIGCHLD, 0, &a) == 0 && (a.sa_flags & SA_NOCLDWAIT));
	CHECK(sigaltstack(0, &s) == 0 && s.ss_sp == stack && s.ss_size == sizeof stack && s.ss_flags == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		queue = atoi(argv[1]);
	struct sigaction a = { .sa_sigaction = queued, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t s = { .ss_sp = stack, .ss_size = sizeof stack };
	pthread_t t;
	sigaddset(&a.sa_mask, SIGHUP);
	CHECK(sigaction(SIGRTMIN + 3, &a, 0) == 0);
	a = (struct sigaction){ .sa_sigaction = thread_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
	CHECK(sigaction(SIGUSR2, &a, 0) == 0);
	a = (struct sigaction){ .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT | SA_NOCLDSTOP };
	CHECK(sigaction(SIGCHLD, &a, 0) == 0 && signal(SIGHUP, SIG_IGN) != SIG_ERR && sigaltstack(&s, 0) == 0);
	set_mask(SIG_SETMASK, SIGRTMIN + 3, SIGTERM);
	CHECK(pthread_create(&t, 0, thread, 0) == 0);
	for (int i = 0; i < queue; i++)
		CHECK(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = 1000 + i }) == 0);
	kill(getpid(), SIGTERM);
	say("ready");
	do {
		check_actions();
		check_pending(SIGTERM, 1);
		check_pending(SIGRTMIN + 3, 1);
		CHECK(arrived == 0);
	} while (tick("main"));
	go_on = 0;
	CHECK(pthread_join(t, 0) == 0);
	set_mask(SIG_UNBLOCK, SIGRTMIN + 3, 0);
	CHECK(arrived == queue && on_stack == queue);
	return done();
}
