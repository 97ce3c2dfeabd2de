/* tree [N]: N processes, each the child of number (i-1)/3. Every fourth leads a process group, every tenth a session; the others stay in
   their parent's. On every tick each verifies who it is and who its parent is (but the root's may change), and that it lost no child. */
#include "workload.h"

static int total;

static void become(int i)
{
	if (i && i % 10 == 0)
		CHECK(setsid() == getpid());
	else if (i && i % 4 == 0)
		CHECK(setpgid(0, 0) == 0);
}

static void run(int i, int up)
{
	pid_t pid = getpid(), parent = getppid(), group, session, children[3];
	char name[16], byte = 0;
	int n = 0, ends[2];
	become(i);
	group = getpgrp();
	session = getsid(0);
	snprintf(name, sizeof name, "p%d", i);
	CHECK(pipe(ends) == 0);
	for (int c = 3 * i + 1; c <= 3 * i + 3 && c < total; c++) {
		CHECK((children[n] = fork()) >= 0);
		if (children[n++] == 0) {
			close(ends[0]);
			if (up >= 0)
				close(up);
			run(c, ends[1]);
		}
	}
	close(ends[1]);
	CHECK(read(ends[0], &byte, 1) == 0);              /* end of file: the whole branch below is set up */
	close(ends[0]);
	if (up >= 0)
		close(up);
	else
		say("ready");
	do {
		CHECK(getpid() == pid && (i == 0 || getppid() == parent) && getpgrp() == group && getsid(0) == session);
		siginfo_t ended = { 0 };
		CHECK(n == 0 || waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
		CHECK(ended.si_pid == 0 || finishing());
		sleep_ms(20);
	} while (tick(name));
	for (int c = 0; c < n; c++)
		join(children[c]);
	if (i)
		_exit(0);
}

int main(int argc, char **argv)
{
	total = argc > 1 ? atoi(argv[1]) : 50;
	run(0, -1);
	return done();
}
