/* Signals read from descriptors: a blocking one with many signals, a non-blocking one, one that parent and child share. One signal with a value is pending at any time. */
#include "workload.h"
#include <signal.h>
#include <sys/signalfd.h>

static int all, some, none;

static struct signalfd_siginfo get(int fd)
{
	struct signalfd_siginfo info;
	CHECK(read(fd, &info, sizeof info) == sizeof info);
	return info;
}

static sigset_t set_of(int first, int second)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, first);
	if (second)
		sigaddset(&set, second);
	return set;
}

static void put(pid_t to, int signal, int value)
{
	CHECK(sigqueue(to, signal, (union sigval){ .sival_int = value }) == 0);
}

int main(void)
{
	sigset_t both = set_of(SIGRTMIN + 3, SIGUSR1), one = set_of(SIGUSR2, 0), last = set_of(SIGRTMAX, 0), blocked;
	CHECK(sigorset(&blocked, &both, &one) == 0 && sigorset(&blocked, &blocked, &last) == 0 && sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
	all = signalfd(-1, &both, SFD_CLOEXEC);
	some = signalfd(-1, &one, SFD_NONBLOCK);
	none = signalfd(-1, &last, 0);
	CHECK(all >= 0 && some >= 0 && none >= 0);
	pid_t pid = fork();
	if (pid == 0)
		for (;;) {
			struct signalfd_siginfo info = get(none);
			put(getppid(), SIGUSR1, info.ssi_int + 1);
		}
	put(getpid(), SIGRTMIN + 3, 0);
	say("ready");
	for (int n = 1; tick("signal"); n++) {
		struct signalfd_siginfo info = get(all);
		CHECK(info.ssi_signo == (uint32_t)SIGRTMIN + 3 && info.ssi_int == n - 1 && info.ssi_pid == (uint32_t)getpid());
		CHECK(read(some, &info, sizeof info) == -1 && errno == EAGAIN);
		put(getpid(), SIGUSR2, n);
		CHECK(get(some).ssi_int == n);
		put(pid, SIGRTMAX, n);
		info = get(all);
		CHECK(info.ssi_signo == SIGUSR1 && info.ssi_int == n + 1 && info.ssi_pid == (uint32_t)pid);
		CHECK(fcntl(all, F_GETFD) == FD_CLOEXEC && (fcntl(some, F_GETFL) & O_NONBLOCK) && !(fcntl(none, F_GETFL) & O_NONBLOCK));
		put(getpid(), SIGRTMIN + 3, n);
	}
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	return done();
}
