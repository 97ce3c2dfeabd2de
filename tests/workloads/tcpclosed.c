/* tcpclosed: a connection that may be closed by a restore with --tcp-close, and then must answer like one that is over: reads end, writes fail. Until then it echoes. */
#include "workload.h"
#include <netinet/in.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof name;
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), end, is_over = 0;
	CHECK(bind(server, (struct sockaddr *)&name, length) == 0 && listen(server, 5) == 0 && getsockname(server, (struct sockaddr *)&name, &length) == 0);
	CHECK(connect(client, (struct sockaddr *)&name, length) == 0 && (end = accept(server, NULL, NULL)) >= 0);
	say("ready");
	for (char byte; tick(is_over ? "closed" : "open"); ) {
		ssize_t sent = send(client, "x", 1, MSG_NOSIGNAL);
		if (sent == 1 && !is_over) {
			/* Stopped between the two, it finds what it has sent gone with the connection. */
			ssize_t got = recv(end, &byte, 1, 0);
			CHECK(got == 0 || (got == 1 && byte == 'x'));
			continue;
		}
		CHECK(sent == -1 && errno == EPIPE && recv(client, &byte, 1, 0) == 0 && recv(end, &byte, 1, 0) == 0);
		if (!is_over) {
			is_over = 1;
			ticks = 0;
		}
	}
	CHECK(is_over);
	int again = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(again, (struct sockaddr *)&name, length) == 0 && accept(server, NULL, NULL) >= 0);
	return done();
}
