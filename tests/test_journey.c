/* Whole connections, from the SYN to the verdict, each with ISNs that wrap at every awkward place.
 * The notation stands in model_builder.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include "common/model/expectation.h"
#include "tests/model_builder.h"

/* clang-format off */
#define OPENING                                                   \
  "0   C S  0 0 0 sack-ok | SYN_SENT SYN_RECEIVED? syn expected\n" \
  "0.1 S SA 0 1 0 sack-ok | ESTABLISHED? SYN_RECEIVED syn expected\n" \
  "0.2 C A  1 1 0         | ESTABLISHED ESTABLISHED? - expected\n"
/* clang-format on */

/* FIN1 and ACK1; then FIN2 after half a close. Timestamps are milliseconds. */
/* clang-format off */
#define HALF_CLOSE                                                                \
  "200 C FA 1 1 0 ts=200/0   | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n" \
  "240 S A  1 2 0 ts=240/200 | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
#define FIN2 "400 S FA 1 2 0 ts=400/200 | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
#define NORMAL_END                                             \
  FIN2                                                         \
  "400.1 C A 2 2 0 ts=400/400 | TIME_WAIT CLOSED? final-ack 4/4 expected\n"

static const struct {
  const char *name, *text;
} cases[] = {
    /* ---- without accident ---------------------------------------------------------------- */
    {"normal",
     OPENING
     "100   C PA 1 1 100   | ESTABLISHED ESTABLISHED? data expected\n"
     "100.1 S A  1 101 0   | ESTABLISHED ESTABLISHED - expected\n"
     "200   C FA 101 1 0   | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "240   S A  1 102 0   | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     "400   S FA 1 102 0   | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "400.1 C A  102 2 0   | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms\n"
     "60399 expire         | TIME_WAIT CLOSED?\n"
     "60401 expire         | CLOSED~ CLOSED?\n"
     "= normal client 4/4 conforms"},
    {"normal_closed_by_the_server",
     OPENING
     "200   S FA 1 1 0     | CLOSE_WAIT? FIN_WAIT_1 fin1 1/4 expected\n"
     "240   C A  1 2 0     | CLOSE_WAIT FIN_WAIT_2? ack1 2/4 expected\n"
     "400   C FA 1 2 0     | LAST_ACK TIME_WAIT? fin2 3/4 expected\n"
     "400.1 S A  2 2 0     | CLOSED? TIME_WAIT final-ack 4/4 expected\n"
     "= normal server 4/4 conforms"},
    {"coalesced",
     OPENING
     "200   C FA 1 1 0     | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "201   S FA 1 2 0     | TIME_WAIT? LAST_ACK fin2+ack1 2/3 expected\n"
     "201.1 C A  2 2 0     | TIME_WAIT CLOSED? final-ack 3/3 expected\n"
     "= coalesced client 3/3 conforms"},
    {"coalesced_with_data_in_both_fins",
     OPENING
     "200   C FPA 1 1 70   | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "201   S FPA 1 72 900 | TIME_WAIT? LAST_ACK fin2+ack1 2/3 expected\n"
     "201.1 C A  72 902 0  | TIME_WAIT CLOSED? final-ack 3/3 expected\n"
     "= coalesced client 3/3 conforms"},
    {"ack1_rides_on_data", /* which makes it no coalesced close */
     OPENING
     "200   C FA 1 1 0     | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "201   S PA 1 2 500   | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     "201   S FA 501 2 0   | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "201.1 C A  2 502 0   | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms"},
    {"simultaneous_client_captured_first",
     OPENING
     "200   C FA 1 1 0     | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "200.1 S FA 1 1 0     | CLOSING? CLOSING? fin2 2/4 *\n"
     "200.2 S A  2 2 0     | TIME_WAIT? CLOSING ack1 3/4 expected\n"
     "200.3 C A  2 2 0     | TIME_WAIT? TIME_WAIT? final-ack 4/4 expected\n"
     "= simultaneous both 4/4 conforms\n"
     "60201 expire         | CLOSED~ CLOSED~"},
    {"simultaneous_server_captured_first",
     OPENING
     "200   S FA 1 1 0     | CLOSE_WAIT? FIN_WAIT_1 fin1 1/4 expected\n"
     "200.1 C FA 1 1 0     | CLOSING? CLOSING? fin2 2/4 *\n"
     "200.2 S A  2 2 0     | TIME_WAIT? CLOSING final-ack 3/4 expected\n"
     "200.3 C A  2 2 0     | TIME_WAIT? TIME_WAIT? ack1 4/4 expected\n"
     "= simultaneous both 4/4 conforms"},
    {"half_close_with_data",
     OPENING HALF_CLOSE
     "300   S PA 1 2 500   | FIN_WAIT_2? CLOSE_WAIT data expected\n"
     "300.1 C A  2 501 0   | FIN_WAIT_2 CLOSE_WAIT - expected\n"
     "400   S FPA 501 2 100 | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "400.1 C A  2 602 0   | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms"},
    {"fin_with_data_and_a_partial_ack",
     OPENING
     "200   C PA 1 1 1000  | ESTABLISHED ESTABLISHED? data expected\n"
     "200   C FPA 1001 1 10 | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "200.1 S A  1 1001 0  | FIN_WAIT_1 CLOSE_WAIT? - expected\n"
     "200.2 S A  1 1011 0  | FIN_WAIT_1 CLOSE_WAIT? - expected\n"
     "240   S A  1 1012 0  | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     "= unfinished-close-wait client 2/4 conforms"},

    /* ---- losses: one role, one place ----------------------------------------------------- */
    {"lost_fin1",
     OPENING
     "100 C FA 1 1 0 ts=100/0   | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "307 C FA 1 1 0 ts=307/0   | FIN_WAIT_1 CLOSE_WAIT? fin1#1 1/4 retransmission\n"
     "347 S A  1 2 0 ts=347/307 | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     NORMAL_END
     "= normal client 4/4 conforms fin-again=1 fin1*1/after-tap"},
    {"lost_ack1_before_the_tap", /* D-SACK: the FIN had arrived */
     OPENING
     "200 C FA 1 1 0            | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "407 C FA 1 1 0            | FIN_WAIT_1 CLOSE_WAIT? fin1#1 1/4 retransmission\n"
     "408 S A  1 2 0 sack=1/2   | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     "500 S FA 1 2 0            | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "501 C A  2 2 0            | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms fin-again=1 ack1*1/before-tap"},
    {"lost_ack1_after_the_tap",
     OPENING HALF_CLOSE
     "407 C FA 1 1 0            | FIN_WAIT_1 CLOSE_WAIT fin1#1 2/4 refutes\n"
     "407 S A  1 2 0 sack=1/2   | FIN_WAIT_2? CLOSE_WAIT ack1#1 2/4 expected\n"
     "500 S FA 1 2 0            | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "501 C A  2 2 0            | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms fin-again=1 ack1*1/after-tap"},
    {"spurious_fin1", /* a tail loss probe that did not wait for the delayed ACK */
     OPENING
     "200 C FA 1 1 0            | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "208 C FA 1 1 0            | FIN_WAIT_1 CLOSE_WAIT? fin1#1 1/4 retransmission\n"
     "209 S A  1 2 0 sack=1/2   | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     NORMAL_END
     "= normal client 4/4 conforms fin-again=1"},
    {"lost_fin2", /* the answer echoes the second copy */
     OPENING HALF_CLOSE FIN2
     "607 S FA 1 2 0 ts=607/200 | TIME_WAIT? LAST_ACK fin2#1 3/4 retransmission\n"
     "608 C A  2 2 0 ts=608/607 | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms fin-again=1 fin2*1/after-tap"},
    {"lost_final_ack_before_the_tap", /* the answer echoes the first copy */
     OPENING HALF_CLOSE FIN2
     "607 S FA 1 2 0 ts=607/200 | TIME_WAIT? LAST_ACK fin2#1 3/4 retransmission\n"
     "608 C A  2 2 0 ts=608/400 | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms fin-again=1 final-ack*1/before-tap"},
    {"lost_final_ack_x3_before_the_tap",
     OPENING HALF_CLOSE FIN2
     "607  S FA 1 2 0 ts=607/200  | TIME_WAIT? LAST_ACK fin2#1 3/4 retransmission\n"
     "1015 S FA 1 2 0 ts=1015/200 | TIME_WAIT? LAST_ACK fin2#2 3/4 retransmission\n"
     "1847 S FA 1 2 0 ts=1847/200 | TIME_WAIT? LAST_ACK fin2#3 3/4 retransmission\n"
     "1848 C A  2 2 0 ts=1848/400 | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms fin-again=3 final-ack*1/before-tap fin2/final-ack*2/unknown"},
    {"lost_final_ack_after_the_tap",
     OPENING HALF_CLOSE NORMAL_END
     "607 S FA 1 2 0 ts=607/200 | TIME_WAIT LAST_ACK fin2#1 4/4 refutes\n"
     "608 C A  2 2 0 ts=608/400 | TIME_WAIT CLOSED? final-ack#1 4/4 expected\n"
     "= normal client 4/4 conforms fin-again=1 final-ack*1/after-tap"},
    {"lost_final_ack_x3_after_the_tap",
     OPENING HALF_CLOSE NORMAL_END
     "607  S FA 1 2 0 | TIME_WAIT LAST_ACK fin2#1 4/4 refutes\n"
     "607  C A  2 2 0 | TIME_WAIT CLOSED? final-ack#1 4/4 expected\n"
     "1015 S FA 1 2 0 | TIME_WAIT LAST_ACK fin2#2 4/4 refutes\n"
     "1015 C A  2 2 0 | TIME_WAIT CLOSED? final-ack#2 4/4 expected\n"
     "1847 S FA 1 2 0 | TIME_WAIT LAST_ACK fin2#3 4/4 refutes\n"
     "1847 C A  2 2 0 | TIME_WAIT CLOSED? final-ack#3 4/4 expected\n"
     "= normal client 4/4 conforms fin-again=3 final-ack*3/after-tap"},
    {"lost_fin2_that_carried_ack1", /* FIN1 again without ACK of FIN2: neither had arrived */
     OPENING
     "200 C FA 1 1 0 | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "201 S FA 1 2 0 | TIME_WAIT? LAST_ACK fin2+ack1 2/3 expected\n"
     "407 C FA 1 1 0 | FIN_WAIT_1 LAST_ACK fin1#1 2/3 refutes\n"
     "408 S FA 1 2 0 | TIME_WAIT? LAST_ACK *\n"
     "409 C A  2 2 0 | TIME_WAIT CLOSED? final-ack 3/3 expected\n"
     "= coalesced client 3/3 conforms *"},

    /* ---- repetitions that need care ------------------------------------------------------ */
    {"fin_again_with_earlier_data_in_one_segment",
     OPENING
     "200 C PA  1 1 4  | ESTABLISHED ESTABLISHED? data expected\n"
     "200 C FPA 5 1 4  | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "407 C FPA 1 1 8  | FIN_WAIT_1 CLOSE_WAIT? fin1#1 1/4 retransmission\n"
     "447 S A   1 10 0 | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     "500 S FA  1 10 0 | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "501 C A  10 2 0  | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms fin-again=1"},
    {"reordered_fin", /* it counts when the octets before it have come */
     OPENING
     "200 C FA 101 1 0 | FIN_WAIT_1 ESTABLISHED? fin1 1/4 expected\n"
     "201 C PA 1 1 100 | FIN_WAIT_1 CLOSE_WAIT? data expected\n"
     "240 S A  1 102 0 | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     "400 S FA 1 102 0 | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "401 C A  102 2 0 | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms"},
    {"hole_before_the_fin_never_captured", /* but acknowledged: it did arrive */
     OPENING
     "200 C FA 101 1 0 | FIN_WAIT_1 ESTABLISHED? fin1 1/4 expected\n"
     "240 S A  1 102 0 | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     "= unfinished-close-wait client 2/4 *"},
    {"syn_again",
     "0    C S  0 0 0 | SYN_SENT SYN_RECEIVED? syn expected\n"
     "100  C S  0 0 0 | SYN_SENT SYN_RECEIVED? *\n"
     "101  S SA 0 1 0 | ESTABLISHED? SYN_RECEIVED *\n"
     "101  C A  1 1 0 | ESTABLISHED ESTABLISHED? - expected\n"
     HALF_CLOSE NORMAL_END
     "= normal client 4/4 conforms"},
    {"syn_ack_again", /* so the ACK of it had not arrived: ESTABLISHED is refuted */
     OPENING
     "1000 S SA 0 1 0 | ESTABLISHED SYN_RECEIVED *\n"
     "1001 C A  1 1 0 | ESTABLISHED ESTABLISHED? - *\n"
     "1200 C FA 1 1 0 | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "1201 S FA 1 2 0 | TIME_WAIT? LAST_ACK fin2+ack1 2/3 expected\n"
     "1202 C A  2 2 0 | TIME_WAIT CLOSED? final-ack 3/3 expected\n"
     "= coalesced client 3/3 conforms"},
    {"keep_alive_probes", /* one octet back, with and without an octet in it */
     OPENING
     "1000 C A 0 1 0  | ESTABLISHED ESTABLISHED? - *\n"
     "1001 S A 1 1 0  | ESTABLISHED ESTABLISHED - *\n"
     "2000 S A 0 1 1  | ESTABLISHED ESTABLISHED *\n"
     "2001 C A 1 1 0  | ESTABLISHED ESTABLISHED - *\n"
     "3000 C FA 1 1 0 | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "3040 S A 1 2 0  | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected\n"
     "4000 S A 0 2 0  | FIN_WAIT_2? CLOSE_WAIT *\n"
     "4001 C A 2 1 0  | FIN_WAIT_2? CLOSE_WAIT - *\n"
     "5000 C A 1 1 1  | FIN_WAIT_2? CLOSE_WAIT *\n"
     "5001 S A 1 2 0  | FIN_WAIT_2? CLOSE_WAIT *\n"
     "6000 S FA 1 2 0 | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "6001 C A 2 2 0  | TIME_WAIT CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms"},
    {"zero_length_duplicates",
     OPENING HALF_CLOSE
     "241 S A 1 2 0   | FIN_WAIT_2? CLOSE_WAIT ack1#1 2/4 stale\n"
     "242 C A 2 1 0   | FIN_WAIT_2? CLOSE_WAIT - expected\n"
     NORMAL_END
     "401 C A 2 2 0   | TIME_WAIT CLOSED? final-ack#1 4/4 stale\n"
     "= normal client 4/4 conforms"},
    {"an_old_ack_after_the_close",
     OPENING HALF_CLOSE NORMAL_END
     "402 C A 2 1 0   | TIME_WAIT CLOSED? - stale\n"
     "= normal client 4/4 conforms"},

    /* ---- 2 MSL ---------------------------------------------------------------------------- */
    {"fin2_again_restarts_2msl",
     OPENING HALF_CLOSE NORMAL_END
     "30000 S FA 1 2 0 | TIME_WAIT LAST_ACK fin2#1 4/4 refutes\n"
     "30001 C A 2 2 0  | TIME_WAIT CLOSED? final-ack#1 4/4 expected\n"
     "60401 expire     | TIME_WAIT CLOSED?\n"
     "89999 expire     | TIME_WAIT CLOSED?\n"
     "90000 expire     | CLOSED~ CLOSED?"},
    {"late_fin2_finds_no_connection",
     OPENING HALF_CLOSE NORMAL_END
     "60401 expire     | CLOSED~ CLOSED?\n"
     "70000 S FA 1 2 0 | CLOSED~ LAST_ACK fin2#1 4/4 refutes\n"
     "70001 C R 2 0 0  | CLOSED CLOSED? rst 4/4 *\n"
     "= reset client 4/4 conforms cause=no-socket fin-again=1 final-ack*1/after-tap"},
    {"late_fin2_is_answered_after_all", /* so TIME_WAIT was not over, and restarts */
     OPENING HALF_CLOSE NORMAL_END
     "60401 expire     | CLOSED~ CLOSED?\n"
     "70000 S FA 1 2 0 | CLOSED~ LAST_ACK fin2#1 4/4 refutes\n"
     "70001 C A 2 2 0  | TIME_WAIT CLOSED? final-ack#1 4/4 refutes\n"
     "129999 expire    | TIME_WAIT CLOSED?\n"
     "130001 expire    | CLOSED~ CLOSED?"},

    /* ---- resets --------------------------------------------------------------------------- */
    {"refused",
     "0 C S  0 0 0 | SYN_SENT SYN_RECEIVED? syn expected\n"
     "1 S RA 0 1 0 | CLOSED? CLOSED rst 0/4 *\n"
     "= refused none 0/4 conforms cause=refused"},
    {"reset_by_linger_0", /* the peer had sent nothing that could be unread */
     OPENING
     "100 C PA 1 1 10  | ESTABLISHED ESTABLISHED? data expected\n"
     "101 S A  1 11 0  | ESTABLISHED ESTABLISHED - expected\n"
     "200 C RA 11 1 0  | CLOSED CLOSED? rst 0/4 *\n"
     "= reset none 0/4 conforms cause=linger-0"},
    {"reset_with_data_that_may_be_unread", /* on the wire that looks like linger 0 */
     OPENING
     "100 C PA 1 1 10  | ESTABLISHED ESTABLISHED? data expected\n"
     "101 S A  1 11 0  | ESTABLISHED ESTABLISHED - expected\n"
     "200 S RA 1 11 0  | CLOSED? CLOSED rst 0/4 *\n"
     "= reset none 0/4 conforms cause=cannot-tell"},
    {"reset_by_data_after_close",
     OPENING HALF_CLOSE
     "300 S PA 1 2 100 | FIN_WAIT_2? CLOSE_WAIT data expected\n"
     "301 C R  2 0 0   | CLOSED CLOSED? rst 2/4 *\n"
     "= reset client 2/4 conforms cause=data-after-close"},
    {"reset_because_fin_wait_2_expired",
     OPENING HALF_CLOSE
     "61000 S FA 1 2 0 | TIME_WAIT? LAST_ACK fin2 3/4 expected\n"
     "61001 C R 2 0 0  | CLOSED CLOSED? rst 3/4 *\n"
     "= reset client 3/4 conforms cause=fin-wait-2-expired"},
    {"reset_in_the_half_close",
     OPENING HALF_CLOSE
     "300 S RA 1 2 0   | CLOSED? CLOSED rst 2/4 *\n"
     "= reset client 2/4 conforms cause=linger-0"},
    {"rst_out_of_window_is_ignored",
     OPENING
     "100 C R 5000 0 0 | ESTABLISHED ESTABLISHED? rst 0/4 unexpected !rst-out-of-window\n"
     HALF_CLOSE NORMAL_END
     "= normal client 4/4 conforms cause=out-of-window !rst-out-of-window"},
    {"time_wait_assassinated",
     OPENING HALF_CLOSE NORMAL_END
     "500 S R 2 0 0    | CLOSED? *\n"
     "= normal client 4/4 conforms cause=no-socket !rst-in-time-wait"},

    /* ---- not from the beginning, not to the end ------------------------------------------- */
    {"midstream", /* a FIN may have come before the capture, so nothing is ever seen */
     "100 C PA 1000 500 10  | ESTABLISHED? ESTABLISHED? data expected\n"
     "101 S A  500 1010 0   | ESTABLISHED? ESTABLISHED? - expected\n"
     "200 C FA 1010 500 0   | FIN_WAIT_1? CLOSE_WAIT? fin1 1/4 expected\n"
     "240 S A  500 1011 0   | FIN_WAIT_2? CLOSE_WAIT? ack1 2/4 expected\n"
     "400 S FA 500 1011 0   | TIME_WAIT? LAST_ACK? fin2 3/4 expected\n"
     "401 C A  1011 501 0   | TIME_WAIT? CLOSED? final-ack 4/4 expected\n"
     "= normal client 4/4 conforms"},
    {"begins_at_fin2", /* which one cannot know */
     "400 S FA 500 1011 0\n"
     "401 C A  1011 501 0\n"
     "= unfinished-close-wait server 2/4 cannot-tell"},
    {"begins_at_the_final_ack", "401 C A 1011 501 0\n= open none 0/4 *"},
    {"open", OPENING "= open none 0/4 conforms"},
    {"fin_unanswered",
     OPENING
     "200  C FA 1 1 0 | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "407  C FA 1 1 0 | FIN_WAIT_1 CLOSE_WAIT? fin1#1 1/4 retransmission\n"
     "815  C FA 1 1 0 | FIN_WAIT_1 CLOSE_WAIT? fin1#2 1/4 retransmission\n"
     "= unfinished-fin-unanswered client 1/4 conforms fin-again=2 "
     "!fin-unanswered"},
    {"close_wait_stuck",
     OPENING HALF_CLOSE
     "= unfinished-close-wait client 2/4 conforms\n"
     "2240 expire | FIN_WAIT_2? CLOSE_WAIT\n"
     "= unfinished-close-wait client 2/4 conforms !close-wait-stuck"},
    {"final_ack_missing",
     OPENING HALF_CLOSE FIN2
     "607 S FA 1 2 0 | TIME_WAIT? LAST_ACK fin2#1 3/4 retransmission\n"
     "= unfinished-last-ack client 3/4 conforms fin-again=1 "
     "!final-ack-missing"},

    /* ---- breaches ------------------------------------------------------------------------- */
    {"fin_moved",
     OPENING
     "200 C FA 1 1 0 | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected\n"
     "407 C FA 5 1 0 | FIN_WAIT_1 CLOSE_WAIT? - unexpected !fin-moved\n"
     "= unfinished-fin-unanswered client 1/4 violates !fin-moved"},
    {"fin_on_an_octet_of_data",
     OPENING
     "100 C PA 1 1 6 | ESTABLISHED ESTABLISHED? data expected\n"
     "101 S A 1 7 0 | ESTABLISHED ESTABLISHED - expected\n"
     "200 C FA 6 1 0 | FIN_WAIT_1? ESTABLISHED fin1 1/4 unexpected !fin-moved\n"
     "= unfinished-fin-unanswered client 1/4 violates !fin-moved"},
    {"ack_of_unsent_is_no_ack_of_the_fin",
     OPENING
     "100 C A 1 2 0 | ESTABLISHED? ESTABLISHED? - expected\n"
     "101 S A 1 1 0 | ESTABLISHED ESTABLISHED - unexpected !ack-of-unsent\n"
     "200 S FA 1 1 0 | CLOSE_WAIT? FIN_WAIT_1 fin1 1/4 expected\n"
     "= unfinished-fin-unanswered server 1/4 violates !ack-of-unsent"},
    {"data_after_its_own_rst",
     OPENING
     "100 C RA 1 1 0 | CLOSED CLOSED? rst 0/4 expected\n"
     "101 C PA 1 1 6 | CLOSED CLOSED? data unexpected\n"
     "= reset none 0/4 conforms cause=linger-0"},
    {"data_after_fin",
     OPENING HALF_CLOSE
     "300 C PA 2 1 10 | FIN_WAIT_2? CLOSE_WAIT data unexpected !data-after-fin\n"
     "= unfinished-close-wait client 2/4 violates !data-after-fin"},
    {"ack_beyond_the_fin", /* behind a FIN nothing can have been missed */
     OPENING HALF_CLOSE
     "300 S A 1 3 0 | FIN_WAIT_2? CLOSE_WAIT - unexpected*\n"
     "= unfinished-close-wait client 2/4 *"},
    {"ack_of_unsent", /* the challenge, numbered below it, tells that nothing was missed */
     OPENING
     "100 S A 1 901 0   | ESTABLISHED *\n"
     "100 C A 1 1 0     | ESTABLISHED ESTABLISHED - unexpected !ack-of-unsent\n"
     "= open none 0/4 violates !ack-of-unsent"},
    {"ack_of_what_the_capture_missed", /* it goes on behind it: no breach */
     OPENING
     "100 S A 1 901 0    | ESTABLISHED *\n"
     "200 C PA 901 1 900 | ESTABLISHED *\n"
     "= open none 0/4 cannot-tell"},
};
/* clang-format on */

enum { CASES = sizeof cases / sizeof *cases };

static void run_case(void **state) { journey(*state); }

/* ---- what a line of text does not show ------------------------------------------------------ */

static void half_close_octets_are_counted(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 0xffffff00, 0xffffff00);
  wire_play(&wire, OPENING "200 C FPA 1 1 7\n240 S A 1 9 0\n300 S PA 1 9 500\n300 C A 9 501 0\n");
  assert_int_equal(wire.model.end[END_SERVER].half_close_bytes, 500);
  wire_play(&wire, "400 S FPA 501 9 100\n400 C A 9 602 0");
  const struct endpoint *server = &wire.model.end[END_SERVER];
  assert_int_equal(server->data_bytes, 600);
  assert_int_equal(server->half_close_bytes, 600);
  assert_int_equal(wire.model.end[END_CLIENT].data_bytes, 7);
  assert_int_equal(wire.model.end[END_CLIENT].half_close_bytes, 0);
}

static void octets_count_once(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 0xfffffff0, 1);
  wire_play(&wire, OPENING "10 C PA 1 1 100\n210 C PA 1 1 100\n220 C PA 51 1 100\n230 C A 0 1 1");
  assert_int_equal(wire.model.end[END_CLIENT].data_bytes, 150);
}

static void octets_that_fill_a_hole_count(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 0xfffffff0, 1);
  wire_play(&wire, OPENING "10 C FA 101 1 0\n11 C PA 1 1 100");
  assert_int_equal(wire.model.end[END_CLIENT].data_bytes, 100);
}

static void u_and_w_are_known_before_fin2(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 0xfffffffe, 0xfffffffd);
  wire_play(&wire, OPENING "200 C FPA 1 1 1\n240 S A 1 3 0");
  assert_int_equal(connection_u(&wire.model), 0);
  assert_int_equal(connection_w(&wire.model), 0xfffffffe);
  wire_play(&wire, "300 S PA 1 3 10");
  assert_int_equal(connection_w(&wire.model), 8);
  wire_play(&wire, "300 S FA 11 3 0");
  assert_int_equal(connection_w(&wire.model), 8);
}

/* A repeated FIN is to be answered again: the ACK is awaited once more, with the same numbers. */
static void the_answer_to_a_repeated_fin_is_announced(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 0xfffffff0, 0xffffffff);
  wire_play(&wire, OPENING HALF_CLOSE "407 C FA 1 1 0");
  struct expectation list[EXPECTATIONS_MAX] = {0};
  assert_true(expectation_met(list, expectation_list(&wire.model, list), END_SERVER, ROLE_ACK1));
  wire_play(&wire, "408 S A 1 2 0\n" NORMAL_END "607 S FA 1 2 0");
  assert_true(expectation_met(list, expectation_list(&wire.model, list), END_CLIENT, ROLE_ACK2));
}

/* The final ACK's numbers are known as soon as FIN1 is: a script that loses it needs them then. */
static void the_final_ack_is_announced_from_the_first_fin_on(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 0xfffffff0, 0xffffffff);
  wire_play(&wire, OPENING "200 C FPA 1 1 20");
  struct expectation list[EXPECTATIONS_MAX];
  unsigned n = expectation_list(&wire.model, list), found = 0;
  for (unsigned i = 0; i < n; i++) {
    if (!(list[i].roles & ROLE_ACK2)) continue;
    found++;
    assert_int_equal(list[i].from, END_CLIENT);
    assert_int_equal(list[i].seq, 0xfffffff0 + 22);
    assert_int_equal(list[i].ack, 1);
  }
  assert_int_equal(found, 1);
}

/* A step says how many roles have been captured so far, also when its segment plays none. */
static void every_step_carries_the_counter(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 0, 0);
  wire_play(&wire, OPENING HALF_CLOSE "300 S PA 1 2 10");
  assert_int_equal(wire.step.count, 2);
  assert_int_equal(wire.step.of, 4);
}

int main(void) {
  const struct CMUnitTest others[] = {
      cmocka_unit_test(half_close_octets_are_counted),
      cmocka_unit_test(octets_count_once),
      cmocka_unit_test(octets_that_fill_a_hole_count),
      cmocka_unit_test(u_and_w_are_known_before_fin2),
      cmocka_unit_test(the_answer_to_a_repeated_fin_is_announced),
      cmocka_unit_test(the_final_ack_is_announced_from_the_first_fin_on),
      cmocka_unit_test(every_step_carries_the_counter),
  };
  enum { OTHERS = sizeof others / sizeof *others };
  struct CMUnitTest tests[CASES + OTHERS];
  for (size_t i = 0; i < CASES; i++)
    tests[i] = (struct CMUnitTest){cases[i].name, run_case, NULL, NULL, (void *)cases[i].text};
  for (size_t i = 0; i < OTHERS; i++) tests[CASES + i] = others[i];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
