/* A child that is traced by its parent, and runs on: another tracer cannot have it. The parent counts as well. */
#include "workload.h"
#include <sys/ptrace.h>

int main(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		while (tick("traced"))
			;
		_exit(0);
	}
	CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	say("ready");
	while (tick("tracer"))
		;
	join(pid);
	return done();
}
