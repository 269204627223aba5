/* Where connections come from.
 *
 * The end that closes first keeps its port in TIME_WAIT for a minute, so that one address has no
 * port left after some 28 000 connections to one server. Every address of 127.0.0.0/8 is this
 * machine's, and each has all the ports. */
#ifndef TEARDOWN_CLIENT_SOURCES_H
#define TEARDOWN_CLIENT_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct sources {
  uint16_t local_port; /* 0: any */
  unsigned ports;      /* that the kernel chooses from */
  unsigned n;          /* addresses to take in turn, from 127.0.0.1 on; 1: leave it to the kernel */
  unsigned next;
};

/* For `count` connections to `to`. */
struct sources sources_for(uint16_t local_port, uint64_t count, const struct sockaddr *to);

/* The next one, for a connection to `to`. False: whatever the kernel chooses. */
bool sources_next(struct sources *sources, const struct sockaddr *to,
                  struct sockaddr_storage *from);

#endif
