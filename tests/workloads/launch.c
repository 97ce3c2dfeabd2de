/* launch DIRECTORY UMASK COMMAND...: starts a command as a service manager would: own session, own directory, no descriptor but /dev/null
   and the log, default signals, empty mask. It stays the same process, so whoever spawns it knows the pid. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	sigset_t none;
	if (argc < 4 || chdir(argv[1]))
		return 127;
	setsid();
	umask(strtol(argv[2], 0, 8));
	for (int s = 1; s <= SIGRTMAX; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, 0);
	int null = open("/dev/null", O_RDWR), log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (null < 0 || log < 0 || dup2(null, 0) || dup2(log, 1) != 1 || dup2(log, 2) != 2)
		return 127;
	close_range(3, ~0U, 0);
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
