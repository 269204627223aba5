/* The search: breadth first, so that the way to the first complaint is a shortest one. */
#include "tests/explore.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct world) ==
                  4 + 2 * sizeof(struct host) + 4 * sizeof(struct leg) + 6 + 6 + 4,
              "no padding");

static struct {
  struct world *worlds;
  uint32_t *parent;
  struct action *action;
  uint32_t n, capacity;
  uint32_t *index; /* open addressing, number + 1 */
  uint32_t index_size;
  uint32_t *to, *first_edge; /* the transitions, by their source */
  size_t n_edges, edges_capacity;
} graph;

static void *grow(void *old, size_t n, size_t size) {
  void *new = realloc(old, n * size);
  assert(new);
  return new;
}

static uint32_t world_hash(const struct world *w) {
  const unsigned char *bytes = (const unsigned char *)w;
  uint64_t h = 0;
  for (size_t i = 0; i < sizeof *w; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    size_t left = sizeof *w - i;
    memcpy(&word, bytes + i, left < sizeof word ? left : sizeof word);
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
  }
  return (uint32_t)(h >> 7);
}

static void index_put(uint32_t number) {
  uint32_t at = world_hash(&graph.worlds[number]) & (graph.index_size - 1);
  while (graph.index[at]) at = (at + 1) & (graph.index_size - 1);
  graph.index[at] = number + 1;
}

static void graph_reset(void) {
  graph.n = 0;
  graph.n_edges = 0;
  free(graph.index); /* small again: most searches are, and it has to be cleared for each */
  graph.index = NULL;
  graph.index_size = 0;
}

static void graph_grow(void) {
  if (graph.n + 1 >= graph.capacity) {
    graph.capacity = graph.capacity ? graph.capacity * 2 : 4096;
    graph.worlds = grow(graph.worlds, graph.capacity, sizeof *graph.worlds);
    graph.parent = grow(graph.parent, graph.capacity, sizeof *graph.parent);
    graph.action = grow(graph.action, graph.capacity, sizeof *graph.action);
    graph.first_edge = grow(graph.first_edge, graph.capacity + 1, sizeof *graph.first_edge);
  }
  if (graph.n * 2 < graph.index_size) return;
  free(graph.index);
  graph.index_size = graph.index_size ? graph.index_size * 2 : 16384;
  graph.index = calloc(graph.index_size, sizeof *graph.index);
  assert(graph.index);
  for (uint32_t i = 0; i < graph.n; i++) index_put(i);
}

/* The number of this world; *is_new when it was not known. */
static uint32_t graph_put(const struct world *w, uint32_t parent, struct action action,
                          bool *is_new) {
  graph_grow();
  uint32_t at = world_hash(w) & (graph.index_size - 1);
  *is_new = false;
  for (; graph.index[at]; at = (at + 1) & (graph.index_size - 1))
    if (memcmp(&graph.worlds[graph.index[at] - 1], w, sizeof *w) == 0) return graph.index[at] - 1;
  *is_new = true;
  memcpy(&graph.worlds[graph.n], w, sizeof *w);
  graph.parent[graph.n] = parent;
  graph.action[graph.n] = action;
  graph.index[at] = graph.n + 1;
  return graph.n++;
}

static void graph_connect(uint32_t to) {
  if (graph.n_edges == graph.edges_capacity) {
    graph.edges_capacity = graph.edges_capacity ? graph.edges_capacity * 2 : 16384;
    graph.to = grow(graph.to, graph.edges_capacity, sizeof *graph.to);
  }
  graph.to[graph.n_edges++] = to;
}

/* ---- The way to a complaint ----------------------------------------------------------------- */

