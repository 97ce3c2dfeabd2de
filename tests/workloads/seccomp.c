/* seccomp filter: any system call but the few that counting needs kills the process, also one that an engine makes in it. A second filter
   lies over the first. seccomp strict: a child in strict mode may only read and write; its parent sends it numbers to log. */
#include "workload.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void filter(void)
{
	struct sock_filter few[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_write), ALLOW(SYS_clock_nanosleep), ALLOW(SYS_restart_syscall), ALLOW(SYS_faccessat), ALLOW(SYS_faccessat2), ALLOW(SYS_exit_group), ALLOW(SYS_prctl), ALLOW(SYS_getpid),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_filter no_pid[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog first = { sizeof few / sizeof *few, few }, second = { sizeof no_pid / sizeof *no_pid, no_pid };
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &first) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &second) == 0);
	say("ready");
	do
		CHECK(syscall(SYS_getpid) == -1 && errno == 77);
	while (tick("count"));
}

static void strict(void)
{
	int numbers[2];
	long n;
	CHECK(pipe(numbers) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(numbers[1]);
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		while (read(numbers[0], &n, sizeof n) == sizeof n)
			say("strict %ld", n);
		syscall(SYS_exit, 0);
	}
	say("ready");
	do {
		n = ticks + 1;
		CHECK(write(numbers[1], &n, sizeof n) == sizeof n);
	} while (tick("parent"));
	close(numbers[1]);
	join(pid);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "strict"))
		strict();
	else
		filter();
	return done();
}
