/* The ladder at one step, as the inside of an SVG. Whatever comes from the data passes through esc. */

const esc = text => String(text).replace(/[&<>"']/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c]);
const round = number => Math.round(number * 10) / 10;

class Drawing {
  /* `question`: what the step shows is asked, not told. */
  constructor(layout, n, { question = false } = {}) {
    Object.assign(this, { l: layout, story: layout.story, n, question, parts: [] });
  }

  put(text) { this.parts.push(text); }
  isNew(at, animation) { return at === this.n ? ' ' + animation : ''; }
  text(x, y, size, anchor, content, classes = '') {
    this.put(`<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}" class="${classes}">${esc(content)}</text>`);
  }

  toString() {
    const { l, story, n } = this;
    for (const x of new Set(Object.values(l.tapX))) this.put(`<line class="tap" x1="${round(x)}" x2="${round(x)}" y1="${l.top}" y2="${round(l.end)}"/>`);
    for (const band of story.bands) if (band.at <= n) this.band(band);
    for (const end of ENDS) this.lifeline(end);
    if (l.isWide) this.axis();
    for (const segment of story.segments) if (!segment.hidden && segment.sent <= n) this.arrow(segment);
    for (const ghost of story.ghosts) if (ghost.at <= n) this.ghost(ghost);
    for (const end of ENDS) for (const chip of story.chips[end]) if (chip.at <= n) this.chip(chip);
    if (story.tail && story.tail.at <= n) this.tail();
    if (l.hasLane) this.kernel();
    return this.parts.join('');
  }

  /* ---- Lifelines ---- */

  lifeline(end) {
    const { l, story, n } = this, x = l.x[end];
    const front = Math.max(...story.steps.slice(0, n + 1).map((_, i) => l.front(i)));
    const states = story.chips[end].filter(c => c.at <= n && !(c.refuted <= n) && !(this.question && c.at === n));
    let over = false;
    states.forEach((chip, i) => {
      const from = l.begin(chip), to = i + 1 < states.length ? l.begin(states[i + 1]) : front;
      if (chip.state === 'CLOSED' || chip.state === 'LISTEN') {
        if (chip.place !== 'start') this.put(`<line class="bar ${end}${this.isNew(chip.at, 'new-mark')}" x1="${x - 9}" x2="${x + 9}" y1="${round(from)}" y2="${round(from)}"/>`);
        over = i + 1 === states.length;
        return;
      }
      if (to <= from) return;
      const width = chip.state === 'TIME_WAIT' || SENDING.has(chip.state) ? 9 : 3;
      const hatch = chip.state === 'TIME_WAIT' ? ' stroke-dasharray="2.5 4.5"' : '';
      this.put(`<line class="life ${end}" x1="${x}" x2="${x}" y1="${round(from)}" y2="${round(to)}" stroke-width="${width}"${hatch}/>`);
    });
    if (!over && front < l.end)
      this.put(`<line class="to-come" x1="${x}" x2="${x}" y1="${round(front)}" y2="${round(l.end)}"/>`);
  }

  axis() {
    const { l, story, n } = this, x = l.gutter - 6;
    let before = null;
    for (const segment of story.segments) {
      if (segment.hidden || segment.sent > n) continue;
      const { y, us } = l.timed(segment);
      if (before) this.axisPiece(x, before.y, y, us - before.us);
      this.put(`<line class="axis" x1="${x - 4}" x2="${x + 4}" y1="${round(y)}" y2="${round(y)}"/>`);
      this.text(x - 10, y + l.time * 0.36, l.time, 'end', elapsed(us), 'aside');
      before = { y, us };
    }
    if (story.tail && story.tail.at <= n && before) this.axisPiece(x, before.y, l.tailY, story.tail.us);
  }

  /* A second and more has a zigzag: the axis is not to scale. */
  axisPiece(x, from, to, us) {
    const middle = (from + to) / 2;
    const path = us < 1e6 ? `M${x} ${round(from)}V${round(to)}`
      : `M${x} ${round(from)}V${round(middle - 8)}l-5 4l10 8l-5 4V${round(to)}`;
    this.put(`<path class="axis" d="${path}"/>`);
  }

  /* ---- Segments ---- */

  arrow(segment) {
    const { l, n } = this, from = segment.from, to = other(from), right = from === 'client';
    const kind = has(segment, 'rst') ? ' rst' : isData(segment) || segment.payload_bytes === 0 && !segment.role ? ' data' : '';
    const x1 = l.x[from] + (right ? 6 : -6), x2 = l.x[to] + (right ? -6 : 6), near = l.near(segment), far = l.far(segment);
    const swipe = this.isNew(segment.sent, right ? 'new-right' : 'new-left');
    const ring = ({ x, y }, end) => `<circle class="ring ${from}" data-n="${segment.n}" data-tap="${end}" cx="${round(x)}" cy="${round(y)}" r="5"/>`;
    let way = `M${x1} ${round(l.departure(segment))}L${round(near.x)} ${round(near.y)}`;
    if (segment.taps && l.isSeen(segment, to)) way += `L${round(far.x)} ${round(far.y)}`;
    this.put(`<g class="${from}${swipe}"><path class="wire${kind}" d="${way}"/></g>`);
    if (segment.dropped <= n) this.lostOnTheWay(segment, kind, near, far, true);
    if (this.hasArrived(segment)) this.received(segment, kind, x2, right);
    if (l.isSeen(segment, from)) this.put(ring(near, from));
    if (segment.taps && l.isSeen(segment, to)) this.put(ring(far, to));
    this.label(segment, x1, x2, right);
    const timed = l.timed(segment);
    if (!l.isWide) this.text(timed.x, timed.y + l.time + 8, l.time, 'middle', elapsed(timed.us), 'aside halo');
    else if (segment.taps?.client.t && segment.taps.server.t) this.transit(segment, near, far);
  }

  /* Both taps have it: how long it took from one to the other. */
  transit(segment, near, far) {
    const { l } = this, us = Math.abs(segment.taps.server.t - segment.taps.client.t) * 1e6, turn = Math.atan((far.y - near.y) / (far.x - near.x)) * 180 / Math.PI;
    this.put(`<text class="aside halo" font-size="${l.time}" text-anchor="middle" transform="translate(${round(l.tap)} ${round((near.y + far.y) / 2 + l.time + 4)}) rotate(${round(turn)})">${esc(duration(us))}</text>`);
  }

  /* It goes on from one point towards another, and is lost there. */
  lostOnTheWay(segment, kind, from, to, isBetween) {
    const { l } = this, right = to.x > from.x, at = segment.dropped ?? segment.lost, fresh = this.isNew(at, 'new-mark');
    const part = isBetween && !l.isWide ? 0.85 : 0.44; /* where it is narrow, the time stands below the ring */
    const x = from.x + (to.x - from.x) * part, y = from.y + (to.y - from.y) * part;
    this.put(`<g class="${segment.from}"><line class="wire presumed${kind}" x1="${round(from.x)}" y1="${round(from.y)}" x2="${round(x - (right ? 12 : -12))}" y2="${round(y)}"/></g>`);
    this.cross(x, y, fresh);
    if (!l.isWide) return;
    if (isBetween) this.text(x, y + l.label + 6, l.label, 'middle', 'lost', 'lost-text halo' + fresh);
    else this.text(x + (right ? 16 : -16), y + 5, l.label, right ? 'start' : 'end', 'lost', 'lost-text halo' + fresh);
  }

  hasArrived(segment) {
    const late = segment.arrivedLate;
    if (late && late.step <= this.n) return true;
    if (segment.pending <= this.n) return false;
    return segment.arrived <= this.n;
  }

  received(segment, kind, x2, right) {
    const { l, n } = this, { x: x1, y } = l.far(segment), at = segment.arrivedLate?.step <= n ? l.arrival(segment) : l.landing(segment);
    if (segment.lost <= n) {
      this.lostOnTheWay(segment, kind, { x: x1, y }, { x: x2, y: l.landing(segment) });
      return;
    }
    if (!l.isSeen(segment, other(segment.from))) {
      const near = l.near(segment);
      this.put(`<g class="${segment.from}"><line class="wire presumed${kind}" x1="${round(near.x)}" y1="${round(near.y)}" x2="${round(x1)}" y2="${round(y)}"/></g>`);
    }
    const proved = segment.proved <= n, state = proved ? '' : ' presumed', back = right ? -13 : 13;
    const dx = x2 - x1, dy = at - y, angle = Math.atan2(dy, dx) * 180 / Math.PI;
    const swipe = this.isNew(segment.arrived, right ? 'new-right' : 'new-left');
    this.put(`<g class="${segment.from}${swipe}"><line class="wire${state}${kind}" x1="${round(x1)}" y1="${round(y)}" x2="${round(x2 + back)}" y2="${round(at - dy * 13 / Math.abs(dx))}"/>` +
      `<path class="head${state}" transform="translate(${round(x2)} ${round(at)}) rotate(${round(angle)})" d="M0 0L-13 -6V6Z"/></g>`);
    if (segment.again > 0 && l.isWide) {
      const x = (x1 + x2) / 2;
      this.text(x, (y + at) / 2 - 8, l.time, 'middle', 'again', 'aside halo');
    }
  }

  /* On its sender's side of the tap, if there is room; else along the whole arrow. */
  label(segment, x1, x2, right) {
    const { l } = this, near = l.near(segment), far = l.far(segment), half = Math.abs(near.x - x1), whole = Math.abs(x2 - x1);
    const text = segment.summed ? `${segment.summed.bytes} octets in ${segment.summed.count}` : segment.text;
    const long = text.length * CHARACTER, fits = long * l.label <= half - 24;
    const size = fits ? l.label : Math.min(l.label, Math.max((half - 16) / long, l.isWide ? 0 : 9, 0.8 * l.label), (whole - 16) / long);
    const isCentred = long * size > half - 14;
    /* What crosses another arrow on its own half is written on the other one. */
    const isBeyond = !isCentred && this.isCrossed(segment), down = (isCentred ? l.landing(segment) - l.departure(segment) : l.slant) / (isCentred ? whole : half) * (right ? 1 : -1);
    const x = isCentred ? l.tap : isBeyond ? (far.x + x2) / 2 : (x1 + near.x) / 2;
    const cy = isCentred ? (near.y + far.y) / 2 : isBeyond ? far.y + l.slant / 2 : near.y - l.slant / 2;
    this.put(`<text class="halo" font-size="${round(size)}" text-anchor="middle" transform="translate(${round(x)} ${round(cy - (isCentred ? 12 : 8))}) rotate(${round(Math.atan(down) * 180 / Math.PI)})">${esc(text)}</text>`);
  }

  isCrossed(segment) {
    return this.story.segments.some(s => s.arrivedLate?.after === segment);
  }

  cross(x, y, classes) {
    this.put(`<path class="cross${classes}" d="M${round(x - 7)} ${round(y - 7)}l14 14m0 -14l-14 14"/>`);
  }

  /* What was never captured, and is known by its consequence: it has no time. */
  ghost(ghost) {
    const { l } = this, y = l.departure(ghost.before) - l.label - 22, right = ghost.end === 'client';
    const x1 = l.x[ghost.end] + (right ? 6 : -6), x2 = x1 + (l.tapX[ghost.end] - x1) * 0.42, fresh = this.isNew(ghost.at, 'new-mark');
    this.put(`<line class="stub${fresh}" x1="${x1}" y1="${round(y)}" x2="${round(x2)}" y2="${round(y + 6)}"/>`);
    this.cross(x2 + (right ? 14 : -14), y + 7, fresh);
    this.text(x1 + (right ? 8 : -8), y - 8, l.label, right ? 'start' : 'end', ghost.text, 'lost-text halo' + fresh);
    this.text(x2 + (right ? 28 : -28), y + 12, l.label, right ? 'start' : 'end', 'lost', 'lost-text halo' + fresh);
  }

  /* ---- States ---- */

  chip(chip) {
    const { l, n } = this, x = l.chipX[chip.end], top = chip.y - l.height / 2, baseline = chip.y + l.chip * 0.36;
    const rect = `<rect x="${x}" y="${round(top)}" width="${l.chipWidth}" height="${l.height}" rx="7"/>`;
    const pad = this.l.isWide ? 11 : 5;
    if (this.question && chip.at === n && chip.place !== 'start') {
      this.put(`<g class="asked">${rect}<text x="${x + l.chipWidth / 2}" y="${round(baseline)}" font-size="${l.chip}" text-anchor="middle">?</text></g>`);
      return;
    }
    const refuted = chip.refuted <= n, proved = chip.proved <= n;
    const byTimer = chip.evidence === 'timed' || chip.evidence === 'kernel';
    let kind = 'seen', mark = '';
    if (refuted) [kind, mark] = ['refuted', '✗'];
    else if (byTimer) [kind, mark] = ['timed', chip.evidence === 'kernel' ? '◆' : ''];
    else if (chip.evidence === 'presumed') [kind, mark] = proved ? ['proved', '✓'] : ['presumed', '?'];
    let inside = `${rect}<text x="${x + pad}" y="${round(baseline)}" font-size="${l.chip}">${esc(chip.state)}</text>`;
    if (mark) inside += `<text class="mark" x="${x + l.chipWidth - pad + 2}" y="${round(baseline)}" font-size="${l.chip}" text-anchor="end">${mark}</text>`;
    if (kind === 'timed' && !mark) inside += this.hourglass(x + l.chipWidth - pad - l.chip * 0.3, chip.y);
    if (refuted)
      inside += `<line class="strike${this.isNew(chip.refuted, 'new-strike')}" pathLength="1" x1="${x + pad - 4}" x2="${round(x + pad + chip.state.length * CHARACTER * l.chip + 4)}" y1="${round(chip.y)}" y2="${round(chip.y)}"/>`;
    this.put(`<g class="chip ${kind} ${chip.end}${this.isNew(chip.at, 'new-chip')}" data-state="${esc(chip.state)}" data-end="${chip.end}">${inside}</g>`);
    for (const restart of chip.restarts || []) if (restart.at <= n) this.restart(chip.end, restart);
  }

  hourglass(x, y) {
    const w = this.l.chip * 0.28, h = this.l.chip * 0.4;
    return `<path class="hourglass" d="M${round(x - w)} ${round(y - h)}H${round(x + w)}L${round(x - w)} ${round(y + h)}H${round(x + w)}Z"/>`;
  }

  restart(end, restart) {
    const { l } = this, left = end === 'client';
    const y = l.landing(restart.segment) + l.time * 0.36;
    this.text(l.x[end] + (left ? -14 : 14), y, l.time, left ? 'end' : 'start', '↻ 2·MSL anew', `own halo ${end}${this.isNew(restart.at, 'new-mark')}`);
  }

  band(band) {
    const { l } = this, line = l.label + 6, from = l.landing(band.after.hidden ? this.visibleBefore(band.after) : band.after) + 8;
    const to = band.before ? l.departure(band.before) - l.label - 12 : l.tailY - 12 - (this.story.tail?.stuck ? l.time + 8 : 0);
    const fresh = this.isNew(band.at, 'new-mark'), y = (from + to) / 2;
    this.put(`<g class="${band.end}${fresh}"><rect class="band" x="${l.x.client + 8}" width="${l.x.server - l.x.client - 16}" y="${round(from)}" height="${round(to - from)}" rx="5"/></g>`);
    this.text(l.tap, y - 3, l.label, 'middle', l.isWide ? `half-closed for ${duration(band.us)}` : 'half-closed', 'strong' + fresh);
    const then = !l.isWide ? duration(band.us) : !band.before ? `${band.end} may still send` : isData(band.before) ? `then ${band.before.from} sends` : `${band.end} sent nothing`;
    this.text(l.tap, y + line - 3, l.label, 'middle', then, 'aside' + fresh);
  }

  visibleBefore(segment) {
    return this.story.segments.findLast(s => s.n <= segment.n && !s.hidden);
  }

  tail() {
    const { l, story } = this, { tail } = story;
    const text = tail.stuck ? 'still waited for' : tail.seen ? duration(tail.us) : '2·MSL';
    for (const end of tail.ends) {
      const left = end === 'client', y = l.tailY - (tail.stuck ? 6 : 22);
      this.text(l.x[end] + (left ? 14 : -14), y, l.time, left ? 'start' : 'end', text, `own halo ${end}`);
    }
  }

  /* ---- The kernel ---- */

  kernel() {
    const { l, story, n } = this, last = { client: -Infinity, server: -Infinity };
    const front = l.front(n);
    for (const word of [...story.kernel].sort((a, b) => a.us - b.us)) {
      const at = l.yOf(word.us);
      if (at > front + 1 && story.steps[n].kind !== 'verdict') continue;
      const y = Math.max(at, last[word.about] + 15), x = l.laneX[word.about];
      last[word.about] = y;
      const agrees = word.to && story.chips[word.about].find(c => c.state === word.to && c.segment && !(c.refuted <= n) && Math.abs(c.segment.us - word.us) < 1e5);
      const text = word.type === 'kernel' ? word.what : agrees ? elapsedMicroseconds(word.us - agrees.segment.us) : word.to;
      const diamond = word.kind === 'asked' ? '◇' : '◆';
      this.text(x, y + 4, 12, 'start', `${diamond} ${text}`.slice(0, 12), 'word');
    }
  }
}

function elapsedMicroseconds(us) {
  return (us < 0 ? '−' : '+') + (Math.abs(us) < 1e4 ? Math.abs(us) + ' µs' : (Math.abs(us) / 1e3).toFixed(0) + ' ms');
}
