/* pending: blocks numbered real-time signals. When it is told to end it takes all that wait, which must be 1, 2, 3 ... for the process and for the thread. */
#include "workload.h"
#include <signal.h>

int main(void)
{
	sigset_t set;
	siginfo_t info;
	struct timespec none = { 0, 0 };
	sigemptyset(&set);
	for (int s = SIGRTMIN + 1; s <= SIGRTMIN + 2; s++)
		sigaddset(&set, s);
	sigprocmask(SIG_BLOCK, &set, 0);
	for (int n = 1; n <= 50; n++)
		CHECK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval) { .sival_int = n }) == 0);
	for (int n = 1; n <= 3; n++) {
		siginfo_t own = { .si_signo = SIGRTMIN + 2, .si_code = SI_QUEUE, .si_value.sival_int = n };
		CHECK(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN + 2, &own) == 0);
	}
	say("ready");
	while (tick("count"))
		;
	while (sigtimedwait(&set, &info, &none) > 0)
		say("%s %d", info.si_signo == SIGRTMIN + 1 ? "shared" : "own", info.si_value.sival_int);
	return done();
}
