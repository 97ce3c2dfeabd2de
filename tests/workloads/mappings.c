/* Mappings with every kind of right and advice: contents behind PROT_NONE, execute-only code that still runs, advice flags, locked memory,
   no-reserve, guard regions between, files with holes, a mapping of the program itself. */
#include "workload.h"
#include <sys/mman.h>

enum { PAGE = 4096, LARGE = 1 << 21 };

static char *map(size_t size, int prot, int flags)
{
	char *at = mmap(0, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	CHECK(at != MAP_FAILED);
	return at;
}

int main(void)
{
	static const unsigned char code[] = { 0xb8, 0x39, 0x05, 0, 0, 0xc3 };            /* mov $1337, %eax; ret */
	char *hidden = map(3 * PAGE, PROT_READ | PROT_WRITE, 0), *run = map(PAGE, PROT_READ | PROT_WRITE, 0), *tail;
	char *pages = map(16 * PAGE, PROT_READ | PROT_WRITE, 0), *huge = map(2 * LARGE, PROT_READ | PROT_WRITE, 0);
	char *locked = map(2 * PAGE, PROT_READ | PROT_WRITE, 0);
	char *sparse = map(1l << 36, PROT_READ | PROT_WRITE, MAP_NORESERVE), *file, *beyond;
	strcpy(hidden + PAGE, "hidden");
	memcpy(run, code, sizeof code);
	CHECK(mprotect(hidden, 3 * PAGE, PROT_NONE) == 0 && mprotect(run, PAGE, PROT_EXEC) == 0);
	for (int i = 0; i < 16; i += 2)
		pages[i * PAGE] = i + 1;
	CHECK(madvise(pages, 2 * PAGE, MADV_DONTFORK) == 0 && madvise(pages + 4 * PAGE, 2 * PAGE, MADV_WIPEONFORK) == 0);
	CHECK(madvise(pages + 8 * PAGE, 2 * PAGE, MADV_DONTDUMP) == 0 && madvise(pages + 12 * PAGE, 2 * PAGE, MADV_SEQUENTIAL) == 0);
	CHECK(mprotect(pages + 14 * PAGE, PAGE, PROT_READ) == 0);
	madvise(huge, 2 * LARGE, MADV_HUGEPAGE);
	memset(huge, 'H', 2 * LARGE);
	CHECK(mlock(locked, 2 * PAGE) == 0);
	strcpy(locked, "locked");
	strcpy(sparse + (1l << 35), "far away");
	int fd = open("holes", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(pwrite(fd, "end", 4, 5 * PAGE) == 4);
	file = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	beyond = mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 5 * PAGE);
	CHECK(file != MAP_FAILED && beyond != MAP_FAILED && close(fd) == 0);
	strcpy(file + 2 * PAGE, "private");
	tail = file + 5 * PAGE;
	say("ready");
	do {
		CHECK(((int (*)(void))run)() == 1337 && !strcmp(locked, "locked") && !strcmp(sparse + (1l << 35), "far away") && sparse[0] == 0);
		for (int i = 0; i < 16; i++)
			CHECK(pages[i * PAGE] == (i % 2 ? 0 : i + 1));
		for (int i = 0; i < 2 * LARGE; i += PAGE)
			CHECK(huge[i] == 'H');
		CHECK(!strcmp(file + 2 * PAGE, "private") && !strcmp(tail, "end") && file[0] == 0 && !strcmp(beyond, "end"));
	} while (tick("round"));
	CHECK(mprotect(hidden, 3 * PAGE, PROT_READ) == 0 && !strcmp(hidden + PAGE, "hidden") && hidden[0] == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(pages[4 * PAGE] != 0 || pages[8 * PAGE] != 9);
	join(pid);
	return done();
}