static const char *action_name(enum action_kind kind) {
  static const char *const names[] = {
      [ACTION_CONNECT] = "connects",
      [ACTION_WRITE] = "writes",
      [ACTION_CLOSE] = "closes",
      [ACTION_WRITE_AND_CLOSE] = "writes and closes",
      [ACTION_SEND_ACK] = "sends its ACK",
      [ACTION_REPEAT_SYN] = "repeats its SYN",
      [ACTION_REPEAT_ALL] = "repeats data and FIN",
      [ACTION_REPEAT_DATA] = "repeats data",
      [ACTION_REPEAT_FIN] = "repeats its FIN",
      [ACTION_ABORT] = "aborts",
      [ACTION_GIVE_UP] = "gives up",
      [ACTION_EXPIRE_2MSL] = "ends TIME_WAIT",
      [ACTION_EXPIRE_FIN_WAIT_2] = "ends FIN_WAIT_2",
      [ACTION_EXPIRE_WATCHER] = "the watcher's 2 MSL are over",
      [ACTION_BEGIN_CAPTURE] = "the capture begins",
      [ACTION_PAUSE] = "nothing happens for 100 ms",
      [ACTION_TAP] = "passes the tap:",
      [ACTION_DELIVER] = "arrives:",
      [ACTION_LOSE_BEFORE] = "lost before the tap:",
      [ACTION_LOSE_AFTER] = "lost after the tap:",
      [ACTION_DUPLICATE_BEFORE] = "duplicated before the tap:",
      [ACTION_DUPLICATE_AFTER] = "duplicated after the tap:",
  };
  return names[kind];
}

static void print_flight(const struct flight *f) {
  static const struct {
    unsigned flag;
    char letter;
  } letters[] = {{SEGMENT_SYN, 'S'}, {SEGMENT_FIN, 'F'}, {SEGMENT_RST, 'R'}, {SEGMENT_ACK, 'A'}};
  printf(" ");
  for (unsigned i = 0; i < 4; i++)
    if (f->flags & letters[i].flag) printf("%c", letters[i].letter);
  printf(" seq=%u ack=%u len=%u", f->seq, f->ack, f->payload);
}

void world_print(const struct world *before, struct action action, const struct world *after) {
  static const int which[] = {
      [ACTION_TAP] = 1,        [ACTION_DELIVER] = 2,          [ACTION_LOSE_BEFORE] = 1,
      [ACTION_LOSE_AFTER] = 2, [ACTION_DUPLICATE_BEFORE] = 1, [ACTION_DUPLICATE_AFTER] = 2,
      [ACTION_NONE] = 0};
  const char *who = action.who == END_NONE ? "" : end_name(action.who);
  printf("  %s %s", who, action_name(action.kind));
  if (which[action.kind])
    print_flight(&before->leg[action.who][which[action.kind] - 1].flight[action.at]);
  printf("\n");
  if (after->watcher != before->watcher && action.kind == ACTION_TAP)
    watcher_explain(before->watcher, action.who,
                    &before->leg[action.who][BEFORE_TAP].flight[action.at]);
  const struct model *m = watcher_model(after->watcher);
  printf("      now %s %s", tcp_state_name(after->host[0].state),
         tcp_state_name(after->host[1].state));
  if (after->watcher != before->watcher)
    printf("   the watcher: %s (%s) %s (%s)", tcp_state_name(m->end[0].state),
           evidence_name(m->end[0].evidence), tcp_state_name(m->end[1].state),
           evidence_name(m->end[1].evidence));
  printf("\n");
  for (unsigned i = 0; i < 4; i++) {
    const struct leg *leg = &after->leg[i / 2][i % 2];
    for (int j = 0; j < leg->n; j++) {
      printf("        %s, %s the tap:", end_name(i / 2), i % 2 ? "past" : "before");
      print_flight(&leg->flight[j]);
      printf("\n");
    }
  }
}

