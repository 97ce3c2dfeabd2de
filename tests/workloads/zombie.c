/* Children that have ended and that nobody has waited for yet: by exit code, by signal, a whole group whose leader has ended. */
#include "workload.h"
#include <signal.h>

int main(void)
{
	pid_t exited = fork();
	if (exited == 0)
		_exit(42);
	pid_t killed = fork();
	if (killed == 0) {
		signal(SIGTERM, SIG_DFL);
		raise(SIGTERM);
	}
	pid_t leader = fork();
	if (leader == 0) {
		setpgid(0, 0);
		_exit(0);
	}
	setpgid(leader, leader);
	pid_t member = fork();
	if (member == 0) {
		setpgid(0, leader);
		while (tick("member") && getpgrp() == leader)
			;
		_exit(0);
	}
	siginfo_t info;
	int status;
	CHECK(waitid(P_PID, exited, &info, WEXITED | WNOWAIT) == 0 && waitid(P_PID, killed, &info, WEXITED | WNOWAIT) == 0);
	CHECK(waitid(P_PID, leader, &info, WEXITED | WNOWAIT) == 0);
	say("ready");
	while (tick("parent")) {
		CHECK(waitid(P_PID, exited, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == exited && info.si_code == CLD_EXITED && info.si_status == 42);
		CHECK(waitid(P_PID, killed, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == killed && info.si_code == CLD_KILLED && info.si_status == SIGTERM);
	}
	CHECK(waitpid(exited, &status, 0) == exited && WEXITSTATUS(status) == 42 && waitpid(killed, &status, 0) == killed && WTERMSIG(status) == SIGTERM);
	join(leader);
	join(member);
	return done();
}
