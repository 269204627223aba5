/* Writes a capture of many interleaved connections, each of which follows a script (script.h), and
 * beside it the verdict that each one owes. The same seed writes the same octets.
 *
 * So many connections take turns at random. One that has to wait, for a retransmission timer say,
 * leaves its place to the next, so that it is the open ones that the number counts. At the end 30 s
 * pass before a last close: whatever is unfinished has then been so for long enough. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/collide.h"
#include "tests/bench/frame.h"
#include "tests/bench/script.h"

enum { SILENCE_S = 30, CLIENT_PORTS = 28000, FIRST_PORT = 32768, SERVERS = 16, BUFFER = 1 << 20 };

#define START_NS UINT64_C(1700000000000000000)

struct end {
  uint32_t snd_nxt, rcv_nxt;
  uint32_t ts_recent;
};

struct connection {
  uint64_t id;
  uint32_t isn[2];
  struct end end[2];
  uint8_t script, next_step;
};

struct parked {
  uint64_t due_ns;
  struct connection connection;
};

struct generator {
  /* What is asked for. */
  uint64_t connections, open, pace_ns, flood;
  unsigned ipv6_percent;
  bool all; /* the mix */
  int only; /* a script's number, or -1 */
  struct collide_tuple *tuples;
  FILE *out, *truth;

  uint64_t random[2];
  uint64_t now_ns, n_begun, n_packets;
  uint64_t n_of_script[64];
  uint16_t ip_id;
  unsigned weight;
  struct connection *taking_turns;
  uint64_t n_taking_turns;
  struct parked *heap; /* by due_ns, the least first */
  uint64_t n_parked, heap_size;
};

