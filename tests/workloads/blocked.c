/* blocked CALL [strictly]: a child blocks in one system call while its parent counts. At the end the parent does what the call waits for, and
   the child must get exactly that. Calls that any stop ends with EINTR are repeated, as programs must; "strictly" allows no EINTR. */
#include "workload.h"
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { LIMIT = 1500 };                      /* ms that a sleep takes */
static const char *call;
static int strictly, data[2], full[2], *word;
static volatile sig_atomic_t signals;

static void take(int signal) { (void)signal; signals++; }

static int is(const char *name) { return !strcmp(call, name); }

static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long once(struct timespec *rest)
{
	struct timespec hour = { 3600, 0 };
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd in = { data[0], POLLIN, 0 };
	sigset_t none, usr2;
	siginfo_t info;
	fd_set set;
	sigemptyset(&none);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	FD_ZERO(&set);
	FD_SET(data[0], &set);
	if (is("nanosleep")) return nanosleep(rest, rest);
	if (is("clock_nanosleep")) return -clock_nanosleep(CLOCK_MONOTONIC, 0, rest, rest);
	if (is("futex")) return syscall(SYS_futex, word, FUTEX_WAIT, 0, 0);
	if (is("futex_timed")) return syscall(SYS_futex, word, FUTEX_WAIT, 0, &hour);
	if (is("poll")) return poll(&in, 1, -1) - 1;
	if (is("poll_timed")) return poll(&in, 1, 3600000) - 1;
	if (is("ppoll")) return ppoll(&in, 1, &hour, &none) - 1;
	if (is("select")) return select(data[0] + 1, &set, 0, 0, 0) - 1;
	if (is("epoll_wait")) {
		int epoll = epoll_create1(0);
		CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, data[0], &event) == 0);
		long result = epoll_wait(epoll, &event, 1, -1) - 1;
		return close(epoll), result;
	}
	if (is("sigtimedwait")) return sigtimedwait(&usr2, &info, &hour) - SIGUSR2;
	if (is("pause")) return pause() == -1 && errno == EINTR && signals == 1 ? 0 : -2;
	if (is("sigsuspend")) return sigsuspend(&none) == -1 && errno == EINTR && signals == 1 ? 0 : -2;
	return is("read") ? 0 : -2;                 /* reading is all that is left to do */
}

static void child(void)
{
	struct timespec rest = { LIMIT / 1000, LIMIT % 1000 * 1000000 };
	long start = now(), result;
	char c, page[4096] = "";
	int status;
	if (is("write"))
		result = write(full[1], page, sizeof page) - sizeof page;
	else if (is("wait4")) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(read(data[0], &c, 1) == 1 ? c : 1);
		CHECK(wait4(pid, &status, 0, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 'x');
		_exit(0);
	} else
		while ((result = once(&rest)) < 0 && (errno == EINTR || result == -EINTR) && signals == 0 && *word == 0)
			CHECK(!strictly);
	CHECK(result == 0);
	CHECK(strstr(call, "sleep") == 0 || now() - start >= LIMIT);
	CHECK(read(data[0], &c, 1) == 1 && c == 'x');
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = take };
	sigset_t mask;
	siginfo_t ended = { 0 };
	char state = 0, stat[64] = "", page[4096] = "";
	call = argc > 1 ? argv[1] : "read";
	strictly = argc > 2;
	word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(word != MAP_FAILED && pipe(data) == 0 && pipe(full) == 0 && fcntl(full[1], F_SETPIPE_SZ, 4096) == 4096 && write(full[1], page, 4096) == 4096);
	sigaction(SIGUSR1, &action, 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	if (is("sigsuspend"))
		sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, 0);
	pid_t pid = fork();
	if (pid == 0)
		child();
	for (snprintf(stat, sizeof stat, "/proc/%d/stat", pid); state != 'S'; sleep_ms(1)) {
		FILE *f = fopen(stat, "r");
		CHECK(f && fscanf(f, "%*d %*s %c", &state) == 1 && fclose(f) == 0);
	}
	say("ready");
	while (tick(call))
		CHECK(waitid(P_PID, pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0);
	*word = !is("nanosleep") && !is("clock_nanosleep");
	CHECK(syscall(SYS_futex, word, FUTEX_WAKE, 1) >= 0 && write(data[1], "x", 1) == 1);
	if (is("write"))
		CHECK(read(full[0], page, 4096) == 4096);
	if (is("pause") || is("sigsuspend"))
		kill(pid, SIGUSR1);
	if (is("sigtimedwait"))
		kill(pid, SIGUSR2);
	join(pid);
	return done();
}
