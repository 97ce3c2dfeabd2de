/* place [chroot]: the current directory, the root and the file mode mask, one set for the parent, another for the child;
   and a value of /proc, which a process behind a chroot does not see. */
#include "workload.h"

static void check_mode(const char *file, mode_t mode)
{
	struct stat s;
	unlink(file);
	int fd = open(file, O_CREAT | O_EXCL | O_WRONLY, 0777);
	CHECK(fd >= 0 && fstat(fd, &s) == 0 && (s.st_mode & 0777) == mode && close(fd) == 0);
}

/* How soon the kernel would end a process; -1 leaves it. */
static int likely_victim(pid_t pid, int set)
{
	char path[40], text[16] = "";
	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
	int fd = open(path, set < 0 ? O_RDONLY : O_WRONLY);
	if (set >= 0)
		CHECK(dprintf(fd, "%d", set) > 0);
	else
		CHECK(read(fd, text, sizeof text - 1) > 0);
	CHECK(close(fd) == 0);
	return atoi(text);
}

int main(int argc, char **argv)
{
	char path[500], *end;
	(void)argv;
	home = open(".", O_PATH | O_DIRECTORY);
	CHECK(home >= 0 && mkdir("in", 0755) == 0 && mkdir("in/side", 0755) == 0 && mkdir("in/side/deep", 0755) == 0);
	umask(027);
	pid_t pid = fork();
	if (pid == 0) {
		umask(0102);
		likely_victim(getpid(), 300);
		if (argc > 1)
			CHECK(chroot("in") == 0 && chdir("/side/deep") == 0);
		else
			CHECK(chdir("in/side/deep") == 0);
		do {
			CHECK(getcwd(path, sizeof path) && (end = strstr(path, "/side/deep")) && strlen(end) == 10);
			CHECK(argc == 1 || end == path);
			check_mode("file", 0675);
		} while (tick("child"));
		_exit(0);
	}
	CHECK(chdir("in/side") == 0);
	while (likely_victim(pid, -1) != 300)
		sleep_ms(1);
	say("ready");
	do {
		CHECK(getcwd(path, sizeof path) && strstr(path, "/in/side") && access("deep", X_OK) == 0);
		check_mode("file", 0750);
		CHECK(likely_victim(pid, -1) == 300);
	} while (tick("parent"));
	join(pid);
	return done();
}
