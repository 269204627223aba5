'use strict';
/* The story of one connection: its NDJSON objects in, steps and marks out.
 *
 * A step is one thing that happens: a segment is sent, it arrives, nothing happens for a while. A mark is
 * something drawn; it appears at the step `at` and never vanishes: a presumption becomes `proved` or
 * `refuted` at a later step, and is drawn so from there on. What a step shows is therefore a function
 * of the story and the step's number alone, forwards and backwards. */

const ENDS = ['client', 'server'];
const other = end => end === 'client' ? 'server' : 'client';
const SILENCE_US = 1000; /* shorter pauses are not told */
const DATA_SHOWN = 3;    /* data segments in a row that are drawn one by one */

const has = (segment, role) => (segment.role || '').split('+').includes(role);
const isData = segment => segment.role === null || segment.role === 'data';
const isFin = segment => has(segment, 'fin1') || has(segment, 'fin2');

/* A name from outside is shown as what it is: marks of direction would let it read as another. In the
 * data they are escaped; what has no escape is read as it is, which takes half of the time. */
const MARKS = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const shown = text => text.replace(MARKS, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
const show = (key, value) => typeof value === 'string' ? shown(value) : value;
const parse = line => line.includes('\\u') ? JSON.parse(line, show) : JSON.parse(line);

/* Connections with at least one segment, in the order of their numbers. A list wants the verdicts alone:
 * of a thousand connections the rest is read when somebody looks at one. */
function readStories(lines) {
  const byNumber = new Map();
  let leftOut = 0, files = [];
  for (const line of lines) {
    const [, type, number] = /^{"schema": ?\d+, ?"type": ?"([a-z]+)"(?:, ?"conn": ?(\d+))?/.exec(line) || [];
    if (number === undefined) {
      const object = line.trim() ? parse(line) : {};
      if (object.type === 'start') files = [object.source, object.second_source];
      if (object.type === 'left-out') leftOut = object.connections;
      continue;
    }
    if (!byNumber.has(number)) byNumber.set(number, { number: Number(number), lines: [], verdict: null, closes: false, hasKernel: false });
    const story = byNumber.get(number);
    if (type === 'verdict') story.verdict = parse(line);
    else story.lines.push(line);
    if (type === 'segment') story.closes = true;
    if (type === 'kernel' || type === 'transition' && /"evidence": ?"kernel", ?"kind": ?"(told|asked|restarted)"/.test(line)) story.hasKernel = true;
  }
  const stories = [...byNumber.values()].filter(s => s.closes).sort((a, b) => a.number - b.number);
  return { stories, leftOut, files };
}

/* The same story, with its steps and marks. */
function tell(story) {
  if (story.steps) return story;
  const segments = [], kernel = [], timers = [], { verdict } = story;
  for (const object of story.lines.map(line => parse(line))) {
    if (object.type === 'segment')
      segments.push({ ...object, changes: [], us: object.since_first_fin_us });
    else if (object.type === 'kernel' || object.evidence === 'kernel' && object.kind !== 'moved')
      kernel.push(object);
    else if (object.type === 'transition' && object.segment !== null)
      segments.find(s => s.n === object.segment)?.changes.push(object);
    else if (object.type === 'transition') timers.push(object);
  }
  Object.assign(story, {
    segments, kernel, timers, steps: [], chips: { client: [], server: [] },
    ghosts: [], bands: [], tail: null, taps: segments.find(s => s.taps)?.taps || null,
  });
  const zero = segments[0].t - segments[0].us / 1e6;
  for (const word of kernel) word.us = Math.round((word.t - zero) * 1e6);
  for (const timer of timers) timer.us = Math.round((timer.t - zero) * 1e6);
  new Teller(story).tell();
  return story;
}

/* What was lost by role and place, to be spent on the repetitions that reveal it. */
class Losses {
  constructor(verdict) {
    this.left = new Map();
    this.because = new Map();
    for (const loss of verdict?.losses || []) {
      this.left.set(loss.role + ' ' + loss.place, loss.count);
      this.because.set(loss.role, loss.because);
    }
  }
  take(role, place) {
    const key = role + ' ' + place, n = this.left.get(key) || 0;
    if (n > 0) this.left.set(key, n - 1);
    return n > 0;
  }
}

class Teller {
  constructor(story) {
    this.story = story;
    this.losses = new Losses(story.verdict);
    this.halfTold = false;
  }

  /* The number of the step. */
  add(step) { return this.story.steps.push(step) - 1; }
  get now() { return this.story.steps.length; }

  chip(end, chip) { this.story.chips[end].push({ end, ...chip }); }
  /* The newest chip of an end that has not been refuted. */
  lastChip(end) { return this.story.chips[end].findLast(c => c.refuted === undefined); }
  segment(n) { return this.story.segments.find(s => s.n === n); }

  tell() {
    const { segments } = this.story;
    const before = segments[0].before;
    this.add({ kind: 'start' });
    for (const end of ENDS)
      this.chip(end, { at: 0, state: before[end], evidence: before[end + '_evidence'], place: 'start' });
    for (let i = 0; i < segments.length; i++) {
      const run = this.dataRun(i);
      if (run > DATA_SHOWN) {
        this.tellData(i, run);
        i += run - 1;
      } else {
        this.tellPause(segments[i - 1], segments[i]);
        this.tellSent(segments[i - 1], segments[i]);
        this.tellArrival(segments[i]);
      }
    }
    this.tellEnd(segments.at(-1));
    this.add({ kind: 'verdict' });
  }

  /* How many segments from here on only carry data, or acknowledge them. */
  dataRun(i) {
    const { segments } = this.story;
    let n = 0;
    while (i + n < segments.length && isData(segments[i + n]) &&
           segments[i + n].changes.every(c => c.kind === 'confirmed')) n++;
    return n;
  }

  tellData(i, n) {
    const run = this.story.segments.slice(i, i + n);
    this.tellPause(this.story.segments[i - 1], run[0]);
    const sender = run.find(s => s.payload_bytes > 0)?.from || run[0].from;
    const bytes = run.reduce((sum, s) => sum + s.payload_bytes, 0);
    const lost = run.filter(s => s.taps?.fate === 'lost').length;
    const step = this.add({ kind: 'data', segment: run[0], end: sender, bytes, count: n, lost, us: run.at(-1).us - run[0].us });
    for (const segment of run) segment.hidden = true;
    run[0].hidden = false;
    Object.assign(run[0], { sent: step, arrived: step, from: sender, summed: { bytes, count: n } });
    for (const segment of run) for (const change of segment.changes) this.confirm(change, step);
  }

  tellPause(previous, segment) {
    if (!previous) return;
    const us = segment.us - previous.us, half = this.story.verdict?.half_closed;
    if (half && !this.halfTold && this.isHalfClosed && us >= SILENCE_US) {
      this.halfTold = true;
      this.story.bands.push({ at: this.now, end: half.open, after: previous, before: segment, us });
      this.add({ kind: 'half-closed', end: half.open, us, next: segment });
    } else if (segment.again > 0 && us >= SILENCE_US) {
      this.add({ kind: 'silence', end: segment.from, us, next: segment });
    }
  }

  confirm(change, step) {
    const chip = this.lastChip(change.about);
    if (chip && chip.evidence === 'presumed' && chip.proved === undefined) chip.proved = step;
    const proof = this.segment(change.of_segment);
    if (proof && proof.proved === undefined) proof.proved = step;
  }

  /* The sender's own segment says that something had not arrived. */
  refute(change, step, segment) {
    const chip = this.lastChip(change.about), said = this.segment(change.of_segment);
    if (chip) chip.refuted = step;
    const arrivesLater = segment.changes.some(c => c.kind === 'moved' && c.about === change.about && c.event === change.event);
    /* An RST answers: what it answers was not lost, it found nobody. */
    if (said && !has(segment, 'rst')) said[arrivesLater ? 'pending' : 'lost'] = step;
    const sends = segment.changes.some(c => c.kind === 'moved' && c.about === change.about && c.event.startsWith('SND'));
    if (!sends) this.chip(change.about, { at: step, state: change.to, evidence: 'seen', segment, place: 'sent' });
    return { state: change.from, to: change.to, segment: said, arrivesLater, change };
  }

  /* What a repetition reveals of the copy before it. */
  reveal(segment, step, previous) {
    const fin = isFin(segment) ? (has(segment, 'fin1') ? 'fin1' : 'fin2') : null;
    if (!segment.again || !fin) return null;
    const answer = fin === 'fin1' ? 'ack1' : 'final-ack', end = other(segment.from);
    const text = fin === 'fin1' ? 'ACK ack=u+1' : 'ACK ack=w+1';
    if (this.losses.take(answer, 'before-tap')) {
      const ghost = { at: step, end, after: previous, before: segment, text, what: 'ACK' };
      this.story.ghosts.push(ghost);
      const copy = this.story.segments.findLast(s => s.n < segment.n && has(s, fin));
      if (copy && copy.proved === undefined) copy.proved = step;
      return { ghost, loss: answer };
    }
    if (this.losses.take(fin, 'after-tap')) {
      const copy = this.story.segments.findLast(s => s.n < segment.n && has(s, fin) && s.lost === undefined);
      if (copy) this.lose(copy, step);
      return { lost: copy, loss: fin };
    }
    return null;
  }

  /* A copy of a FIN was lost: what it was presumed to do, the next one does. */
  lose(copy, step) {
    copy.lost = step;
    const chip = this.lastChip(other(copy.from));
    const change = copy.changes.findLast(c => c.about === other(copy.from) && c.kind === 'moved');
    if (!change || chip.segment !== copy || chip.place !== 'arrived') return;
    chip.refuted = step;
    delete chip.proved;
    this.again = { end: chip.end, change };
  }

  tellSent(previous, segment) {
    const end = segment.from, step = this.now;
    const own = segment.changes.filter(c => c.about === end);
    const moves = own.filter(c => c.kind === 'moved' && c.event.startsWith('SND'));
    const told = { kind: 'sent', segment, end, moves, proof: own.find(c => c.kind === 'confirmed') };
    this.add(told);
    segment.sent = step;
    for (const change of own) {
      if (change.kind === 'confirmed') this.confirm(change, step);
      if (change.kind === 'refuted') told.refuted = this.refute(change, step, segment);
    }
    if (!told.refuted) told.reveals = this.reveal(segment, step, previous);
    if (told.reveals) told.reveals.because = this.losses.because.get(told.reveals.loss);
    for (const change of moves)
      this.chip(end, { at: step, state: change.to, evidence: change.evidence, segment, place: 'sent' });
    this.tellLate(own, segment, told);
  }

  /* What the sender received before, as this segment shows only now: FINs that crossed. */
  tellLate(own, segment, told) {
    const late = own.filter(c => c.kind === 'moved' && c.event.startsWith('RCV'));
    if (late.length === 0) return;
    const arrived = told.refuted?.segment || this.story.segments.findLast(s => s.n < segment.n && s.from !== segment.from);
    const step = this.add({ kind: 'arrived', segment: arrived || segment, end: segment.from, moves: late, late: true });
    if (arrived) arrived.arrivedLate = { step, after: segment };
    for (const change of late)
      this.chip(segment.from, { at: step, state: change.to, evidence: change.evidence, segment, place: 'late' });
  }

  tellArrival(segment) {
    const end = other(segment.from);
    if (segment.taps?.fate === 'lost') {
      segment.dropped = this.add({ kind: 'dropped', segment, end: segment.from });
      return;
    }
    const changes = segment.changes.filter(c => c.about === end);
    const moves = changes.filter(c => c.kind === 'moved');
    let restart = changes.find(c => c.kind === 'restarted');
    if (this.again?.end === end && isFin(segment)) {
      moves.push(this.again.change);
      restart = undefined;
      this.again = null;
    }
    const step = this.add({ kind: 'arrived', segment, end, moves, restart });
    segment.arrived = step;
    for (const change of moves)
      this.chip(end, { at: step, state: change.to, evidence: change.evidence, segment, place: 'arrived' });
    if (restart) (this.lastChip(end).restarts ??= []).push({ at: step, segment });
    if (has(segment, 'ack1') && !has(segment, 'fin2')) this.isHalfClosed = true;
  }

  tellEnd(last) {
    const { story } = this, { verdict, timers } = story;
    const lingers = ENDS.filter(end => this.lastChip(end).state === 'TIME_WAIT');
    const stuck = verdict?.findings.find(f => f.severity === 'stuck');
    const closed = timers.filter(t => t.to === 'CLOSED');
    if (lingers.length > 0) {
      const timer = closed.find(t => lingers.includes(t.about));
      const us = timer ? timer.us - last.us : 60e6;
      story.tail = { at: this.now, ends: lingers, us, seen: Boolean(timer) };
      this.add({ kind: 'linger', ends: lingers, us, seen: Boolean(timer) });
      const step = this.add({ kind: 'timer', end: lingers[0], ends: lingers, us, evidence: timer?.evidence || 'timed', seen: Boolean(timer) });
      for (const end of lingers)
        this.chip(end, { at: step, state: 'CLOSED', evidence: timer?.evidence || 'timed', place: 'tail' });
    } else if (closed.length > 0) {
      const timer = closed.at(-1);
      story.tail = { at: this.now, ends: [timer.about], us: timer.us - last.us, seen: true };
      const step = this.add({ kind: 'timer', end: timer.about, ends: [timer.about], us: timer.us - last.us, evidence: timer.evidence, reason: timer.reason, clause: timer.clause, seen: true });
      this.chip(timer.about, { at: step, state: 'CLOSED', evidence: timer.evidence, place: 'tail' });
    } else if (stuck) {
      const us = Math.round((verdict.t - stuck.t) * 1e6);
      story.tail = { at: this.now, ends: [stuck.about], us: Math.round((verdict.t - last.t) * 1e6), stuck: true };
      if (verdict.half_closed && !this.halfTold && this.isHalfClosed)
        story.bands.push({ at: this.now, end: verdict.half_closed.open, after: last, before: null, us: verdict.half_closed.us });
      this.add({ kind: 'stuck', end: stuck.about, finding: stuck, us });
    }
  }
}

/* ---- Sentences ------------------------------------------------------------------------------- */

const capital = text => text[0].toUpperCase() + text.slice(1);

function duration(us) {
  const size = Math.abs(us);
  if (size < 1000) return Math.round(us) + ' µs';
  if (size < 999950) return (us / 1e3).toFixed(1) + ' ms';
  return (us / 1e6).toFixed(size < 1e7 ? 2 : 1) + ' s';
}

function elapsed(us) {
  const size = Math.abs(us), sign = us < 0 ? '−' : '+';
  if (size > 0 && size < 1000) return `${sign}${Math.round(size)} µs`;
  return sign + (size < 999950 ? (size / 1e3).toFixed(1) + ' ms' : (size / 1e6).toFixed(size < 1e7 ? 3 : 1) + ' s');
}

/* Of two vantage points: the file of the first -r is A. By the end that it is nearer to. */
const tapName = (story, end) => 'AB'[story.taps[end].file - 1];

/* Which of the two have the segment, and when. */
function tapsOf(story, segment) {
  const ends = [segment.from, other(segment.from)], [left, came] = ends.map(end => segment.taps[end].t);
  const [near, far] = ends.map(end => tapName(story, end));
  if (left === null) return `${far} has it, ${near} has missed it`;
  if (came !== null) return `${near} has it, and ${far} ${duration(Math.max(0, Math.round((came - left) * 1e6)))} later`;
  return segment.taps.fate === 'lost' ? `${near} has it, ${far} never sees it` : `${near} has it; ${far} cannot tell`;
}

function plural(n, thing) { return `${n} ${thing}${n === 1 ? '' : 's'}`; }

function nameOf(segment) {
  if (isData(segment)) return segment.payload_bytes > 0 ? 'data' : 'ACK';
  if (has(segment, 'rst')) return 'RST';
  if (has(segment, 'syn')) return 'SYN';
  return isFin(segment) ? 'FIN' : 'ACK';
}

function sayStart(story) {
  const { client, server } = story.segments[0].before;
  if (client === 'ESTABLISHED' && server === 'ESTABLISHED')
    return 'Both ends are ESTABLISHED: two pipes, one each way, both open.';
  return `Client is ${client}, server is ${server}.`;
}

function saySent(step) {
  const { segment, refuted, reveals } = step, end = capital(step.end), again = segment.again > 0;
  if (refuted && !refuted.arrivesLater)
    return has(segment, 'rst') ? `${end} answers with RST: it never was in ${refuted.state}.`
      : `${end} sends its ${nameOf(segment)}${again ? ' again' : ''}. So the ${refuted.segment ? nameOf(refuted.segment) : 'segment before'} had not arrived.`;
  if (reveals?.ghost) return `${end} sends its FIN again. So the ACK was lost on its way, before it reached the sniffer.`;
  if (reveals?.lost) return `${end} sends its FIN again. So the first copy was lost behind the sniffer.`;
  if (has(segment, 'rst')) return `${end} sends RST: the connection is torn down at once.`;
  if (isData(segment))
    return segment.payload_bytes > 0 ? `${end} can still send, and does: ${plural(segment.payload_bytes, 'octet')}.`
                                     : `${end} acknowledges what it has received.`;
  if (has(segment, 'fin1')) return again ? `${end} sends its FIN again.` : `${end} has no more data to send: it sends a FIN.`;
  if (has(segment, 'fin2')) {
    if (again) return `${end} sends its FIN again.`;
    if (has(segment, 'ack1')) return `${end} acknowledges the FIN and sends its own in the same segment.`;
    if (refuted) return `${end} sends a FIN, too, and does not know of the other yet: they cross.`;
    return `${end} is done, too: it sends its own FIN.`;
  }
  if (has(segment, 'final-ack'))
    return again ? `${end} answers the repeated FIN with the ACK again.` : `${end} acknowledges the other FIN: ack = w+1.`;
  if (has(segment, 'ack1')) return again ? `${end} acknowledges the FIN again.` : `${end} acknowledges the FIN: ack = u+1.`;
  return `${end} sends ${segment.text}.`;
}

function sayArrived(step) {
  const { segment } = step, what = nameOf(segment), to = step.moves.at(-1)?.to;
  if (step.late) return `Only now the ${what} reaches the ${step.end}${to ? ': ' + to : ''}.`;
  if (segment.ignored) return `The ${step.end} drops it: ${segment.ignored}.`;
  if (step.restart) return `The FIN reaches the ${step.end} again: TIME_WAIT starts anew.`;
  if (what === 'data') return `The data reach the ${step.end}.`;
  if (to === 'CLOSED' && what === 'ACK') return `The last ACK reaches the ${step.end}, presumably: nothing will ever prove it.`;
  return `The ${what} reaches the ${step.end}${to ? ': ' + to : ''}.`;
}

/* The sentence of a step. */
function say(story, step) {
  const { verdict } = story;
  switch (step.kind) {
    case 'start': return sayStart(story);
    case 'sent': return saySent(step);
    case 'arrived': return sayArrived(step);
    case 'dropped': return `The ${nameOf(step.segment)} is lost between the taps: ${tapsOf(story, step.segment)}.`;
    case 'data': return `${capital(step.end)} sends ${plural(step.bytes, 'octet')} in ${duration(step.us)}: ${plural(step.count, 'segment')} with their ACKs${step.lost > 0 ? `, ${step.lost} of them lost between the taps` : ''}.`;
    case 'silence': return `${duration(step.us)} of silence. The ${step.end} has seen no answer to its FIN.`;
    case 'half-closed': return `Half-closed: one pipe is shut, and the ${step.end} may still send. It waits for ${duration(step.us)}.`;
    case 'linger': return `${step.ends.length > 1 ? 'Both linger' : capital(step.ends[0]) + ' lingers'} in TIME_WAIT for 2·MSL, to answer if the FIN comes again.`;
    case 'timer':
      if (!step.seen) return '2·MSL later: CLOSED, by the timer alone. The capture ends before that.';
      return step.reason ? `${duration(step.us)} later the ${step.end} is CLOSED, without a segment.` : '2·MSL are over: CLOSED. The connection is gone.';
    case 'stuck': return `${duration(step.us)} later the ${step.end} still owes: ${step.finding.expected}.`;
    case 'verdict': return verdict ? capital(verdict.sentence) + '.' : 'There is no verdict yet.';
  }
}

/* Why, and the clause that says so. */
function whyOf(step) {
  if (step.kind === 'stuck') return { end: step.end, text: `expected ${step.finding.expected}; there was ${step.finding.actual}`, clause: step.finding.clause };
  if (step.kind === 'timer' && step.reason) return { end: step.end, text: step.reason, clause: step.clause };
  if (step.reveals?.because) return { end: 'lost', text: step.reveals.because, clause: 'RFC 9293 3.8.1' };
  const change = step.moves?.at(-1) || step.restart || step.refuted?.change;
  return change ? { end: change.about, text: change.reason, clause: change.clause } : null;
}

/* The evidence of what the step shows. */
function evidenceOf(story, step) {
  if (step.kind === 'dropped') return { mark: '✗', text: 'certain: both taps were capturing' };
  if (step.refuted) return { mark: '✗', text: `${step.refuted.state} was presumed. The ${step.end} was in ${step.refuted.to} all along.` };
  if (step.kind === 'arrived' && (step.moves.length > 0 || step.restart) && !step.late)
    return { mark: '?', text: `presumed: it passed ${story.taps ? 'tap ' + tapName(story, step.end) : 'the sniffer'}; nothing proves yet that it arrived` };
  if (step.proof) return { mark: '✓', text: `proved: only an end in ${step.proof.to} sends this` };
  if (step.kind === 'sent' && step.moves.length > 0) return { mark: '', text: 'seen: its own segment proves it' };
  return null;
}

const NEAR = {
  FIN_WAIT_1: ['CLOSE_WAIT', 'LAST_ACK'], FIN_WAIT_2: ['TIME_WAIT', 'CLOSED'], CLOSE_WAIT: ['FIN_WAIT_2', 'CLOSED'],
  CLOSING: ['TIME_WAIT', 'LAST_ACK'], LAST_ACK: ['FIN_WAIT_1', 'TIME_WAIT'], TIME_WAIT: ['CLOSED', 'CLOSE_WAIT'],
  CLOSED: ['TIME_WAIT', 'LAST_ACK'],
};
const ORDER = ['ESTABLISHED', ...Object.keys(NEAR)];

/* What may be asked before a step is shown: a question, three answers, the right one. */
function questionOf(step) {
  if (step.kind === 'silence') {
    const right = 'it sends its FIN again';
    return { text: `${duration(step.us)} without an answer. What will the ${step.end} do?`, answers: [right, 'it gives up: CLOSED', 'it sends an RST'], right };
  }
  const change = step.moves?.at(-1);
  if (!change || !NEAR[change.to]) return null;
  const answers = [change.to, ...NEAR[change.to]].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const what = nameOf(step.segment);
  const text = step.kind === 'sent' ? `${capital(step.end)} sends its ${what}. Which state is it in now?`
                                    : `The ${what} reaches the ${step.end}. Which state is it in now?`;
  return { text, answers, right: change.to };
}

const isStuck = verdict => verdict.findings.some(f => f.severity === 'stuck');

/* The verdict in a word: who is stuck, or has not closed yet, is not called conforming. */
function wordOf({ verdict }) {
  if (!verdict || verdict.verdict !== 'conforms') return verdict?.verdict || '';
  return isStuck(verdict) ? 'stuck' : /^(unfinished|open)/.exec(verdict.ending)?.[0] || 'conforms';
}

/* "#2 normal · final-ack lost after the tap" */
function titleOf(story) {
  const v = story.verdict;
  if (!v) return `#${story.number} open`;
  const parts = [v.ending.replace(/-/g, ' ') + (v.reset_cause && v.reset_cause !== v.ending ? ` (${v.reset_cause.replace(/-/g, ' ')})` : '')];
  for (const loss of v.losses)
    parts.push(`${loss.role} lost ${loss.count > 1 ? loss.count + ' times ' : ''}${loss.place === 'unknown' ? '' : loss.place.replace('-', ' the ')}`.trim());
  if (v.verdict === 'violates') parts.push('violates');
  if (isStuck(v)) parts.push('stuck');
  if (story.hasKernel) parts.push('with the kernel');
  return `#${story.number} ${parts.join(' · ')}`;
}

/* Worst first, for the list of many. */
function gravityOf(story) {
  const v = story.verdict;
  if (!v) return 4;
  if (v.verdict === 'violates') return 0;
  if (isStuck(v)) return 1;
  if (v.ending === 'reset' || v.ending === 'refused') return 2;
  return v.losses.length > 0 ? 3 : 5;
}

function mermaidOf(story) {
  const name = { client: 'C', server: 'S' }, side = { client: 'left', server: 'right' };
  const plain = text => text.replace(/[;#:\n]/g, ' ');
  const lines = ['sequenceDiagram', `  participant C as client ${plain(story.verdict?.client || '')}`, `  participant S as server ${plain(story.verdict?.server || '')}`];
  const before = story.segments[0].before;
  lines.push(before.client === before.server ? `  Note over C,S: ${before.client}` : `  Note over C,S: ${before.client} / ${before.server}`);
  for (const step of story.steps) {
    const s = step.segment;
    if (step.kind === 'sent') {
      if (step.reveals?.ghost) lines.push(`  ${name[other(step.end)]}--x${name[step.end]}: ${plain(step.reveals.ghost.text)} (lost before the tap, inferred)`);
      if (step.refuted) lines.push(`  Note ${side[step.end]} of ${name[step.end]}: ${step.refuted.state} taken back`);
      lines.push(`  ${name[step.end]}${s.lost !== undefined || s.dropped !== undefined ? '-x' : '->>'}${name[other(step.end)]}: ${plain(s.text)}${s.again ? ' again' : ''} (${s.count})${s.dropped !== undefined ? ' lost between the taps' : ''}`);
    }
    if (step.kind === 'data') lines.push(`  ${name[step.end]}->>${name[other(step.end)]}: ${step.bytes} octets in ${step.count} segments`);
    if (step.kind === 'half-closed') lines.push(`  Note over C,S: half-closed, ${duration(step.us)}`);
    for (const change of step.moves || [])
      lines.push(`  Note ${side[change.about]} of ${name[change.about]}: ${change.to}${change.evidence === 'presumed' ? ' ?' : ''}`);
    if (step.kind === 'timer') for (const end of step.ends) lines.push(`  Note ${side[end]} of ${name[end]}: CLOSED (by a timer)`);
  }
  return lines.join('\n') + '\n';
}
