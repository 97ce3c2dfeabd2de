/* Unix sockets in odd places: connections that wait to be accepted; names whose file was unlinked, with its directory, or with another socket in its place. Every round accepts
   what waits and connects anew, and takes out what waits and puts it in again. "unixodd outside" sends to a socket of a process that is not in the tree. */
#include "workload.h"
#include <dirent.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static int streams, waiting, packets, waiting_packets, lost_server, lost_client, lost_accepted, lost_peer, ghost, to_ghost, successor, to_successor, outside = -1;
static DIR *here;

static socklen_t name(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(address->sun_path, path);
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

static int bound(int type, const char *path)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, type, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, name(&address, path)) == 0);
	return fd;
}

static int connected(int type, const char *path)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, type, 0);
	socklen_t length = name(&address, path);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, length) == 0);
	return fd;
}

static void put(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_DONTWAIT) == (ssize_t)strlen(text));
}

static void get(int fd, const char *text)
{
	char buffer[64];
	CHECK(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) == (ssize_t)strlen(text) && !memcmp(buffer, text, strlen(text)));
}

static void is_called(int fd, const char *path)
{
	struct sockaddr_un address = { 0 };
	socklen_t length = sizeof address;
	CHECK(getsockname(fd, (struct sockaddr *)&address, &length) == 0 && !strcmp(address.sun_path, path));
}

/* A process that is no longer ours takes what is sent to it, until it is told that this was all or its folder is gone. */
static void start_outside(const char *path)
{
	char buffer[64];
	int ends[2];
	CHECK(pipe(ends) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			setsid();
			close(1);
			int fd = bound(SOCK_DGRAM, path);
			struct pollfd poll_fd = { fd, POLLIN, 0 };
			close(ends[0]);
			close(ends[1]);
			while (access(path, F_OK) == 0)
				if (poll(&poll_fd, 1, 50) > 0 && recv(fd, buffer, sizeof buffer, 0) == 4)
					break;
		}
		_exit(0);
	}
	join(pid);
	CHECK(close(ends[1]) == 0 && read(ends[0], buffer, 1) == 0 && close(ends[0]) == 0);
}

/* It takes its time: there may be no room for a moment. */
static void put_outside(const char *text)
{
	if (outside >= 0)
		CHECK(send(outside, text, strlen(text), 0) == (ssize_t)strlen(text));
}

static void exchange(int listener, int *client, int type, const char *path)
{
	int fd = accept(listener, NULL, NULL);
	CHECK(fd >= 0);
	put(fd, "to the client");
	get(*client, "to the client");
	put(*client, "to the server");
	get(fd, "to the server");
	CHECK(close(fd) == 0 && close(*client) == 0);
	*client = connected(type, path);
}

static void put_all(void)
{
	put(lost_peer, "to what was accepted");
	put(lost_accepted, "and back");
	put(lost_client, "datagram");
	put(to_ghost, "to the ghost");
	put(to_successor, "to its successor");
}

static void get_all(void)
{
	get(lost_accepted, "to what was accepted");
	get(lost_peer, "and back");
	get(lost_server, "datagram");
	get(ghost, "to the ghost");
	get(successor, "to its successor");
}

/* The directory stays open: a descriptor that comes and goes is one more in some pictures of this process than in others. */
static void nothing_is_left(void)
{
	rewinddir(here);
	for (struct dirent *entry; (entry = readdir(here)) != NULL;)
		CHECK(strncmp(entry->d_name, ".criu", 5) != 0);
	CHECK(access("lost", F_OK) == -1 && access("ghost", F_OK) == 0);
}

static void set_up(void)
{
	CHECK((here = opendir(".")) != NULL);
	CHECK(listen(streams = bound(SOCK_STREAM, "streams"), 5) == 0 && listen(packets = bound(SOCK_SEQPACKET, "packets"), 5) == 0);
	waiting = connected(SOCK_STREAM, "streams");
	waiting_packets = connected(SOCK_SEQPACKET, "packets");
	CHECK(mkdir("lost", 0700) == 0);
	int listener = bound(SOCK_STREAM, "lost/stream");
	CHECK(listen(listener, 5) == 0);
	lost_peer = connected(SOCK_STREAM, "lost/stream");
	CHECK((lost_accepted = accept(listener, NULL, NULL)) >= 0 && close(listener) == 0);
	lost_server = bound(SOCK_DGRAM, "lost/datagrams");
	lost_client = connected(SOCK_DGRAM, "lost/datagrams");
	CHECK(unlink("lost/stream") == 0 && unlink("lost/datagrams") == 0 && rmdir("lost") == 0);
	ghost = bound(SOCK_DGRAM, "ghost");
	to_ghost = connected(SOCK_DGRAM, "ghost");
	CHECK(unlink("ghost") == 0);
	successor = bound(SOCK_DGRAM, "ghost");
	to_successor = connected(SOCK_DGRAM, "ghost");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "outside")) {
		char path[100];
		CHECK(getcwd(path, sizeof path - 10) != NULL);
		strcat(path, "/outside");
		start_outside(path);
		outside = connected(SOCK_DGRAM, path);
	}
	set_up();
	put_all();
	say("ready");
	while (tick("count")) {
		get_all();
		exchange(streams, &waiting, SOCK_STREAM, "streams");
		exchange(packets, &waiting_packets, SOCK_SEQPACKET, "packets");
		nothing_is_left();
		is_called(lost_accepted, "lost/stream");
		is_called(ghost, "ghost");
		is_called(successor, "ghost");
		put_outside("to the one outside");
		put_all();
	}
	put_outside("over");
	return done();
}
