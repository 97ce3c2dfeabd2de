/* Shared memory between relatives: anonymous and of a file. Parent, child and grandchild add to the same words by turns and see each
   other's writes; a piece is mapped by the child alone, a private file mapping keeps its changed pages to itself. */
#include "workload.h"

enum { SIZE = 1 << 20, PAGE = 4096 };

static volatile long *anonymous, *of_file;
static char *private;

static void *map(size_t size, int flags, int fd)
{
	void *at = mmap(0, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	CHECK(at != MAP_FAILED);
	return at;
}

static void set_up(void)
{
	int fd = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < SIZE / PAGE; i++)
		CHECK(pwrite(fd, &i, sizeof i, i * PAGE) == sizeof i);
	CHECK(ftruncate(fd, SIZE) == 0);
	anonymous = map(SIZE, MAP_SHARED | MAP_ANONYMOUS, -1);
	of_file = map(SIZE, MAP_SHARED, fd);
	private = map(SIZE, MAP_PRIVATE, fd);
	close(fd);
	for (int i = 0; i < SIZE / PAGE; i += 3)
		anonymous[i * PAGE / 8 + 1] = i;
	for (int i = 0; i < SIZE / PAGE; i += 2)
		strcpy(private + i * PAGE + 100, "only mine");
}

/* Words 2..4 of the shared areas: whose turn it is, how many were taken (in both areas), and whether this round is the last, which the first
   says while it is its turn, so that all learn it in the same round. */
static int take_turn(int who)
{
	for (int i = 0; i < SIZE / PAGE; i++) {
		CHECK(anonymous[i * PAGE / 8 + 1] == (i % 3 ? 0 : i));
		CHECK(*(int *)(private + i * PAGE) == i && !strcmp(private + i * PAGE + 100, i % 2 ? "" : "only mine"));
		CHECK(((int *)of_file)[i * PAGE / 4] == i && of_file[i * PAGE / 8 + 100 / 8] == 0);
	}
	while (__atomic_load_n(&anonymous[2], __ATOMIC_ACQUIRE) % 3 != who)
		sleep_ms(1);
	CHECK(anonymous[3] == of_file[3] && anonymous[2] == anonymous[3]);
	of_file[3]++;
	anonymous[3]++;
	if (who == 0 && finishing())
		anonymous[4] = 1;
	int more = anonymous[4] == 0;
	__atomic_add_fetch(&anonymous[2], 1, __ATOMIC_RELEASE);
	char name[] = { 't', '0' + who, 0 };
	tick(name);
	return more;
}

int main(void)
{
	set_up();
	pid_t child = fork(), grandchild = 0;
	if (child == 0) {
		grandchild = fork();
		if (grandchild > 0) {                               /* the child has the area elsewhere, and in pieces */
			of_file = mremap((void *)of_file, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, map(SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
			CHECK(of_file != MAP_FAILED && mprotect((char *)private + SIZE / 2, SIZE / 4, PROT_READ) == 0);
		}
	}
	int who = child ? 0 : grandchild ? 1 : 2;
	if (who == 0)
		say("ready");
	while (take_turn(who))
		;
	if (grandchild || child)
		join(child ? child : grandchild);
	if (who)
		_exit(0);
	int fd = open("data", O_RDONLY), found;
	CHECK(msync((void *)of_file, SIZE, MS_SYNC) == 0);
	CHECK(pread(fd, &found, 4, 24) == 4 && found == (int)of_file[3] && pread(fd, &found, 4, 2 * PAGE + 100) == 4 && found == 0);
	return done();
}
