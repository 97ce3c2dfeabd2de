/* forks BINARY: calls, forks, calls in the child, which forks and calls again; while other threads call and allocate. Prints "done" where nobody hangs or
   answers wrong. */
#define _GNU_SOURCE
#ifdef SOCCR
#include <soccr.h>
#else
#include <criu/criu.h>
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *binary;

#ifdef SOCCR
/* A connection with itself, paused and let go again: each allocates on the managed heap. */
static int call(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	struct libsoccr_sk_data data;
	char bytes[4096] = "";
	int listener = socket(AF_INET, SOCK_STREAM, 0), a = socket(AF_INET, SOCK_STREAM, 0), b, ok;
	if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) || getsockname(listener, (struct sockaddr *)&address, &length) ||
	    connect(a, (struct sockaddr *)&address, length) || (b = accept(listener, NULL, NULL)) < 0)
		return perror("connection"), 1;
	if (write(a, bytes, sizeof(bytes)) != sizeof(bytes))
		return perror("write"), 1;
	struct libsoccr_sk *sk = libsoccr_pause(b);
	ok = sk && libsoccr_save(sk, &data, sizeof(data)) == sizeof(data) && data.inq_len == sizeof(bytes);
	libsoccr_resume(sk);
	close(a), close(b), close(listener);
	return !ok;
}
#else
static int call(void)
{
	criu_opts *opts = NULL;
	int version;
	criu_local_init_opts(&opts);
	criu_local_set_service_binary(opts, binary);
	version = criu_local_get_version(opts);
	criu_local_free_opts(opts);
	return version != 40200;
}
#endif

static void *caller(void *rounds)
{
	long failures = 0;
	for (long i = 0; i < (long)rounds; i++)
		failures += call();
	return (void *)failures;
}

/* Answers how many calls have failed. */
static int generation(int left)
{
	int failures = call(), status;
	pid_t child = left ? fork() : 0;
	if (left && !child)
		_exit(generation(left - 1));
	if (left) {
		failures += call();
		waitpid(child, &status, 0);
		failures += status != 0;
	}
	return failures + call();
}

int main(int argc, char **argv)
{
	enum { THREADS = 3 };
	long rounds = atol(argv[argc - 1]);
	pthread_t threads[THREADS];
	void *failed;
	int failures = 0;
	binary = argv[1];
	alarm(50);                      /* whoever hangs is ended */
	failures += generation(3);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, caller, (void *)rounds);
	for (int i = 0; i < rounds / 2; i++)
		failures += generation(2);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], &failed), failures += (long)failed;
	printf(failures ? "%d failed\n" : "done\n", failures);
	return failures != 0;
}
