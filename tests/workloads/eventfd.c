/* Event counters: plain, non-blocking, one that parent and child share; "eventfd semaphore" has them as semaphores, "eventfd full" has one
   that cannot take more (which only a 64-bit value does). They are emptied and filled again in turn. */
#include "workload.h"
#include <sys/eventfd.h>

static uint64_t get(int fd)
{
	uint64_t n = 0;
	CHECK(read(fd, &n, sizeof n) == sizeof n);
	return n;
}

static void put(int fd, uint64_t n)
{
	CHECK(write(fd, &n, sizeof n) == sizeof n);
}

int main(int argc, char **argv)
{
	int semaphores = argc > 1 && !strcmp(argv[1], "semaphore"), filled = argc > 1 && !strcmp(argv[1], "full");
	int plain = eventfd(12345, EFD_CLOEXEC), full = eventfd(0, EFD_NONBLOCK), ask = eventfd(0, 0), answer = eventfd(0, semaphores ? EFD_SEMAPHORE : 0);
	uint64_t one = 1, most = filled ? UINT64_MAX - 1 : 1;
	CHECK(plain >= 0 && full >= 0 && ask >= 0 && answer >= 0);
	put(full, most);
	pid_t pid = fork();
	if (pid == 0) {
		for (uint64_t n; (n = get(ask)) != 1000000000; )
			put(answer, n);
		_exit(0);
	}
	say("ready");
	while (tick("event")) {
		CHECK(fcntl(plain, F_GETFD) == FD_CLOEXEC && get(plain) == 12345);
		put(plain, 12345);
		if (filled)
			CHECK(write(full, &one, sizeof one) == -1 && errno == EAGAIN);
		CHECK(get(full) == most && (fcntl(full, F_GETFL) & O_NONBLOCK));
		put(full, most);
		put(ask, 4);
		CHECK(get(answer) == (semaphores ? 1 : 4));
		if (semaphores)
			CHECK(get(answer) == 1 && get(answer) == 1 && get(answer) == 1);
	}
	put(ask, 1000000000);
	join(pid);
	return done();
}
