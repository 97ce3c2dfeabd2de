/* Holds an object that no engine can save, as descriptor 77: a ring of io_uring, or a landlock rule set. The log says which. */
#include "workload.h"
#include <linux/io_uring.h>
#include <linux/landlock.h>

int main(void)
{
	struct io_uring_params params = { 0 };
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE };
	int fd = syscall(SYS_io_uring_setup, 4, &params);
	if (fd < 0)
		fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	CHECK(fd >= 0 && dup2(fd, 77) == 77 && close(fd) == 0);
	say("ready");
	while (tick("count"))
		;
	return done();
}
