/* waiting vfork | leader | zombie: a program in an odd state, of which a second thread counts. vfork: its leader waits for a vfork child until it is
   told to end. leader: its leader has ended. zombie: it has a child that ended. */
#include "workload.h"
#include <pthread.h>

static void *count(void *arg)
{
	while (tick("count"))
		;
	say("done");
	_exit(0);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;
	const char *how = argc > 1 ? argv[1] : "";
	pid_t zombie = 0;
	siginfo_t info;
	if (!strcmp(how, "zombie")) {
		if ((zombie = fork()) == 0)
			_exit(0);
		CHECK(waitid(P_PID, zombie, &info, WEXITED | WNOWAIT) == 0);
	}
	CHECK(pthread_create(&t, 0, count, 0) == 0);
	say("child %d", zombie);
	say("ready");
	if (!strcmp(how, "leader"))
		pthread_exit(0);
	if (!strcmp(how, "vfork") && vfork() == 0) {
		for (int started = 0; !finishing(); started = 1)
			if (!started)
				say("vforked %d", getpid());
			else
				usleep(1000);
		_exit(0);
	}
	pthread_join(t, 0);
}