/* last, action and next: the step that was complained about; it may lead nowhere new. */
static void tell_the_way(uint32_t last, struct action action, const struct world *next) {
  uint32_t way[512];
  unsigned n = 0;
  for (uint32_t at = last; at != 0 && n < 512; at = graph.parent[at]) way[n++] = at;
  while (n-- > 0)
    world_print(&graph.worlds[graph.parent[way[n]]], graph.action[way[n]], &graph.worlds[way[n]]);
  if (action.kind != ACTION_NONE) world_print(&graph.worlds[last], action, next);
}

/* ---- The search ----------------------------------------------------------------------------- */

/* Every run ends: the graph has no cycle (Kahn's order exhausts it). */
static bool every_run_ends(void) {
  uint32_t *incoming = calloc(graph.n, sizeof *incoming), *ready = calloc(graph.n, sizeof *ready);
  assert(incoming && ready);
  uint32_t n = 0, done = 0;
  for (size_t i = 0; i < graph.n_edges; i++) incoming[graph.to[i]]++;
  for (uint32_t i = 0; i < graph.n; i++)
    if (incoming[i] == 0) ready[n++] = i;
  for (; done < n; done++)
    for (uint32_t e = graph.first_edge[ready[done]]; e < graph.first_edge[ready[done] + 1]; e++)
      if (--incoming[graph.to[e]] == 0) ready[n++] = graph.to[e];
  free(incoming);
  free(ready);
  return done == graph.n;
}

/* A complaint ends the search, unless every different one is wanted. False: go on. */
static bool complained(const struct explore_config *config, enum explore_mode mode, uint32_t at,
                       struct action action, const struct world *next) {
  static char told[64][sizeof oracle_complaint];
  static unsigned n_told;
  if (!oracle_complaint[0]) return false;
  bool is_new = true;
  for (unsigned i = 0; i < n_told; i++)
    if (strcmp(told[i], oracle_complaint) == 0) is_new = false;
  if (mode == EXPLORE_AND_TELL || (mode == EXPLORE_ALL_COMPLAINTS && is_new)) {
    printf("%s: %s\n", config->name, oracle_complaint);
    tell_the_way(at, action, next);
  }
  if (mode != EXPLORE_ALL_COMPLAINTS) return true;
  if (is_new && n_told < 64) strcpy(told[n_told++], oracle_complaint);
  oracle_complaint[0] = '\0';
  return false;
}

struct explore_result explore(const struct explore_config *config, enum explore_mode mode) {
  struct explore_result result = {0};
  struct action actions[ACTIONS_MAX], none = {ACTION_NONE, END_NONE, 0};
  struct world next;
  bool is_new;
  graph_reset();
  watcher_reset(config);
  oracle_complaint[0] = '\0';
  world_init(&next, config);
  graph_put(&next, 0, none, &is_new);
  oracle_check(&next, config);
  result.failed = complained(config, mode, 0, none, &next);
  for (uint32_t at = 0; at < graph.n && !result.failed; at++) {
    graph.first_edge[at] = (uint32_t)graph.n_edges;
    unsigned n = world_actions(&graph.worlds[at], config, actions), possible = 0;
    for (unsigned i = 0; i < n && !result.failed; i++) {
      memcpy(&next, &graph.worlds[at], sizeof next);
      if (!world_act(&next, config, actions[i])) {
        oracle_complaint[0] = '\0';
        result.full++;
        continue;
      }
      possible++;
      graph_connect(graph_put(&next, at, actions[i], &is_new));
      if (is_new) oracle_check(&next, config);
      result.failed = complained(config, mode, at, actions[i], &next);
    }
    if (possible > 0) continue;
    result.ends++;
    oracle_check_end(&graph.worlds[at], config);
    result.failed = result.failed || complained(config, mode, at, none, &next);
  }
  if (!result.failed) {
    graph.first_edge[graph.n] = (uint32_t)graph.n_edges;
    if (!every_run_ends()) oracle_complain("some run goes on for ever");
    result.failed = complained(config, mode, 0, none, &next);
  }
  result.states = graph.n;
  result.transitions = graph.n_edges;
  result.watchers = watcher_count();
  return result;
}
