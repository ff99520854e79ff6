/*
 * edge: a process that a server has just started: inetd, socat or tcpserver to
 * serve one connection on its descriptors 0 and 1, inetd (wait) or systemd to
 * serve all that come, a web server to serve one request by CGI.
 */
#ifndef EDGE_H
#define EDGE_H

#include <sys/socket.h>

enum { EDGE_PEER_MAX = 64 };  /* bytes of an address */

enum edge_shape {
	EDGE_CONNECTION,  /* 0 and 1 are the client */
	EDGE_LISTENING,   /* 0 listens for clients and does not block */
	EDGE_CGI          /* GATEWAY_INTERFACE is set: RFC 3875 */
};

/*
 * Makes what was inherited safe, before anything else is done: descriptors 0
 * to 2 are open and block, all others are closed (socat leaves the file of
 * its private key open); SIGPIPE and SIGXFSZ are ignored, so that writes fail
 * instead.  Where descriptor 2 is the client's socket, as under inetd, or was
 * closed, messages go to syslog(3) and descriptor 2 to /dev/null.  A socket that
 * systemd passes as descriptor 3 (LISTEN_FDS) becomes descriptor 0.  Returns
 * what there is to serve.
 */
enum edge_shape edge_begin(void);

/*
 * The address of the client for the log, as the server tells it in the
 * environment, else that of descriptor 0; "unknown" without either.
 */
const char *edge_peer(void);

/* The same for an address as accept(2) gives it; returns text. */
const char *edge_address(const struct sockaddr_storage *a,
	char text[EDGE_PEER_MAX]);

/* Makes fd not block, nor outlive an exec.  Returns 0, or -1 with errno. */
int edge_own(int fd);

/*
 * From now on messages go to syslog(3) and descriptor 2 to /dev/null: a
 * web server may wait for the end of both outputs of a CGI program.
 */
void edge_mute(void);

/*
 * A server may end its children when the client has left.  True: SIGTERM and
 * SIGHUP wait until edge_hold(0).
 */
void edge_hold(int on);

#endif
