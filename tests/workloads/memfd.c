/* memfds: one that is a script, which can be executed although it can be written through its descriptor, its second name and a shared mapping; and one
   that is sealed and has another position. "memfd future" has one more that nobody may map for writing or write any more, but for the mapping that is there. */
#include "workload.h"
#include <sys/syscall.h>

enum { PAGE = 4096, FUTURE = F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL, SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static const char script[] = "#!/bin/true\n";

static int run(int fd)
{
	char *argv[] = { "script", 0 }, *envp[] = { 0 };
	pid_t child = fork();
	if (child == 0) {
		syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
		_exit(errno);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	return status;
}

int main(int argc, char **argv)
{
	(void)argv;
	int program = memfd_create("a script", 0), sealed = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	CHECK(write(program, script, sizeof script - 1) == sizeof script - 1 && fcntl(program, F_SETFL, O_APPEND) == 0);
	CHECK(write(sealed, "0123456789", 10) == 10 && lseek(sealed, 4, SEEK_SET) == 4 && fcntl(sealed, F_ADD_SEALS, SEALS) == 0);
	int future = argc > 1 ? memfd_create("future", MFD_ALLOW_SEALING) : -1;
	char *mapped = 0;
	if (future >= 0) {
		CHECK(ftruncate(future, PAGE) == 0 && (mapped = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0)) != MAP_FAILED);
		mapped[0] = 42;
		CHECK(fcntl(future, F_ADD_SEALS, FUTURE) == 0);
	}
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", program);
	int reader = open(path, O_RDONLY), again = dup(program);
	char *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, program, 0), *own = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0);
	CHECK(reader >= 0 && again >= 0 && shared != MAP_FAILED && own != MAP_FAILED);
	own[1] = '?';
	CHECK(run(program) == 0);
	say("ready");
	do {
		char text[16];
		CHECK(pread(reader, text, 16, 0) == sizeof script - 1 && !memcmp(text, script, sizeof script - 1) && !strcmp(shared, script));
		CHECK(own[0] == '#' && own[1] == '?' && own[2] == '/');
		CHECK((fcntl(again, F_GETFL) & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_RDWR) && (fcntl(reader, F_GETFL) & (O_APPEND | O_ACCMODE)) == O_RDONLY);
		CHECK(lseek(again, 0, SEEK_CUR) == lseek(program, 0, SEEK_CUR) && lseek(sealed, 0, SEEK_CUR) == 4);
		CHECK(fcntl(sealed, F_GET_SEALS) == SEALS && pwrite(sealed, "x", 1, 0) == -1 && errno == EPERM);
		CHECK(fcntl(sealed, F_GETFD) == FD_CLOEXEC && fcntl(program, F_GETFD) == 0);
		if (future >= 0) {
			CHECK(fcntl(future, F_GET_SEALS) == FUTURE && mapped[0] == 42 && ++mapped[1]);
			CHECK(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0) == MAP_FAILED && errno == EPERM);
			mapped[1] = 0;
		}
	} while (tick("t"));
	CHECK(run(program) == 0);
	return done();
}
