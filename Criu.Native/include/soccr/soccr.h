/*
 * libsoccr: saves a live TCP connection and makes it anew, by the repair mode of the kernel. It takes CAP_NET_ADMIN. From before
 * libsoccr_pause() to after the last libsoccr_resume() the caller holds the traffic of the connection, by a firewall that lets pass
 * what has SOCCR_MARK, or by taking the link down.
 *
 *     struct libsoccr_sk *sk = libsoccr_pause(fd);             there
 *     libsoccr_save(sk, &data, sizeof(data));
 *     in = libsoccr_get_queue_bytes(sk, TCP_RECV_QUEUE, SOCCR_MEM_EXCL);
 *     out = libsoccr_get_queue_bytes(sk, TCP_SEND_QUEUE, SOCCR_MEM_EXCL);
 *     libsoccr_release(sk);
 *     close(fd);                                               sends nothing
 *
 *     sk = libsoccr_pause(socket(AF_INET, SOCK_STREAM, 0));    here
 *     libsoccr_set_addr(sk, 1, &own, 0);
 *     libsoccr_set_addr(sk, 0, &peer, 0);
 *     libsoccr_set_queue_bytes(sk, TCP_RECV_QUEUE, in, SOCCR_MEM_EXCL);
 *     libsoccr_set_queue_bytes(sk, TCP_SEND_QUEUE, out, SOCCR_MEM_EXCL);
 *     libsoccr_restore(sk, &data, sizeof(data));
 *     libsoccr_resume(sk);
 *
 * docs/c-api.md has what differs from libsoccr elsewhere.
 */
#ifndef LIBSOCCR_H
#define LIBSOCCR_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* SO_MARK of packets of the library itself, which a firewall must not hold. */
#define SOCCR_MARK 0xC114

/* libsoccr_sk_data.flags: the five fields of windows are set. */
#define SOCCR_FLAGS_WINDOW 0x1

/* Memory changes hands: who gets it frees it, by free(3); what the library gets is of malloc(3). */
#define SOCCR_MEM_EXCL 0x1

/* Levels of messages. */
#define SOCCR_LOG_ERR 1
#define SOCCR_LOG_DBG 2

struct libsoccr_sk;

union libsoccr_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Lengths are bytes, sequence numbers those of TCP, behind the last byte of each queue. */
struct libsoccr_sk_data {
	uint32_t state;      /* TCP_ESTABLISHED ..., netinet/tcp.h */
	uint32_t inq_len;    /* came, and was not read */
	uint32_t inq_seq;
	uint32_t outq_len;   /* was written, and not acknowledged */
	uint32_t outq_seq;
	uint32_t unsq_len;   /* of these, never sent */
	uint32_t opt_mask;   /* TCPI_OPT_ ... that were negotiated */
	uint32_t mss_clamp;  /* largest segment of the peer */
	uint32_t snd_wscale; /* digits by which windows are scaled */
	uint32_t rcv_wscale;
	uint32_t timestamp;  /* TCP_TIMESTAMP */
	uint32_t flags;      /* SOCCR_FLAGS_ ... */
	uint32_t snd_wl1;    /* the rest is struct tcp_repair_window, linux/tcp.h */
	uint32_t snd_wnd;
	uint32_t max_window;
	uint32_t rcv_wnd;
	uint32_t rcv_wup;
};

/* Messages up to this level go to "fn"; none do before. */
void libsoccr_set_log(unsigned int level, void (*fn)(unsigned int level, const char *fmt, ...));

/* Begins with a connection, or with a new socket that is to become one: repair mode, in which nothing is sent. NULL: it cannot be. */
struct libsoccr_sk *libsoccr_pause(int fd);

/* Ends it: the connection goes on. */
void libsoccr_resume(struct libsoccr_sk *sk);

/* Ends it, and leaves the socket in repair mode: it can be closed without the peer noticing. */
void libsoccr_release(struct libsoccr_sk *sk);

/* Answers how many bytes of "data" are set, or -1. */
int libsoccr_save(struct libsoccr_sk *sk, struct libsoccr_sk_data *data, unsigned data_size);

/* After libsoccr_save(): a queue, inq_len or outq_len bytes; NULL where it is empty, or another one. */
char *libsoccr_get_queue_bytes(struct libsoccr_sk *sk, int queue_id, unsigned flags);

/* Our address (self is not 0), or the peer's. NULL where there is none. */
union libsoccr_addr *libsoccr_get_addr(struct libsoccr_sk *sk, int self, unsigned flags);

/* Before libsoccr_restore(). What is not given by SOCCR_MEM_EXCL must stay until then. 0, or -1. */
int libsoccr_set_queue_bytes(struct libsoccr_sk *sk, int queue_id, char *bytes, unsigned flags);
int libsoccr_set_addr(struct libsoccr_sk *sk, int self, union libsoccr_addr *, unsigned flags);

/* Makes the connection of a new socket. 0, or -1: then the socket is of no further use. */
int libsoccr_restore(struct libsoccr_sk *sk, struct libsoccr_sk_data *data, unsigned data_size);

#ifdef __cplusplus
}
#endif

#endif
