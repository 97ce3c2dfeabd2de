/* Guard pages (MADV_GUARD_INSTALL): an access faults, before and after, and the pages beside them are as they were. A child has one of its own, and one that it took off again. */
#include "workload.h"
#include <setjmp.h>
#include <signal.h>

enum { PAGE = 4096, PAGES = 64, INSTALL = 102, REMOVE = 103 };

static sigjmp_buf back;
static char *memory;

static void take(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static int faults(int page)
{
	if (sigsetjmp(back, 1))
		return 1;
	return *(volatile char *)(memory + page * PAGE) == 'x' ? 0 : 2;
}

static int is_child;

static void check(void)
{
	for (int i = 0; i < PAGES; i++) {
		int guarded = i % 8 == 3 || (is_child && i == 32), taken_off = is_child && i == 11;
		if (guarded && !taken_off)
			CHECK(faults(i) == 1);
		else
			CHECK(memory[i * PAGE] == (taken_off ? 0 : i) && memory[i * PAGE + 7] == (taken_off ? 0 : 'g'));
	}
}

int main(void)
{
	memory = mmap(0, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	signal(SIGSEGV, take);
	for (int i = 0; i < PAGES; i++)
		memory[i * PAGE] = i, memory[i * PAGE + 7] = 'g';
	for (int i = 3; i < PAGES; i += 8)
		CHECK(madvise(memory + i * PAGE, PAGE, INSTALL) == 0);
	pid_t child = fork();
	if (child == 0) {
		is_child = 1;
		CHECK(madvise(memory + 32 * PAGE, PAGE, INSTALL) == 0 && madvise(memory + 11 * PAGE, PAGE, REMOVE) == 0);
	}
	if (child)
		say("ready");
	do
		check();
	while (tick(child ? "t0" : "t1"));
	if (!child)
		_exit(0);
	join(child);
	return done();
}
