/* Parent, two children and a grandchild share private memory until they write it. Each writes pages of its own and checks on every tick
   that it sees its own bytes, that the others' writes do not reach it, and by PSS that what nobody wrote is still one copy. */
#include "workload.h"

enum { PAGES = 2048, OWN = 64, ALL = 4 };

static unsigned char *memory;

static int value(int page, int who)
{
	return page / OWN == who ? 200 + who : page % 199 + 1;
}

static long pss_kb(void)
{
	unsigned long start, wanted = (unsigned long)memory;
	char line[300];
	long kb = -1, found = 0;
	FILE *smaps = fopen("/proc/self/smaps", "r");
	while (kb < 0 && fgets(line, sizeof line, smaps)) {
		if (sscanf(line, "%lx-", &start) == 1 && strchr(line, '-'))
			found = start == wanted;
		else if (found)
			sscanf(line, "Pss: %ld", &kb);
	}
	fclose(smaps);
	return kb;
}

/* Own pages are alone, the pages of the three others have three owners, all others four. */
static void run(int who, pid_t *children)
{
	char name[] = { 'c', '0' + who, 0 };
	int above = 0;
	long expected = 4 * (OWN + (ALL - 1) * OWN / (ALL - 1) + (PAGES - ALL * OWN) / ALL);
	for (int page = who * OWN; page < (who + 1) * OWN; page++)
		memset(memory + page * 4096, value(page, who), 4096);
	if (who == 0)
		sleep_ms(200);                                        /* until all have written; a later "ready" would be no harm */
	if (who == 0)
		say("ready");
	do {
		for (int page = 0; page < PAGES; page++)
			CHECK(memory[page * 4096 + 17] == value(page, who) && memory[page * 4096 + 4095] == value(page, who));
		long kb = pss_kb();
		above = kb > expected + expected / 8 && ticks > 50 ? above + 1 : 0;
		if (above == 5)                                       /* not in passing, while others come or go */
			say("FAIL sharing of c%d is lost: PSS is %ld kB instead of %ld", who, kb, expected);
	} while (tick(name));
	sleep_ms(who ? 0 : 100);                                 /* who ends early leaves pages to fewer owners */
	for (; *children; children++)
		join(*children);
	if (who)
		_exit(0);
}

int main(void)
{
	pid_t children[3] = { 0 }, grandchild[2] = { 0 };
	memory = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED && madvise(memory, PAGES * 4096, MADV_NOHUGEPAGE) == 0);
	for (int page = 0; page < PAGES; page++)
		memset(memory + page * 4096, value(page, -1), 4096);
	if ((children[0] = fork()) == 0)
		run(1, grandchild);
	if ((children[1] = fork()) == 0) {
		if ((grandchild[0] = fork()) == 0)
			run(3, grandchild);
		run(2, grandchild);
	}
	run(0, children);
	return done();
}
