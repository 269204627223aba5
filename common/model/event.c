#include "common/model/event.h"

#include <stddef.h>

void event_report(struct model_step *step, const struct model *m, enum end who,
                  enum change_kind kind, const struct transition *why, enum tcp_state from,
                  enum tcp_event event) {
  if (step->n_changes == MODEL_CHANGES_MAX) return;
  const struct endpoint *e = &m->end[who];
  step->changes[step->n_changes++] =
      (struct model_change){why, kind, who, from, e->state, e->evidence, event};
}

void event_find(struct model *m, struct model_step *step, struct finding finding) {
  for (int i = 0; i < m->n_findings; i++)
    if (m->findings[i].id == finding.id && m->findings[i].end == finding.end) return;
  if (m->n_findings < MODEL_FINDINGS_MAX) {
    /* Member by member: models are compared as bytes, and the argument's padding is anything. */
    struct finding *kept = &m->findings[m->n_findings++];
    kept->t_us = finding.t_us;
    kept->expected = finding.expected;
    kept->actual = finding.actual;
    kept->id = finding.id;
    kept->end = finding.end;
  }
  if (step->n_findings < 2) step->findings[step->n_findings++] = finding;
}

void event_apply(struct model *m, enum end who, enum tcp_event event, enum evidence evidence,
                 int64_t t_us, struct model_step *step) {
  struct endpoint *e = &m->end[who];
  const struct transition *row = transition_find(e->state, event);
  enum tcp_state from = e->state;
  switch (row->kind) {
    case TRANSITION_MOVES:
      if (!endpoint_insert(e, e->n_log, event, evidence)) return;
      event_report(step, m, who, CHANGE_MOVED, row, from, event);
      if (e->state == TCPS_TIME_WAIT) m->time_wait_us[who] = t_us;
      break;
    case TRANSITION_STAYS:
      if (event == EVENT_SND_RST && from == TCPS_CLOSED && e->evidence != EVIDENCE_SEEN) {
        if (endpoint_insert(e, e->n_log, event, evidence))
          event_report(step, m, who, CHANGE_CONFIRMED, NULL, from, event);
      }
      if (from == TCPS_TIME_WAIT && event == EVENT_RCV_FIN) {
        m->time_wait_us[who] = t_us;
        m->time_wait_restarted = true;
        event_report(step, m, who, CHANGE_STAYED, row, from, event);
      }
      break;
    case TRANSITION_IGNORES:
    case TRANSITION_NEVER: break;
  }
}

void event_confirm(struct model *m, enum end who, enum tcp_event event, struct model_step *step) {
  struct endpoint *e = &m->end[who];
  int at = endpoint_find(e, event);
  if (at < 0) return;
  enum evidence before = e->evidence;
  endpoint_raise(e, at);
  if (e->evidence != before) event_report(step, m, who, CHANGE_CONFIRMED, NULL, e->state, event);
}

void event_prove(struct model *m, enum end who, enum tcp_event event, int64_t t_us,
                 struct model_step *step) {
  if (endpoint_find(&m->end[who], event) >= 0)
    event_confirm(m, who, event, step);
  else
    event_apply(m, who, event, EVIDENCE_SEEN, t_us, step);
}

bool event_strike(struct model *m, enum end who, enum tcp_event event, int64_t t_us,
                  struct model_step *step) {
  struct endpoint *e = &m->end[who];
  int at = endpoint_find(e, event);
  if (at < 0) return false;
  enum tcp_state from = e->state;
  endpoint_remove(e, at);
  if (event == EVENT_TIMEOUT_2MSL) m->time_wait_us[who] = t_us;
  if (e->state != from)
    event_report(step, m, who, CHANGE_REFUTED, transition_find(e->state, event), from, event);
  return true;
}

bool event_refute(struct model *m, enum end who, enum tcp_event event, int64_t t_us,
                  struct model_step *step) {
  const struct endpoint *e = &m->end[who];
  int at = endpoint_find(e, event);
  if (at < 0 || e->log[at].evidence == EVIDENCE_SEEN) return false;
  return event_strike(m, who, event, t_us, step);
}
