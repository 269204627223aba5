#include "common/peer/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static uint16_t port_of(const struct sockaddr *address) {
  return address->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                        : ((const struct sockaddr_in *)address)->sin_port;
}

/* Made, bound and given to libuv. Without a port it is left to connect(), which takes one that is
 * free for this destination; bind() would want one that is free for all. */
static int bind_own_socket(uv_tcp_t *tcp, const struct sockaddr *address, unsigned flags) {
  bool is_ip6 = address->sa_family == AF_INET6;
  socklen_t size = is_ip6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  int ip6_only = (flags & UV_TCP_IPV6ONLY) != 0, on = 1;
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return uv_translate_sys_error(errno);
  int error = 0;
  if ((is_ip6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &ip6_only, sizeof ip6_only) != 0) ||
      (port_of(address) == 0 &&
       setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0) ||
      bind(fd, address, size) != 0)
    error = uv_translate_sys_error(errno);
  if (error == 0) error = uv_tcp_open(tcp, fd);
  if (error != 0) close(fd);
  return error;
}

int peer_socket_bind(uv_tcp_t *tcp, const struct sockaddr *address, unsigned flags,
                     bool reuse_address) {
  return reuse_address && port_of(address) != 0 ? uv_tcp_bind(tcp, address, flags)
                                                : bind_own_socket(tcp, address, flags);
}

bool peer_socket_unread_bytes(const uv_tcp_t *tcp, size_t *unread) {
  uv_os_fd_t fd;
  int n;
  if (uv_fileno((const uv_handle_t *)tcp, &fd) != 0 || ioctl(fd, FIONREAD, &n) != 0) return false;
  *unread = n > 0 ? (size_t)n : 0;
  return true;
}

int peer_socket_error(const uv_tcp_t *tcp) {
  uv_os_fd_t fd;
  int error = 0;
  socklen_t size = sizeof error;
  if (uv_fileno((const uv_handle_t *)tcp, &fd) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    return 0;
  return uv_translate_sys_error(error);
}

int peer_socket_set(uv_tcp_t *tcp, int tcp_option, int value) {
  uv_os_fd_t fd;
  int error = uv_fileno((const uv_handle_t *)tcp, &fd);
  if (error != 0) return error;
  if (setsockopt(fd, IPPROTO_TCP, tcp_option, &value, sizeof value) == 0) return 0;
  return uv_translate_sys_error(errno);
}
