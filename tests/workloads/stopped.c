/* A child that was stopped by SIGSTOP: it must stay stopped, and count on from where it was once it is continued. */
#include "workload.h"
#include <signal.h>

int main(void)
{
	siginfo_t info;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		while (tick("stopped"))
			;
		_exit(0);
	}
	sleep_ms(50);                                             /* it has counted a little */
	kill(pid, SIGSTOP);
	CHECK(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0 && info.si_status == SIGSTOP);
	say("ready");
	while (tick("parent"))
		CHECK(waitpid(pid, &status, WNOHANG | WCONTINUED) == 0);
	kill(pid, SIGCONT);
	join(pid);
	return done();
}
