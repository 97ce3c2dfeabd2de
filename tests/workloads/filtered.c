/* filtered [one | strict]: a seccomp filter of two threads that count, or of the second alone, kills for every call but those that counting takes; or strict
   mode (of a single thread) for all but read, write and exit. Any call of another kind is the end, unless seccomp is suspended. */
#include "workload.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>

static void filter(int flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_nanosleep, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0);
}

static volatile int counting;
static int only_one;

static void *count(void *name)
{
	if (only_one && counting == 0)
		filter(0);
	for (counting = 1;;) {
		sleep_ms(5);
		say("%s %ld", (char *)name, ++ticks);
	}
	return name;
}

int main(int argc, char **argv)
{
	pthread_t other;
	only_one = argc > 1 && !strcmp(argv[1], "one");
	if (argc == 1 || only_one) {
		CHECK(pthread_create(&other, 0, count, "other") == 0);
		while (!counting)
			sleep_ms(1);                     /* a new thread makes calls of its own first */
		if (!only_one)
			filter(SECCOMP_FILTER_FLAG_TSYNC);
		say("ready");
		count("main");
	}
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	say("ready");
	for (;;) {
		for (volatile int i = 0; i < 3000000; i++)
			;
		say("main %ld", ++ticks);
	}
}
