/* target: sleeps until SIGUSR1, and ends with 41. On one processor, whose number the kernel writes into the program's memory (struct rseq): its dumps are equal. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t over;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

int main(void)
{
	sigset_t blocked, waited;
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof one, &one))
		return 1;
	signal(SIGUSR1, end);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &waited);
	puts("ready");
	fflush(stdout);
	while (!over)
		sigsuspend(&waited);
	return 41;
}
