/* place [chroot]: the current directory, the root and the file mode mask, one set for the parent, another for the child. */
#include "workload.h"

static void check_mode(const char *file, mode_t mode)
{
	struct stat s;
	unlink(file);
	int fd = open(file, O_CREAT | O_EXCL | O_WRONLY, 0777);
	CHECK(fd >= 0 && fstat(fd, &s) == 0 && (s.st_mode & 0777) == mode && close(fd) == 0);
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
	say("ready");
	do {
		CHECK(getcwd(path, sizeof path) && strstr(path, "/in/side") && access("deep", X_OK) == 0);
		check_mode("file", 0750);
	} while (tick("parent"));
	join(pid);
	return done();
}
