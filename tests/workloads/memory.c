/* memory MIB: fills memory with pages that differ, with pages that repeat and with holes that stay untouched. Each round some pages are
   checked and a few rewritten; at the end all of them are. The value of a page follows from its number and how often it was written. */
#include "workload.h"

static uint64_t *memory;
static unsigned char *versions;
static long pages;

static uint64_t first_word(long page)
{
	if (page % 8 == 3 && !versions[page])
		return 0;                                           /* never touched */
	if (page % 8 == 5)
		return 0x1234567 + versions[page];                   /* the same in many pages */
	return (page + 1) * 0x9e3779b97f4a7c15u + versions[page];
}

static void fill(long page)
{
	uint64_t x = first_word(page);
	for (int i = 0; x && i < 512; i++, x = x * 6364136223846793005u + 1)
		memory[page * 512 + i] = x;
}

static void check(long page)
{
	uint64_t x = first_word(page);
	for (int i = 0; i < 512; i++, x = x ? x * 6364136223846793005u + 1 : 0)
		CHECK(memory[page * 512 + i] == x);
}

int main(int argc, char **argv)
{
	long size = (argc > 1 ? atol(argv[1]) : 64) << 20, next = 0;
	pages = size / 4096;
	versions = calloc(pages, 1);
	memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(versions && memory != MAP_FAILED);
	for (long page = 0; page < pages; page++)
		fill(page);
	say("ready");
	do {
		for (int i = 0; i < 500; i++, next = (next + 7919) % pages)
			if (next % 8 != 3)                                /* reading would touch it */
				check(next);
		versions[next]++;
		fill(next);
	} while (tick("pages"));
	for (long page = 0; page < pages; page++)
		check(page);
	return done();
}
