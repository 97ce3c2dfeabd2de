/*
 * The same work by libsoccr, for Reference.cs: saves and restores one end of so many loopback connections. A program of its own, linked with the libsoccr of somebody else's
 * tree where there is one; written for this benchmark from libsoccr's list of functions.
 *
 *     reference COUNT BYTES          then, for each line of input: one round, answered by the microseconds of processor time that it took
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "soccr.h"

struct saved {
	struct libsoccr_sk_data data;
	union libsoccr_addr local, remote;
	char *received, *sent;
};

static int count, *ours, *theirs;
static size_t bytes;
static struct libsoccr_sk **handles;
static struct saved *all;

static void check(long result, const char *step)
{
	if (result < 0)
		err(1, "%s", step);
}

/* What arrives for the peer is dropped, so that what we send stays in our queue. */
static void make_deaf(int fd)
{
	struct sock_filter drop = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog program = { 1, &drop };

	check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), "SO_ATTACH_FILTER");
}

static void fill(int from, char *data)
{
	if (bytes)
		check(send(from, data, bytes, 0), "send");
}

static void connect_all(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char *data = calloc(1, bytes + 1);

	check(bind(listener, (void *)&address, sizeof(address)), "bind");
	check(listen(listener, 100), "listen");
	check(getsockname(listener, (void *)&address, &length), "getsockname");
	for (int i = 0; i < count; i++) {
		check(theirs[i] = socket(AF_INET, SOCK_STREAM, 0), "socket");
		check(connect(theirs[i], (void *)&address, sizeof(address)), "connect");
		check(ours[i] = accept(listener, NULL, NULL), "accept");
		fill(theirs[i], data);
		if (bytes)
			make_deaf(theirs[i]);
		fill(ours[i], data);
	}
	free(data);
	close(listener);
}

static void save_all(void)
{
	socklen_t length = sizeof(struct sockaddr_in);

	for (int i = 0; i < count; i++)
		if (!(handles[i] = libsoccr_pause(ours[i])))
			errx(1, "libsoccr_pause");
	for (int i = 0; i < count; i++) {
		check(libsoccr_save(handles[i], &all[i].data, sizeof(all[i].data)), "libsoccr_save");
		all[i].received = libsoccr_get_queue_bytes(handles[i], TCP_RECV_QUEUE, SOCCR_MEM_EXCL);
		all[i].sent = libsoccr_get_queue_bytes(handles[i], TCP_SEND_QUEUE, SOCCR_MEM_EXCL);
		check(getsockname(ours[i], &all[i].local.sa, &length), "getsockname");
		check(getpeername(ours[i], &all[i].remote.sa, &length), "getpeername");
		if (all[i].data.inq_len != bytes || all[i].data.outq_len != bytes)
			errx(1, "connection %d has %u and %u bytes in its queues", i, all[i].data.inq_len, all[i].data.outq_len);
	}
	for (int i = 0; i < count; i++) {
		libsoccr_release(handles[i]);
		close(ours[i]);
	}
}

static void restore_all(void)
{
	for (int i = 0; i < count; i++) {
		check(ours[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP), "socket");
		if (!(handles[i] = libsoccr_pause(ours[i])))
			errx(1, "libsoccr_pause");
		libsoccr_set_queue_bytes(handles[i], TCP_RECV_QUEUE, all[i].received, SOCCR_MEM_EXCL);
		libsoccr_set_queue_bytes(handles[i], TCP_SEND_QUEUE, all[i].sent, SOCCR_MEM_EXCL);
		libsoccr_set_addr(handles[i], 1, &all[i].local, 0);
		libsoccr_set_addr(handles[i], 0, &all[i].remote, 0);
		check(libsoccr_restore(handles[i], &all[i].data, sizeof(all[i].data)), "libsoccr_restore");
	}
	for (int i = 0; i < count; i++)
		libsoccr_resume(handles[i]);
}

static long processor_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	char line[16];

	if (argc != 3)
		errx(1, "usage: reference COUNT BYTES");
	count = atoi(argv[1]);
	bytes = atoi(argv[2]);
	ours = calloc(count, sizeof(*ours));
	theirs = calloc(count, sizeof(*theirs));
	handles = calloc(count, sizeof(*handles));
	all = calloc(count, sizeof(*all));
	connect_all();
	puts("0");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		long start = processor_time();

		save_all();
		restore_all();
		printf("%ld\n", processor_time() - start);
		fflush(stdout);
	}
	return 0;
}
