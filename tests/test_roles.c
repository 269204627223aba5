/* Who is the client, by what is known of ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <string.h>

#include "capture/roles.h"

static struct roles roles;

static int set_up(void **unused) {
  (void)unused;
  memset(&roles, 0, sizeof roles);
  return 0;
}

/* 0: the first is the server's port, 1: the second, -1: nobody knows; the other way round as well.
 */
static int server_of(uint16_t one, uint16_t other) {
  const uint16_t there[] = {one, other}, back[] = {other, one};
  int server = roles_server_port(&roles, there);
  assert_int_equal(roles_server_port(&roles, back), server < 0 ? server : 1 - server);
  return server;
}

static void a_well_known_port_is_a_servers(void **unused) {
  (void)unused;
  roles_note(&roles, 443, 50000);
  assert_int_equal(server_of(443, 50000), 0);
  assert_int_equal(server_of(443, 1025), 0);
  assert_int_equal(server_of(1023, 1024), 0);
  assert_int_equal(server_of(3306, 32768), 0);
  assert_int_equal(server_of(32767, 65535), 0);
}

static void two_ports_of_a_kind_tell_nothing(void **unused) {
  (void)unused;
  roles_note(&roles, 40000, 50000);
  assert_int_equal(server_of(40000, 50000), -1);
  assert_int_equal(server_of(443, 80), -1);
  assert_int_equal(server_of(1024, 32767), -1);
  assert_int_equal(server_of(40000, 40000), -1);
}

static void the_port_of_several_connections_is_the_servers(void **unused) {
  (void)unused;
  roles_note(&roles, 700, 40000);
  assert_int_equal(server_of(700, 40000), 0);
  roles_note(&roles, 40000, 701);
  assert_int_equal(server_of(700, 40000), 1);
  assert_int_equal(server_of(50001, 40000), 1);
  /* Both are: a proxy's. */
  roles_note(&roles, 8080, 50001);
  roles_note(&roles, 8080, 50002);
  assert_int_equal(server_of(8080, 40000), 0);
  roles_note(&roles, 40001, 40000);
  roles_note(&roles, 40001, 40000);
  assert_int_equal(server_of(40001, 40000), -1);
}

/* Of two ports that came more than once, the server's came four times as often. */
static void a_clients_port_may_come_twice(void **unused) {
  (void)unused;
  for (uint16_t i = 0; i < 7; i++) roles_note(&roles, 50000, (uint16_t)(40000 + i));
  roles_note(&roles, 40000, 60000);
  assert_int_equal(server_of(50000, 40000), -1);
  roles_note(&roles, 50000, 40007);
  assert_int_equal(server_of(50000, 40000), 0);
  roles_note(&roles, 40000, 60001);
  assert_int_equal(server_of(50000, 40000), -1);
}

static void what_a_syn_showed_counts_for_the_server_alone(void **unused) {
  (void)unused;
  for (uint16_t i = 0; i < 5; i++) roles_note_server(&roles, 40000);
  assert_int_equal(server_of(50000, 40000), 1);
  for (uint16_t i = 0; i < 5; i++) roles_note_server(&roles, 443);
  assert_int_equal(server_of(50000, 40000), 1);
  assert_int_equal(server_of(50000, 443), 1);
}

/* A client's ports come round: after thousands of connections each was used a few times. */
static void in_a_long_capture_several_are_more(void **unused) {
  (void)unused;
  enum { CONNECTIONS = 100000, EPHEMERAL = 32768, PORTS = 28232 };
  for (uint32_t i = 0; i < CONNECTIONS; i++)
    roles_note(&roles, (uint16_t)(EPHEMERAL + i % PORTS), 443);
  roles_note(&roles, 40000, 22);
  roles_note(&roles, 40000, 60123);
  assert_int_equal(server_of(40000, 22), 1);
  assert_int_equal(server_of(40000, 443), 1);
  assert_int_equal(server_of(40000, 60123), -1);
}

static void each_rule_has_its_name(void **unused) {
  (void)unused;
  assert_string_equal(roles_by_name(ROLES_BY_SYN), "syn");
  assert_string_equal(roles_by_name(ROLES_BY_LISTENER), "listener");
  assert_string_equal(roles_by_name(ROLES_BY_PORTS), "ports");
  assert_string_equal(roles_by_name(ROLES_BY_FIRST_SEGMENT), "first-segment");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_well_known_port_is_a_servers, set_up),
      cmocka_unit_test_setup(two_ports_of_a_kind_tell_nothing, set_up),
      cmocka_unit_test_setup(the_port_of_several_connections_is_the_servers, set_up),
      cmocka_unit_test_setup(a_clients_port_may_come_twice, set_up),
      cmocka_unit_test_setup(what_a_syn_showed_counts_for_the_server_alone, set_up),
      cmocka_unit_test_setup(in_a_long_capture_several_are_more, set_up),
      cmocka_unit_test(each_rule_has_its_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
