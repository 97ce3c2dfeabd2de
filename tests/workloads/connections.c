/* "connections N": N TCP connections over loopback, both ends in one process. Every round sends a number on each, both ways. */
#include "workload.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { MOST = 8000 };

static int ends[MOST][2], count;

static void send_on(int from, int to, long number)
{
	long got;
	CHECK(send(from, &number, sizeof number, MSG_NOSIGNAL) == sizeof number);
	CHECK(recv(to, &got, sizeof got, MSG_WAITALL) == sizeof got && got == number);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	count = argc > 1 ? atoi(argv[1]) : 1;
	CHECK(count > 0 && count <= MOST && listener >= 0);
	CHECK(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	for (int i = 0; i < count; i++) {
		CHECK((ends[i][0] = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && connect(ends[i][0], (struct sockaddr *)&address, length) == 0);
		CHECK((ends[i][1] = accept(listener, NULL, NULL)) >= 0);
	}
	CHECK(close(listener) == 0);
	say("ready");
	while (tick("round"))
		for (int i = 0; i < count; i++) {
			send_on(ends[i][0], ends[i][1], i);
			send_on(ends[i][1], ends[i][0], -i);
		}
	return done();
}
