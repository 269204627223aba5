/* What libuv has no call for, asked of the descriptor under a uv_tcp_t. */
#ifndef TEARDOWN_COMMON_PEER_SOCKET_H
#define TEARDOWN_COMMON_PEER_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* uv_tcp_bind with its flags, or, without `reuse_address`, the same without the SO_REUSEADDR that
 * uv_tcp_bind always sets. Port 0 is chosen by uv_tcp_connect. Returns 0 or a libuv error, which
 * may also come later, from uv_listen or uv_tcp_connect; `tcp` is the caller's to close in any
 * case. */
int peer_socket_bind(uv_tcp_t *tcp, const struct sockaddr *address, unsigned flags,
                     bool reuse_address);

/* What the other side sent and nobody has read. False when the kernel does not say. */
bool peer_socket_unread_bytes(const uv_tcp_t *tcp, size_t *unread);

/* SO_ERROR as a libuv error, 0 for none; the kernel forgets it. After EOF libuv polls no longer, so
 * this is the only way to learn of a RST or of a FIN that was given up. */
int peer_socket_error(const uv_tcp_t *tcp);

/* Sets TCP_NODELAY, TCP_CORK or TCP_QUICKACK (tcp(7)). Returns 0 or a libuv error. */
int peer_socket_set(uv_tcp_t *tcp, int tcp_option, int value);

#endif
