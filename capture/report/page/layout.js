/* Where everything of a story stands: computed once for a size of the stage, for all steps. */

const SIZES = [ /* up to this width: fonts of chip, label, time; a chip's height; the slant */
  { width: 620, chip: 12, label: 11.5, time: 10.5, height: 22, slant: 13 },
  { width: 800, chip: 14, label: 13.5, time: 12.5, height: 26, slant: 15 },
  { width: 1150, chip: 17, label: 16, time: 15, height: 30, slant: 17 },
  { width: Infinity, chip: 22, label: 20, time: 17, height: 38, slant: 21 },
];
const CHARACTER = 0.602; /* width of a monospaced character to its size */
const SENDING = new Set(['ESTABLISHED', 'CLOSE_WAIT', 'SYN_SENT', 'SYN_RECEIVED']);

class Layout {
  constructor(story, width, height, kernel) {
    this.H = Infinity;
    Object.assign(this, SIZES.find(size => width < size.width));
    Object.assign(this, { story, W: width, isWide: width >= 620, hasLane: kernel && width >= 620 });
    this.chipWidth = Math.round(14.4 * CHARACTER * this.chip + (this.isWide ? 18 : 8));
    const gutter = !this.isWide ? 4 : Math.round(9.2 * CHARACTER * this.time) + 18;
    const lane = this.hasLane ? Math.round(10.5 * CHARACTER * 12) + 8 : 0, gap = this.isWide ? 18 : 9;
    this.gutter = gutter;
    this.chipX = { client: gutter + lane, server: width - (this.isWide ? 10 : 4) - lane - this.chipWidth };
    this.laneX = { client: gutter, server: this.chipX.server + this.chipWidth + 8 };
    this.x = { client: this.chipX.client + this.chipWidth + gap, server: this.chipX.server - gap };
    this.tap = (this.x.client + this.x.server) / 2;
    /* Of two taps, by the end that each is nearer to. */
    const third = story.taps ? (this.x.server - this.x.client) / 3 : 0;
    this.tapX = third > 0 ? { client: this.x.client + third, server: this.x.server - third } : { client: this.tap, server: this.tap };
    /* The more time apart, the further apart; as much as the stage allows. */
    const fits = () => this.H <= height;
    for (let k = 2.6; k > 0 && !fits(); k -= 0.15) this.place(k);
    if (!fits()) this.slant -= 4;
    for (let k = 1.25; k > 0 && !fits(); k -= 0.15) this.place(k);
    if (!fits()) this.place(0.45);
    if (story.tail?.stuck) this.reachTheEdge(height);
  }

  place(k) {
    const { story, height } = this, visible = story.segments.filter(s => !s.hidden);
    const between = height + 4, clear = this.label + 10, line = this.label + 6;
    const last = { client: -Infinity, server: -Infinity };
    this.y = new Map();
    this.top = 4;
    const put = (chip, y) => {
      chip.y = Math.max(y, last[chip.end] + between);
      last[chip.end] = chip.y;
    };
    const free = (end, y) => Math.max(y, last[end] + between);
    const chips = (segment, where) => ENDS.flatMap(end => story.chips[end].filter(c => c.segment === segment && c.place === where));
    for (const end of ENDS) put(story.chips[end][0], this.top + height / 2 + 4);
    let y = this.top + height + 8, before = null;
    for (const segment of visible) {
      let gap = this.above(segment) + clear + 4;
      if (before) gap += this.below(before) + k * 26 * Math.log10(1 + Math.max(0, segment.us - before.us) / 1000);
      if (story.ghosts.some(g => g.before === segment)) gap += clear + 18;
      if (story.bands.some(b => b.before === segment)) gap += 2 * line + 6;
      const above = this.above(segment), below = this.below(segment);
      y += before ? gap : above + 6;
      if (chips(segment, 'sent').length > 0) y = free(segment.from, y - above) + above;
      const arriving = chips(segment, 'arrived');
      if (arriving.length > 0) y = free(arriving[0].end, y + below) - below;
      this.y.set(segment, y);
      for (const chip of chips(segment, 'sent')) put(chip, y - above);
      for (const chip of chips(segment, 'late')) put(chip, y + below);
      for (const chip of arriving) put(chip, y + below);
      before = segment;
    }
    this.end = Math.max(y + (before ? this.below(before) : 0) + 14, last.client + height / 2 + 4, last.server + height / 2 + 4);
    this.lastY = y;
    const open = story.bands.find(b => !b.before);
    if (story.tail) {
      this.tailY = this.end + (open ? 2 * line + 60 : 64);
      for (const end of ENDS) for (const chip of story.chips[end].filter(c => c.place === 'tail')) put(chip, this.tailY + height / 2);
      this.end = this.tailY + height + 6;
    }
    this.H = Math.round(this.end + 10);
  }

