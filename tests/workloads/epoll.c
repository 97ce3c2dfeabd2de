/* epoll: data words, level, edge and one-shot entries, an instance in an instance; "epoll dup" has an entry whose own number was closed
   while a duplicate keeps it alive; "epoll reused" gives that number to another file, which is
   watched, too. Every round makes each of them ready and reads the events. */
#include "workload.h"
#include <sys/epoll.h>

enum { LEVEL, EDGE, ONCE, DUP, REUSED, INNER, KINDS };

static int outer, inner, ends[KINDS][2];

static uint64_t word(int kind) { return 0xfedc000000000000u + kind; }

static void add(int epoll, int fd, int kind, int events)
{
	struct epoll_event event = { .events = events, .data.u64 = word(kind) };
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

/* The kinds that are ready, as bits. */
static int ready(int epoll)
{
	struct epoll_event events[KINDS + 1];
	int found = 0, n = epoll_wait(epoll, events, KINDS + 1, 0);
	CHECK(n >= 0);
	for (int i = 0; i < n; i++) {
		int kind = events[i].data.u64 & 0xff;
		CHECK(events[i].data.u64 == word(kind) && (events[i].events & EPOLLIN) && kind < KINDS);
		found |= 1 << kind;
	}
	return found;
}

static void check_round(void)
{
	char c;
	int wanted = 0;
	for (int kind = 0; kind < KINDS; kind++)
		if (ends[kind][1])
			CHECK(write(ends[kind][1], "x", 1) == 1 && (wanted |= 1 << kind));
	CHECK((ready(outer) & wanted) == wanted && ready(inner) == 1 << INNER);
	/* Edge and one-shot entries report once. Who was restored between two looks may be told of an edge once more: an entry that is made anew is ready where there is
	   something to read, and to leave that out could lose an edge that nobody has seen. */
	int again = ready(outer), third = ready(outer);
	CHECK((again & 1 << LEVEL) && (again & 1 << INNER) && !(again & third & 1 << EDGE) && !(again & 1 << ONCE) && !(third & 1 << ONCE));
	for (int kind = 0; kind < KINDS; kind++)
		if (ends[kind][1])
			CHECK(read(ends[kind][0], &c, 1) == 1 && c == 'x');
	CHECK(ready(outer) == 0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = word(ONCE) };
	CHECK(epoll_ctl(outer, EPOLL_CTL_MOD, ends[ONCE][0], &event) == 0);
}

int main(int argc, char **argv)
{
	outer = epoll_create1(EPOLL_CLOEXEC);
	inner = epoll_create1(0);
	for (int kind = 0; kind < KINDS; kind++)
		if ((kind != DUP || argc > 1) && (kind != REUSED || (argc > 1 && !strcmp(argv[1], "reused"))))
			CHECK(pipe2(ends[kind], O_NONBLOCK) == 0);
	add(outer, ends[LEVEL][0], LEVEL, EPOLLIN);
	add(outer, ends[EDGE][0], EDGE, EPOLLIN | EPOLLET);
	add(outer, ends[ONCE][0], ONCE, EPOLLIN | EPOLLONESHOT);
	add(inner, ends[INNER][0], INNER, EPOLLIN | EPOLLPRI);
	add(outer, inner, INNER, EPOLLIN);
	if (argc > 1) {
		add(outer, ends[DUP][0], DUP, EPOLLIN);
		int other = dup(ends[DUP][0]);
		CHECK(close(ends[DUP][0]) == 0);
		if (ends[REUSED][0]) {
			CHECK(dup2(ends[REUSED][0], ends[DUP][0]) == ends[DUP][0] && close(ends[REUSED][0]) == 0);
			ends[REUSED][0] = ends[DUP][0];
			add(outer, ends[REUSED][0], REUSED, EPOLLIN);
		}
		ends[DUP][0] = other;
	}
	say("ready");
	while (tick("round"))
		check_round();
	return done();
}