static void die(const char *what) {
  fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* xoroshiro128+ */
static uint64_t draw(struct generator *g) {
  uint64_t a = g->random[0], b = g->random[1], result = a + b;
  b ^= a;
  g->random[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
  g->random[1] = b << 37 | b >> 27;
  return result;
}

static uint64_t below(struct generator *g, uint64_t limit) { return (draw(g) >> 11) % limit; }

/* ---- Those that wait ------------------------------------------------------------------------ */

static void park(struct generator *g, const struct connection *c, uint64_t due_ns) {
  if (g->n_parked == g->heap_size) {
    g->heap_size = g->heap_size ? 2 * g->heap_size : 1024;
    g->heap = realloc(g->heap, g->heap_size * sizeof *g->heap);
    if (!g->heap) die("waiting connections");
  }
  uint64_t at = g->n_parked++;
  for (; at > 0 && g->heap[(at - 1) / 2].due_ns > due_ns; at = (at - 1) / 2)
    g->heap[at] = g->heap[(at - 1) / 2];
  g->heap[at] = (struct parked){due_ns, *c};
}

static struct connection unpark(struct generator *g) {
  struct connection first = g->heap[0].connection;
  struct parked last = g->heap[--g->n_parked];
  uint64_t at = 0, child;
  while ((child = 2 * at + 1) < g->n_parked) {
    if (child + 1 < g->n_parked && g->heap[child + 1].due_ns < g->heap[child].due_ns) child++;
    if (g->heap[child].due_ns >= last.due_ns) break;
    g->heap[at] = g->heap[child];
    at = child;
  }
  g->heap[at] = last;
  return first;
}

/* ---- Connections ---------------------------------------------------------------------------- */

static bool is_ipv6(const struct generator *g, uint64_t id) {
  return !g->tuples && id * 61 % 100 < g->ipv6_percent;
}

/* No two connections have the same client address and port. */
static void name_ends(const struct generator *g, const struct connection *c,
                      struct frame_end end[static 2]) {
  memset(end, 0, 2 * sizeof *end);
  uint64_t host = 1 + c->id / CLIENT_PORTS;
  bool ipv6 = is_ipv6(g, c->id);
  for (int i = 0; i < 2; i++) {
    uint8_t *last = end[i].address + (ipv6 ? 12 : 0);
    uint32_t number =
        i == SERVER ? 0x0ac80001 + c->isn[SERVER] % SERVERS : 0x0a000000 + (uint32_t)host;
    number = htonl(number);
    memcpy(last, &number, sizeof number);
    if (ipv6) end[i].address[0] = 0xfd;
  }
  end[CLIENT].port = (uint16_t)(FIRST_PORT + c->id * 9341 % CLIENT_PORTS);
  end[SERVER].port = c->isn[SERVER] % 32 < SERVERS ? 443 : 80;
  if (!g->tuples) return;
  memcpy(end[CLIENT].address, g->tuples[c->id].client, sizeof g->tuples[c->id].client);
  memcpy(end[SERVER].address, g->tuples[c->id].server, sizeof g->tuples[c->id].server);
  end[CLIENT].port = g->tuples[c->id].client_port;
  end[SERVER].port = g->tuples[c->id].server_port;
}

static void name_end(const struct frame_end *end, bool ipv6, char name[static 64]) {
  char address[INET6_ADDRSTRLEN];
  inet_ntop(ipv6 ? AF_INET6 : AF_INET, end->address, address, sizeof address);
  snprintf(name, 64, ipv6 ? "[%s]:%u" : "%s:%u", address, end->port);
}

static void write_truth(const struct generator *g, const struct connection *c) {
  const struct script *s = &SCRIPTS[c->script];
  struct frame_end end[2];
  char client[64], server[64];
  name_ends(g, c, end);
  name_end(&end[CLIENT], is_ipv6(g, c->id), client);
  name_end(&end[SERVER], is_ipv6(g, c->id), server);
  fprintf(g->truth, "%s\t%s\t%s\t%s\t%s\t%s\t%u\t%s\t%s\t%s\t%s\t%s\n", client, server,
          s->closed_first, s->ending, s->losses, s->control_segments, s->fin_retransmissions,
          s->reset_cause, s->client_state, s->server_state, s->verdict, s->name);
}

static unsigned weight_of(const struct generator *g, unsigned script) {
  return g->all ? SCRIPTS[script].all : SCRIPTS[script].plain;
}

static uint8_t draw_script(struct generator *g) {
  if (g->only >= 0) return (uint8_t)g->only;
  uint64_t left = below(g, g->weight);
  unsigned script = 0;
  for (; left >= weight_of(g, script); script++) left -= weight_of(g, script);
  return (uint8_t)script;
}

static uint8_t find_script(const char *name) {
  for (unsigned i = 0; i < N_SCRIPTS; i++)
    if (strcmp(SCRIPTS[i].name, name) == 0) return (uint8_t)i;
  fprintf(stderr, "generate: there is no script '%s'; see script.c\n", name);
  exit(2);
}

static struct connection begin(struct generator *g) {
  struct connection c = {.id = g->n_begun++};
  c.script = c.id < g->flood ? find_script("syn") : draw_script(g);
  for (int i = 0; i < 2; i++) {
    c.isn[i] = (uint32_t)(draw(g) >> 32);
    c.end[i].snd_nxt = c.isn[i];
  }
  g->n_of_script[c.script]++;
  if (g->truth) write_truth(g, &c);
  return c;
}

static bool may_begin(const struct generator *g) { return g->n_begun < g->connections; }

/* Connections of the mix that make about so many packets. */
static uint64_t connections_for(const struct generator *g, uint64_t packets) {
  uint64_t weighted = 0, weight = 0;
  for (unsigned i = 0; i < N_SCRIPTS; i++) {
    unsigned own = g->only < 0 ? weight_of(g, i) : (unsigned)g->only == i;
    weight += own;
    for (const struct step *step = SCRIPTS[i].steps; step->flags; step++)
      if (!(step->how & MISSED)) weighted += own;
  }
  // cppcheck-suppress zerodiv ; no script is without packets
  return packets * weight / weighted;
}

/* ---- Segments ------------------------------------------------------------------------------- */

static void write_packet(struct generator *g, const struct frame_segment *segment) {
  uint8_t bytes[FRAME_SIZE];
  size_t on_wire = frame_build(segment, bytes);
  size_t captured = on_wire < FRAME_SNAPLEN ? on_wire : FRAME_SNAPLEN;
  uint32_t header[4] = {(uint32_t)(g->now_ns / 1000000000),
                        (uint32_t)(g->now_ns % 1000000000 / 1000), (uint32_t)captured,
                        (uint32_t)on_wire};
  if (fwrite(header, sizeof header, 1, g->out) != 1 || fwrite(bytes, captured, 1, g->out) != 1)
    die("writing the capture");
  g->n_packets++;
}

/* What the segment does to its receiver: old ones do not count, nor do their timestamps. */
static void deliver(struct end *receiver, const struct frame_segment *s, uint32_t length) {
  if (s->flags & SYN) receiver->rcv_nxt = s->seq;
  if (s->seq != receiver->rcv_nxt) return;
  receiver->rcv_nxt += length;
  receiver->ts_recent = s->tsval;
}

static void play_step(struct generator *g, struct connection *c, const struct step *step) {
  struct frame_end names[2];
  name_ends(g, c, names);
  struct end *from = &c->end[step->from], *to = &c->end[!step->from];
  uint32_t length = step->payload_bytes + (step->flags & (SYN | FIN) ? 1u : 0u);
  struct frame_segment s = {
      .source = &names[step->from],
      .destination = &names[!step->from],
      .is_ipv6 = is_ipv6(g, c->id),
      .flags = step->flags,
      .payload_bytes = step->payload_bytes,
      .ip_id = ++g->ip_id,
      .seq = step->how & AGAIN ? from->snd_nxt - 1 : from->snd_nxt,
      .ack = step->flags & ACK ? from->rcv_nxt - (step->how & CROSSED ? 1 : 0) : 0,
      .tsval = 1 + (uint32_t)((g->now_ns - START_NS) / 1000000),
      .tsecr = from->ts_recent,
      .has_sack = step->how & DUPLICATE,
      .sack_left = from->rcv_nxt - 1,
      .sack_right = from->rcv_nxt,
  };
  if (!(step->how & AGAIN)) from->snd_nxt += length;
  if (!(step->how & LOST)) deliver(to, &s, length);
  if (!(step->how & MISSED)) write_packet(g, &s);
}

/* On average the pace. */
static void let_time_pass(struct generator *g) {
  g->now_ns += g->pace_ns / 2 + below(g, g->pace_ns + 1);
}

static bool is_over(const struct connection *c) {
  return SCRIPTS[c->script].steps[c->next_step].flags == 0;
}

/* The next step and those that follow it at once. */
static void play(struct generator *g, struct connection *c) {
  const struct script *script = &SCRIPTS[c->script];
  do {
    let_time_pass(g);
    play_step(g, c, &script->steps[c->next_step++]);
  } while (script->steps[c->next_step].how & NOW);
}

static uint64_t wait_ns(const struct connection *c) {
  return SCRIPTS[c->script].steps[c->next_step].wait_ms * UINT64_C(1000000);
}

static void play_parked(struct generator *g) {
  if (g->heap[0].due_ns > g->now_ns) g->now_ns = g->heap[0].due_ns;
  struct connection c = unpark(g);
  play(g, &c);
  uint64_t turn_ns = g->pace_ns * (1 + below(g, 2 * g->open));
  if (!is_over(&c)) park(g, &c, g->now_ns + (wait_ns(&c) ? wait_ns(&c) : turn_ns));
}

static void play_turn(struct generator *g) {
  uint64_t i = below(g, g->n_taking_turns);
  struct connection *c = &g->taking_turns[i];
  play(g, c);
  uint64_t wait = wait_ns(c);
  if (wait) park(g, c, g->now_ns + wait);
  if (!wait && !is_over(c)) return;
  if (may_begin(g))
    *c = begin(g);
  else
    *c = g->taking_turns[--g->n_taking_turns];
}

static void generate(struct generator *g) {
  while (g->n_taking_turns < g->open && may_begin(g))
    g->taking_turns[g->n_taking_turns++] = begin(g);
  while (g->n_taking_turns || g->n_parked) {
    if (g->n_parked && (g->n_taking_turns == 0 || g->heap[0].due_ns <= g->now_ns))
      play_parked(g);
    else
      play_turn(g);
  }
  if (g->tuples) return; /* there are no more of them */
  g->now_ns += SILENCE_S * UINT64_C(1000000000);
  g->flood = 0;
  g->only = find_script("normal");
  struct connection last = begin(g);
  while (!is_over(&last)) play(g, &last);
}

/* ---- What was made -------------------------------------------------------------------------- */

/* "ending normal 120": how many verdicts have that value. */
static void print_counts(const struct generator *g) {
  fprintf(stderr, "packets %ju\nconnections %ju\n", (uintmax_t)g->n_packets, (uintmax_t)g->n_begun);
  for (unsigned i = 0; i < N_SCRIPTS; i++) {
    if (!g->n_of_script[i]) continue;
    fprintf(stderr, "ending %s %ju\n", SCRIPTS[i].ending, (uintmax_t)g->n_of_script[i]);
    fprintf(stderr, "closed-first %s %ju\n", SCRIPTS[i].closed_first, (uintmax_t)g->n_of_script[i]);
  }
}

static FILE *open_to_write(const char *path) {
  FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
  if (!file) die(path);
  setvbuf(file, NULL, _IOFBF, BUFFER);
  return file;
}

static uint64_t number(const char *option, const char *text, uint64_t least) {
  char *end;
  errno = 0;
  uint64_t value = strtoull(text, &end, 10);
  if (errno || end == text || *end || *text == '-' || value < least) {
    fprintf(stderr, "generate: --%s wants a number of at least %ju, not '%s'\n", option,
            (uintmax_t)least, text);
    exit(2);
  }
  return value;
}

static const char USAGE[] =
    "Usage: generate [OPTION]... FILE\n"
    "Writes a pcap file (-: stdout) of generated connections, and on stderr how many of each "
    "kind.\n"
    "  --connections N   so many (default 1000)\n"
    "  --packets N       instead: connections for about so many packets\n"
    "  --open N          so many open at once (default 1000)\n"
    "  --pace NS         between packets, on average (default 1000)\n"
    "  --mix MIX         plain (default), all in equal parts, or the name of one script\n"
    "  --ipv6 PERCENT    of the connections (default 0)\n"
    "  --flood N         N SYNs that nobody answers come first\n"
    "  --collide         four-tuples that an unkeyed hash throws together; with --connections\n"
    "  --seed N          (default 1)\n"
    "  --truth FILE      a line for each connection: client, server, closed_first, ending, "
    "losses,\n"
    "                    control_segments, fin_retransmissions, reset_cause, client_state,\n"
    "                    server_state, verdict, and its script\n";

static const char *read_options(struct generator *g, int argc, char **argv) {
  enum { CONNECTIONS, PACKETS, OPEN, PACE, MIX, IPV6, FLOOD, COLLIDE, SEED, TRUTH, HELP };
  static const struct option options[] = {
      [CONNECTIONS] = {"connections", required_argument, 0, 0},
      [PACKETS] = {"packets", required_argument, 0, 0},
      [OPEN] = {"open", required_argument, 0, 0},
      [PACE] = {"pace", required_argument, 0, 0},
      [MIX] = {"mix", required_argument, 0, 0},
      [IPV6] = {"ipv6", required_argument, 0, 0},
      [FLOOD] = {"flood", required_argument, 0, 0},
      [COLLIDE] = {"collide", no_argument, 0, 0},
      [SEED] = {"seed", required_argument, 0, 0},
      [TRUTH] = {"truth", required_argument, 0, 0},
      [HELP] = {"help", no_argument, 0, 0},
      [HELP + 1] = {0, 0, 0, 0},
  };
  uint64_t seed = 1, packets = 0;
  bool collide = false;
  int row, got;
  while ((got = getopt_long(argc, argv, "", options, &row)) == 0) {
    const char *name = options[row].name;
    switch (row) {
      case CONNECTIONS: g->connections = number(name, optarg, 1); break;
      case PACKETS: packets = number(name, optarg, 1); break;
      case OPEN: g->open = number(name, optarg, 1); break;
      case PACE: g->pace_ns = number(name, optarg, 1); break;
      case IPV6: g->ipv6_percent = (unsigned)number(name, optarg, 0); break;
      case FLOOD: g->flood = number(name, optarg, 0); break;
      case SEED: seed = number(name, optarg, 0); break;
      case COLLIDE: collide = true; break;
      case TRUTH: g->truth = open_to_write(optarg); break;
      case HELP: fputs(USAGE, stdout); exit(0);
      case MIX:
        g->all = strcmp(optarg, "all") == 0;
        if (!g->all && strcmp(optarg, "plain") != 0) g->only = find_script(optarg);
        break;
    }
  }
  if (got != -1 || optind != argc - 1) {
    fputs(USAGE, stderr);
    exit(2);
  }
  if (packets) g->connections = connections_for(g, packets);
  g->random[0] = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
  g->random[1] = (seed + 2) * UINT64_C(0xd1b54a32d192ed03);
  for (int i = 0; i < 16; i++) draw(g);
  if (collide && !(g->tuples = collide_find((uint32_t)g->connections))) die("colliding tuples");
  return argv[optind];
}

int main(int argc, char **argv) {
  static struct generator g = {
      .connections = 1000, .open = 1000, .pace_ns = 1000, .only = -1, .now_ns = START_NS};
  static const uint32_t header[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, FRAME_SNAPLEN, 1};
  g.out = open_to_write(read_options(&g, argc, argv));
  for (unsigned i = 0; i < N_SCRIPTS; i++) g.weight += weight_of(&g, i);
  g.taking_turns = calloc(g.open, sizeof *g.taking_turns);
  if (!g.taking_turns) die("open connections");
  if (fwrite(header, sizeof header, 1, g.out) != 1) die("writing the capture");
  generate(&g);
  if (fclose(g.out) != 0) die("writing the capture");
  if (g.truth && fclose(g.truth) != 0) die("writing the truth");
  print_counts(&g);
  free(g.taking_turns);
  free(g.heap);
  free(g.tuples);
}
