/* numbered rt | stop | none: takes numbered real-time signals, of which none may be lost or come twice. "rt": a child sends them without end; "stop": a child
   stops and continues the program without end; "none": only others send. */
#include "workload.h"
#include <signal.h>
#include <sys/prctl.h>

static volatile long last;
static volatile int wrong;

static void take(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	wrong |= info->si_value.sival_int != last + 1;
	last = info->si_value.sival_int;
}

static void send(pid_t to, int stops)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int n = 1;; n++)
		if (stops) {
			kill(to, SIGSTOP);
			usleep(random() % 300);
			kill(to, SIGCONT);
			usleep(random() % 300);
		} else {
			while (sigqueue(to, SIGRTMIN + 1, (union sigval) { .sival_int = n }))
				usleep(100);
			if (n % 8 == 0)
				usleep(200);
		}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = take, .sa_flags = SA_SIGINFO | SA_RESTART };
	int sends = argc > 1 && strcmp(argv[1], "none");
	pid_t me = getpid(), child = 0;
	long seen = 0;
	CHECK(sigaction(SIGRTMIN + 1, &action, 0) == 0);
	if (sends && (child = fork()) == 0)
		send(me, !strcmp(argv[1], "stop"));
	say("ready");
	while (tick("count")) {
		CHECK(!wrong);
		for (long n = last; seen < n && !sends;)
			say("taken %ld", ++seen);
		if (!sends)
			continue;                               /* what came since is told the next time */
		for (int i = 0; *argv[1] == 'r' && last == seen && i < 2000; i++)
			sleep_ms(5);                            /* on a busy machine the child may have to wait for its turn */
		CHECK(*argv[1] == 's' || last > seen);
		seen = last;
	}
	if (child)
		kill(child, SIGKILL), waitpid(child, 0, 0);
	return done();
}
