/* What must still grow after a restore: the heap by brk, the stack of the process, a mapping that grows downwards, a remapped one. */
#include "workload.h"
#include <sys/resource.h>

static int deep(int n)
{
	volatile char page[4096];
	memset((char *)page, n, sizeof page);
	int below = n ? deep(n - 1) : 0;
	CHECK(page[0] == (char)n && page[4095] == (char)n);
	return below + 1;
}

int main(void)
{
	char *start = sbrk(0), *down, *moving;
	long depth = 40;
	CHECK(brk(start + 100000) == 0);
	memset(start, 'h', 100000);
	char *room = mmap(0, 512 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(room != MAP_FAILED && munmap(room + (64 << 20), 384 << 20) == 0);
	down = mmap(room + (440 << 20), 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	moving = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(down != MAP_FAILED && moving != MAP_FAILED && munmap(room + (400 << 20), 40 << 20) == 0);
	strcpy(down, "bottom");
	strcpy(moving, "moves");
	say("ready");
	do
		CHECK(start[0] == 'h' && start[99999] == 'h' && sbrk(0) == start + 100000 && deep(depth) == depth + 1 && !strcmp(down, "bottom") && !strcmp(moving, "moves"));
	while (tick("level"));
	CHECK(brk(start + 3000000) == 0 && sbrk(0) == start + 3000000 && start[100000] == 0);
	memset(start + 100000, 'i', 2900000);
	CHECK(deep(1000) == 1001);                              /* 4 MB of stack */
	for (char *p = down; p > down - (1 << 20); p -= 4096)
		p[-1] = 'd';                                          /* page by page, as a stack grows */
	CHECK(down[-1] == 'd' && !strcmp(down, "bottom"));
	moving = mremap(moving, 8192, 1 << 24, MREMAP_MAYMOVE);
	CHECK(moving != MAP_FAILED && !strcmp(moving, "moves") && moving[(1 << 24) - 1] == 0);
	return done();
}