  /* Who is stuck waits: the lifelines go on to the edge of the stage. */
  reachTheEdge(height) {
    this.tailY = Math.max(this.tailY, height - 26);
    this.end = this.tailY + 10;
    this.H = Math.round(this.end + 10);
  }

  /* The y of a segment is where the sniffer has it: of two taps, the first file's. From one to the
   * other it falls the more, the longer it took. */
  between(segment) {
    const { client, server, fate } = segment.taps || {};
    if (!client) return 0;
    return fate === 'arrived' && client.t && server.t ? 10 + 12 * Math.log10(1 + Math.abs(server.t - client.t) * 1e3) : 10;
  }
  isFirstNear(segment) { return !segment.taps || segment.taps[segment.from].file === 1; }
  above(segment) { return this.slant + (this.isFirstNear(segment) ? 0 : this.between(segment)); }
  below(segment) { return this.slant + (this.isFirstNear(segment) ? this.between(segment) : 0); }
  departure(segment) { return this.y.get(segment) - this.above(segment); }
  landing(segment) { return this.y.get(segment) + this.below(segment); }
  arrival(segment) { return this.landing(segment.arrivedLate?.after || segment); }
  /* Where it passes the tap that is nearer to its sender, and the other one; one tap is both. */
  near(segment) { return { x: this.tapX[segment.from], y: this.departure(segment) + this.slant }; }
  far(segment) { return { x: this.tapX[other(segment.from)], y: this.landing(segment) - this.slant }; }
  isSeen(segment, end) { return !segment.taps || segment.taps[end].t !== null; }
  /* The ring whose time is told: that of the first file, if it has one. */
  timed(segment) {
    const { from, taps, us, t } = segment, first = !taps || taps[from].file === 1 ? from : other(from);
    const end = this.isSeen(segment, first) ? first : other(first), ring = end === from ? this.near(segment) : this.far(segment);
    return { ...ring, us: taps && us !== 0 ? us + Math.round((taps[end].t - t) * 1e6) : us }; /* of the first FIN it is 0 */
  }
  /* Where the state of a chip begins on the lifeline. */
  begin(chip) {
    if (chip.place === 'start') return this.top;
    if (chip.place === 'tail') return this.tailY;
    return chip.place === 'sent' ? this.departure(chip.segment) : this.landing(chip.segment);
  }

  /* How far down the step reaches. */
  front(n) {
    const step = this.story.steps[n];
    switch (step.kind) {
      case 'start': return this.top + this.height + 8;
      case 'sent': return (this.isSeen(step.segment, other(step.end)) ? this.far(step.segment) : this.near(step.segment)).y;
      case 'arrived': return step.late ? this.arrival(step.segment) : this.landing(step.segment);
      case 'dropped': return this.far(step.segment).y;
      case 'data': return this.landing(step.segment);
      case 'silence': case 'half-closed': return this.departure(step.next) - 8;
      case 'linger': return this.tailY - 6;
      case 'stuck': case 'timer': return this.tailY;
      case 'verdict': return n > 0 ? this.front(n - 1) : this.end;
    }
  }

  /* The y of a time between the segments, for the kernel's words. */
  yOf(us) {
    const shown = [...this.y.entries()];
    let before = shown[0];
    if (us <= before[0].us) return Math.max(this.top + 10, before[1] - Math.min(24, Math.log10(1 + (before[0].us - us) / 10) * 6));
    for (const row of shown.slice(1)) {
      if (us <= row[0].us)
        return before[1] + (row[1] - before[1]) * (us - before[0].us) / Math.max(1, row[0].us - before[0].us);
      before = row;
    }
    return Math.min(this.end, before[1] + Math.log10(1 + (us - before[0].us) / 100) * 14);
  }
}
