/* target: sleeps until SIGUSR1, and ends with 41. */
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
