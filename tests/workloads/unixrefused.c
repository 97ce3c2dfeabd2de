/* Unix sockets that cannot be dumped, as descriptor 77: "outside" is connected to a socket of a process that is not in the tree, "waiting" was not accepted and has written
   already, "listening" has not accepted one that is closed again, "rights" holds a descriptor that cannot be dumped. */
#include "workload.h"
#include <sys/socket.h>
#include <sys/un.h>

static int listener(void)
{
	struct sockaddr_un address = { AF_UNIX, "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 5) == 0);
	return fd;
}

static int connected(void)
{
	struct sockaddr_un address = { AF_UNIX, "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

/* A child that is no longer ours: it ends with its end of the pair. */
static int outside(void)
{
	int pair[2];
	char byte;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			close(pair[0]);
			setsid();
			read(pair[1], &byte, 1);
		}
		_exit(0);
	}
	CHECK(close(pair[1]) == 0);
	join(pid);
	return pair[0];
}

static int with_rights(void)
{
	int pair[2];
	union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec vector = { "x", 1 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	CHECK(pidfd >= 0);
	memcpy(CMSG_DATA(&control.header), &pidfd, sizeof pidfd);
	CHECK(sendmsg(pair[0], &message, 0) == 1 && close(pidfd) == 0);
	return pair[1];
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int fd = -1;
	if (!strcmp(what, "outside"))
		fd = outside();
	else if (!strcmp(what, "rights"))
		fd = with_rights();
	else if (!strcmp(what, "waiting"))
		CHECK(dup2(listener(), 78) == 78 && (fd = connected()) >= 0 && write(fd, "x", 1) == 1);
	else if (!strcmp(what, "listening"))
		CHECK((fd = listener()) >= 0 && close(connected()) == 0);
	CHECK(fd >= 0 && dup2(fd, 77) == 77 && close(fd) == 0);
	say("ready");
	while (tick("count"))
		;
	return done();
}
