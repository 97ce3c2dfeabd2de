/* Nearly as many descriptors as the hard limit allows, each with a position of its own, some with a second number, and the highest number that there is. */
#include "workload.h"
#include <sys/resource.h>

enum { LIMIT = 500, FILES = 400, COPIES = 20 };

static int files[FILES];

int main(void)
{
	struct rlimit limit = { LIMIT, LIMIT };
	char text[LIMIT] = "";
	int first = open("file", O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && write(first, text, LIMIT) == LIMIT);
	for (int i = 0; i < FILES; i++) {
		files[i] = open("file", O_RDONLY | (i % 2 ? O_CLOEXEC : 0));
		CHECK(files[i] >= 0 && lseek(files[i], i, SEEK_SET) == i);
	}
	for (int i = 0; i < COPIES; i++)
		CHECK(dup2(files[i], LIMIT - 1 - i) == LIMIT - 1 - i);
	say("ready");
	while (tick("round")) {
		for (int i = 0; i < FILES; i++)
			CHECK(lseek(files[i], 0, SEEK_CUR) == i && fcntl(files[i], F_GETFD) == (i % 2 ? FD_CLOEXEC : 0));
		for (int i = 0; i < COPIES; i++)
			CHECK(lseek(LIMIT - 1 - i, 0, SEEK_CUR) == i && fcntl(LIMIT - 1 - i, F_GETFD) == 0);
	}
	return done();
}
