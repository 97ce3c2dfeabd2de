/* host criu|soccr: what the library changes in the program that uses it. It compares what the kernel tells before and after the first calls, and does what
   a changed process could not do. Prints what has changed. */
#define _GNU_SOURCE
#ifdef SOCCR
#include <soccr.h>
#include <unistd.h>
#define CALLS() do { int fd = socket(AF_INET, SOCK_STREAM, 0); libsoccr_release(libsoccr_pause(fd)); close(fd); } while (0)
#else
#include <criu/criu.h>
#define CALLS() do { criu_init_opts(); criu_set_log_file("log"); criu_set_service_address("/nonexistent"); criu_check(); } while (0)
#endif
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct picture {
	char status[4096];
	struct sigaction actions[64];
	stack_t stack;
	sigset_t mask;
};

static void look(struct picture *picture)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	memset(picture, 0, sizeof(*picture));
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, "Threads", 7) || !strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6) || !strncmp(line, "Seccomp", 7))
			strcat(picture->status, line);
	fclose(status);
	for (int s = 1; s < 64; s++)
		sigaction(s, NULL, &picture->actions[s]);
	sigaltstack(NULL, &picture->stack);
	sigprocmask(SIG_SETMASK, NULL, &picture->mask);
}

static void handler(int signal) { (void)signal; }

int main(void)
{
	struct picture before, after;
	/* Own handlers, and own ignored signals, must stay; whoever starts us may ignore signals too. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGSEGV, handler), signal(SIGFPE, handler), signal(SIGUSR1, SIG_IGN);
	look(&before);
	CALLS();
	CALLS();
	look(&after);
	if (strcmp(before.status, after.status))
		printf("status was:\n%sis:\n%s", before.status, after.status);
	for (int s = 1; s < 64; s++)
		if (before.actions[s].sa_handler != after.actions[s].sa_handler || before.actions[s].sa_flags != after.actions[s].sa_flags)
			printf("signal %d\n", s);
	if (before.stack.ss_sp != after.stack.ss_sp)
		puts("signal stack");
	if (memcmp(&before.mask, &after.mask, sizeof(sigset_t)))
		puts("mask");
	fflush(stdout);
	/* A write without a reader ends the program, as ever. */
	pid_t child = fork();
	if (!child) {
		int ends[2];
		pipe(ends);
		close(ends[0]);
		write(ends[1], "", 1);
		_exit(1);
	}
	int status;
	waitpid(child, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGPIPE)
		printf("SIGPIPE: %x\n", status);
	/* Refused to a process with threads. */
	if (unshare(CLONE_NEWUSER))
		perror("unshare");
	return 0;
}
