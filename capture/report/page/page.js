/* The page: one story is shown, at one step; keys, buttons, the address and the printer change both. */

const $ = selector => document.querySelector(selector);
const BEATS = { 1: 'beat-1', 2: 'beat-2', 0.5: 'beat-half' };
const LIST_MAX = 50; /* from so many connections on they are grouped, and can be searched */

const { stories, leftOut, files } = readStories($('#data').textContent.split('\n'));
const view = { index: 0, step: 0, playing: false, speed: 1, predict: false, kernel: false, theme: '' };
const score = { right: 0, asked: 0 };
const answered = new Map(); /* "index.step" to the answer given */
let layout = null, timer = 0;

const story = () => tell(stories[view.index]);
const step = () => story().steps[view.step];
const lastStep = () => story().steps.length - 1;
const isNarrow = () => matchMedia('(max-width: 820px)').matches;
const isStill = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
const key = () => `${view.index}.${view.step}`;

/* The question that is open, if one is: nothing is told until it is answered. */
function question() {
  return view.predict && !answered.has(key()) ? questionOf(step()) : null;
}

/* ---- Drawing --------------------------------------------------------------------------------- */

function draw(moving = false) {
  const stage = $('#stage'), width = stage.clientWidth, headingHeight = 34;
  const wanted = [view.index, width, stage.clientHeight, view.kernel].join();
  if (layout?.wanted !== wanted) layout = new Layout(story(), width, stage.clientHeight - headingHeight, view.kernel && story().kernel.length > 0);
  layout.wanted = wanted;
  $('#heading').innerHTML = `<svg width="${width}" height="${headingHeight}" aria-hidden="true">${headingOf(layout)}</svg>`;
  $('#ladder').innerHTML = `<svg id="svg" class="${moving ? 'moving ' : ''}${BEATS[view.speed]}" width="${width}" height="${layout.H}" viewBox="0 0 ${width} ${layout.H}" role="img">` +
    `<title>${esc(`${titleOf(story())}, step ${view.step} of ${lastStep()}`)}</title>${new Drawing(layout, view.step, { question: Boolean(question()) })}</svg>`;
  keepFrontInSight(stage, moving);
  drawCounter();
  drawCard();
  drawControls();
  drawText();
  keepAddress();
}

function headingOf(l) {
  const names = { client: story().verdict?.client || '', server: story().verdict?.server || '' };
  const size = l.isWide ? 17 : 12.5, small = l.isWide ? 14 : 10;
  const room = Math.floor(((l.x.server - l.x.client) / 2 - 50) / (small * CHARACTER));
  const short = name => name.length > room ? '…' + name.slice(1 - room) : name;
  const text = (x, y, font, anchor, content, classes) => `<text x="${round(x)}" y="${y}" font-size="${font}" text-anchor="${anchor}" class="${classes}">${esc(content)}</text>`;
  const inRow = l.isWide && !story().taps, y = inRow ? 22 : l.isWide ? 16 : 14;
  return text(l.x.client + 6, y, size, 'end', 'client', 'own strong client') + text(l.x.server - 6, y, size, 'start', 'server', 'own strong server') +
    (inRow ? text(l.x.client + 16, y, small, 'start', short(names.client), 'aside') + text(l.x.server - 16, y, small, 'end', short(names.server), 'aside')
     : l.isWide ? text(l.x.client + 6, 31, small, 'end', names.client, 'aside') + text(l.x.server - 6, 31, small, 'start', names.server, 'aside')
                : text(4, 28, small, 'start', names.client, 'aside') + text(l.W - 4, 28, small, 'end', names.server, 'aside')) +
    Object.entries(story().taps ? l.tapX : { client: l.tap }).map(([end, x]) => text(x, y, l.isWide ? 14 : 11, 'middle', !story().taps ? 'sniffer' : l.isWide ? `tap ${tapName(story(), end)}` : tapName(story(), end), 'aside')).join('') + (l.isWide ? text(l.gutter - 16, y, 14, 'end', 'time', 'aside') : '');
}

function keepFrontInSight(stage, moving) {
  const seen = stage.clientHeight - 34;
  if (layout.H <= seen + 4) {
    stage.scrollTop = 0;
    return;
  }
  const top = Math.max(0, layout.front(view.step) - seen * 0.66);
  stage.scrollTo({ top, behavior: moving && !isStill() ? 'smooth' : 'auto' });
}

function drawCounter() {
  const sent = story().steps.slice(0, view.step + 1).filter(s => s.kind === 'sent').map(s => s.segment);
  const count = s => Number(s.count.split('/')[0]);
  const of = Number((sent.at(-1)?.count || story().segments[0].count).split('/')[1]);
  const owners = [];
  for (const segment of sent) while (owners.length < count(segment)) owners.push(segment.from);
  const now = sent.length > 0 ? count(sent.at(-1)) : 0;
  const { segment, kind } = step();
  let small = 'segments';
  if (kind === 'verdict') small = wordOf(story());
  else if (segment?.again > 0 && segment.role) small = `${{ fin1: 1, ack1: 2, fin2: 3, 'final-ack': 4 }[segment.role.split('+')[0]] || now}/${of} again`;
  else if (segment && has(segment, 'rst')) small = 'then RST';
  $('#counter b').textContent = `${now}/${of}`;
  $('#counter small').textContent = small;
  $('#counter').setAttribute('aria-label', `${now} of ${of} closing segments`);
  $('#pips').innerHTML = Array.from({ length: of }, (_, i) => `<i class="${owners[i] || ''}"></i>`).join('');
}

const clauseBox = clause => clause ? ` <span class="clause">${esc(clause)}</span>` : '';

const ROLE_NAMES = { ack1: 'the ACK of u+1', fin1: 'a FIN (u)', fin2: 'its FIN (w)', 'fin2+ack1': 'FIN and ACK in one', 'final-ack': 'the final ACK of w+1', data: 'more data' };

function drawCard() {
  const now = step(), open = question();
  $('#number').textContent = `Step ${view.step} of ${lastStep()}` + (view.predict && score.asked > 0 ? ` · ${score.right} of ${score.asked} right` : '');
  $('#answers').innerHTML = open ? open.answers.map((a, i) => `<button data-answer="${esc(a)}"><kbd>${i + 1}</kbd>${esc(a)}</button>`).join('') : '';
  const sentence = open ? open.text : say(story(), now);
  $('#say').textContent = sentence;
  $('#say').classList.toggle('long', sentence.length > (layout.isWide ? 150 : 90));
  const evidence = open ? null : evidenceOf(story(), now), why = open ? null : whyOf(now);
  $('#taken').hidden = evidence?.mark !== '✗';
  if (evidence?.mark === '✗') $('#taken').innerHTML = `<b>✗ ${now.kind === 'dropped' ? 'Lost' : 'Taken back'}:</b> ${esc(evidence.text)}`;
  $('#evidence').innerHTML = evidence && evidence.mark !== '✗' ? `<b>${evidence.mark}</b> ${esc(evidence.text)}` : '';
  $('#why').innerHTML = answerText() + (why ? `<b>${esc(capital(why.end))}</b>: ${esc(why.text)}${clauseBox(why.clause)}` : findingsText(now));
  $('#expects').innerHTML = open ? '' : expectsText(now);
  $('#witness').innerHTML = open ? '' : witnessText(now);
}

function answerText() {
  const given = view.predict && answered.get(key());
  if (!given) return '';
  const right = questionOf(step()).right;
  return given === right ? '<b>✓ Right.</b> ' : `<b>✗ You said ${esc(given)}.</b> `;
}

function findingsText(now) {
  if (now.kind !== 'verdict' || !story().verdict) return '';
  return story().verdict.findings.map(f => `<b>${esc(f.id)}</b>: expected ${esc(f.expected)}; ${esc(f.actual)}.${clauseBox(f.clause)}`).join('<br>');
}

function expectsText(now) {
  if (now.kind === 'start') return '<b>space</b> plays, <b>← →</b> step, <b>p</b> asks before it tells';
  const list = now.kind === 'arrived' || now.kind === 'silence' ? now.segment?.expects || [] : [];
  const shown = list.filter(e => list.length === 1 || e.role !== 'final-ack');
  return shown.length > 0 ? 'expected next: ' + shown.map(e => `<b>${esc(e.from)}</b> ${esc(ROLE_NAMES[e.role] || e.role)}`).join(', or ') : '';
}

function tapsText(now) {
  if (!story().taps) return '';
  const name = end => tapName(story(), end), file = end => (files[story().taps[end].file - 1] || '').split('/').at(-1);
  if (now.kind === 'start') return ENDS.map(end => `tap <b>${name(end)}</b>, nearer to the ${end}: ${esc(file(end))}`).join('<br>') + '<br>the times are by the clock of A';
  return now.kind === 'sent' && now.segment.taps ? esc(tapsOf(story(), now.segment)) : '';
}

function witnessText(now) {
  if (!view.kernel) return tapsText(now);
  if (story().kernel.length === 0) return '◆ no kernel in this one: it was read from a file';
  const said = story().verdict?.kernel;
  if (now.kind === 'verdict' && said) return `◆ the kernel bears out <b>${said.agrees} of ${said.of}</b> changes of state`;
  return '◆ told, ◇ asked: the kernel’s own word, and how long before (−) or after (+) the sniffer’s time';
}

function drawControls() {
  const atEnd = view.step === lastStep();
  const [mark, word] = view.playing ? ['❚❚', 'Pause'] : atEnd ? ['↺', 'Again'] : ['▶', 'Play'];
  $('#play').innerHTML = `${mark}<span class="wide"> ${word}</span>`;
  $('#play').setAttribute('aria-label', word);
  $('#back').disabled = view.step === 0;
  $('#forward').disabled = atEnd || Boolean(question());
  $('#speed').textContent = `${view.speed === 0.5 ? '½' : view.speed}×`;
  $('#kernel').setAttribute('aria-pressed', view.kernel);
  $('#predict').setAttribute('aria-pressed', view.predict);
  const range = $('#range');
  range.max = lastStep();
  range.value = view.step;
  range.setAttribute('aria-valuetext', `step ${view.step}: ${$('#say').textContent}`);
  drawScrubber();
  $('#connection').value = view.index;
  $('#pick').dataset.title = titleOf(story());
}

function drawScrubber() {
  const svg = $('#scrubber svg'), width = svg.clientWidth || 800, x = i => 10 + (width - 20) * i / Math.max(1, lastStep());
  let inside = `<line class="rail" x1="10" x2="${width - 10}" y1="20" y2="20"/>`;
  story().steps.forEach((s, i) => {
    const sent = s.kind === 'sent';
    inside += `<line class="tick ${sent ? s.end : ''}" x1="${round(x(i))}" x2="${round(x(i))}" y1="${sent ? 9 : 15}" y2="${sent ? 31 : 25}"/>`;
    if ((s.refuted || s.reveals || s.kind === 'dropped') && !view.predict) inside += `<text class="lost-text" x="${round(x(i))}" y="7" font-size="14" text-anchor="middle">✗</text>`;
  });
  svg.innerHTML = `${inside}<circle class="knob" cx="${round(x(view.step))}" cy="20" r="11"/>`;
}

/* All steps as text: for screen readers and on paper. A prediction must not be read off there. */
function drawText() {
  const all = $('#all');
  all.setAttribute('aria-hidden', view.predict);
  if (all.dataset.of === String(view.index) && !view.predict) return;
  all.dataset.of = view.predict ? '' : view.index;
  const changes = s => (s.moves || []).map(c => `${c.about} ${c.to}${c.evidence === 'presumed' ? ' ?' : ''}`).join(', ');
  const items = story().steps.slice(0, -1).map(s => `<li>${esc(say(story(), s))}${changes(s) ? ` <b>${esc(changes(s))}</b>` : ''}${s.refuted ? ` <b>✗ ${esc(s.refuted.state)} taken back</b>` : ''}</li>`);
  const taps = story().taps ? `<p>${tapsText(story().steps[0])}</p>` : '';
  all.innerHTML = view.predict ? '' : `<p>${esc(say(story(), story().steps.at(-1)))}</p>${taps}<ol start="0">${items.join('')}</ol>`;
}

/* ---- The list -------------------------------------------------------------------------------- */

let listed = []; /* what the list offers, in its order */

/* What a list of many may be narrowed down to, beside the words searched for. */
const KINDS = [
  ['all', () => true],
  ['stuck', s => Boolean(s.verdict && isStuck(s.verdict))],
  ['violates', s => s.verdict?.verdict === 'violates'],
  ['with a loss', s => s.verdict?.losses.length > 0],
];

function fillFilter() {
  const endings = [...new Set(stories.map(endingOf))].sort();
  KINDS.push(...endings.map(ending => [ending, s => endingOf(s) === ending]));
  const option = ([name, holds], i) => [stories.filter(holds).length, `<option value="${i}">${esc(name)}`];
  $('#filter').innerHTML = KINDS.map(option).filter(([n]) => n > 0).map(([n, text]) => `${text} (${n})</option>`).join('');
  $('#filter').hidden = stories.length <= LIST_MAX;
}

const endingOf = s => s.verdict?.ending || 'open';

function fillList() {
  const wanted = $('#search').value, [, holds] = KINDS[$('#filter').value || 0];
  const option = i => {
    const s = stories[i], v = s.verdict, addresses = v ? `${v.client} → ${v.server}` : '';
    return `<option value="${i}">${esc(view.predict ? `#${s.number} ${addresses}` : titleOf(s) + (stories.length > 1 && addresses ? `  ${addresses}` : ''))}</option>`;
  };
  const matches = stories.map((_, i) => i).filter(i => holds(stories[i])).filter(i => !wanted || `${titleOf(stories[i])} ${stories[i].verdict?.client} ${stories[i].verdict?.server} ${stories[i].verdict?.sentence}`.toLowerCase().includes(wanted.toLowerCase()));
  const list = $('#connection');
  if (stories.length <= LIST_MAX) {
    list.innerHTML = matches.map(option).join('');
    listed = matches;
  } else {
    const groups = new Map();
    for (const i of matches.sort((a, b) => gravityOf(stories[a]) - gravityOf(stories[b]) || a - b)) {
      const name = endingOf(stories[i]);
      groups.set(name, [...groups.get(name) || [], i]);
    }
    listed = [...groups.values()].flat();
    list.innerHTML = [...groups].map(([name, members]) => `<optgroup label="${esc(`${name} (${members.length})`)}">${members.map(option).join('')}</optgroup>`).join('');
  }
  if (leftOut > 0) list.insertAdjacentHTML('beforeend', `<option disabled>${plural(leftOut, 'ordinary connection')} left out</option>`);
  $('#search').hidden = stories.length <= 8;
  list.value = view.index;
}

/* ---- What may be done ------------------------------------------------------------------------ */

function go(to, moving = true) {
  view.step = Math.max(0, Math.min(lastStep(), to));
  draw(moving && !isStill());
}

function forward() { if (!question()) go(view.step + 1); }
function back() { go(view.step - 1, false); }

function pause() {
  clearTimeout(timer);
  view.playing = false;
}

/* How long a step is shown: as long as its sentence takes to read. */
function dwell(s) {
  const slow = ['silence', 'half-closed', 'linger', 'stuck', 'dropped'].includes(s.kind) || s.refuted || s.reveals;
  return Math.max(900, slow ? 3200 : 900 + 22 * say(story(), s).length) / view.speed;
}

function tick() {
  if (!view.playing) return;
  if (question() || view.step === lastStep()) {
    pause();
    draw();
    return;
  }
  go(view.step + 1);
  timer = setTimeout(tick, dwell(step()));
}

function play() {
  if (view.playing) {
    pause();
    draw();
    return;
  }
  if (view.step === lastStep()) view.step = 0;
  view.playing = true;
  draw();
  timer = setTimeout(tick, 300 / view.speed);
}

function answer(text) {
  const open = question();
  if (!open) return;
  answered.set(key(), text);
  score.asked++;
  if (text === open.right) score.right++;
  draw(!isStill());
}

function choose(index) {
  pause();
  view.index = (index + stories.length) % stories.length;
  view.step = 0;
  draw();
}

/* The next of the list, or the one before it. */
function chooseNext(by) {
  if (listed.length > 0) choose(listed[(listed.indexOf(view.index) + by + listed.length) % listed.length]);
}

function narrowDown() {
  fillList();
  if (listed.length > 0 && !listed.includes(view.index)) choose(listed[0]);
}

function toggle(name) {
  view[name] = !view[name];
  if (name === 'predict') {
    answered.clear();
    score.right = score.asked = 0;
    fillList();
  }
  draw();
}

const SPEEDS = { 1: 2, 2: 0.5, 0.5: 1 };
function changeSpeed() {
  view.speed = SPEEDS[view.speed];
  draw();
}

function showTheme() {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = view.theme || (dark ? 'dark' : 'light');
}

function changeTheme() {
  view.theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  showTheme();
  draw();
}

/* ---- Export ---------------------------------------------------------------------------------- */

function save(name, type, data) {
  const link = document.createElement('a');
  link.href = typeof data === 'string' && data.startsWith('data:') ? data : URL.createObjectURL(new Blob([data], { type }));
  link.download = name;
  link.click();
}

/* The frame as a picture that stands alone: its colours resolved, the sentence below. */
function pictureOf() {
  const style = getComputedStyle(document.documentElement), { W, H } = layout;
  const marks = $('#marks').textContent.replace(/:root[^{]*\{[^}]*\}/g, '').replace(/var\((--[a-z-]+)\)/g, (_, name) =>
    name.startsWith('--own') ? `var(${name})` : style.getPropertyValue(name).trim());
  const own = ENDS.map(end => `.${end}{--own:${style.getPropertyValue('--' + end).trim()};--own-bg:${style.getPropertyValue(`--${end}-bg`).trim()}}`).join('');
  const columns = Math.floor((W - 32) / (16 * CHARACTER));
  const words = `${$('#counter b').textContent}  ${$('#say').textContent}`.match(new RegExp(`.{1,${columns}}(\\s|$)`, 'g')) || [];
  const lines = words.map((line, i) => `<text x="16" y="${H + 60 + i * 21}" font-size="16" font-weight="700">${esc(line.trim())}</text>`).join('');
  const height = H + 60 + words.length * 21 + 24;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${W}" height="${height}" viewBox="0 0 ${W} ${height}"><style>${marks.replace(/</g, '')}${own}</style>` +
    `<rect width="100%" height="100%" fill="${style.getPropertyValue('--bg').trim()}"/>${headingOf(layout)}<g transform="translate(0 34)">${new Drawing(layout, view.step, { question: Boolean(question()) })}</g>${lines}` +
    `<text class="aside" x="16" y="${height - 12}" font-size="13">${esc(titleOf(story()))}</text></svg>`;
}

function exportAs(what) {
  const name = `teardown-${story().number}-${view.step}`;
  $('#menu').open = false;
  if (what === 'svg') save(name + '.svg', 'image/svg+xml', pictureOf());
  if (what === 'mermaid') save(name + '.mmd', 'text/plain', mermaidOf(story()));
  if (what === 'link') navigator.clipboard?.writeText(location.href.split('#')[0] + address());
  if (what !== 'png') return;
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement('canvas'), paper = canvas.getContext('2d');
    [canvas.width, canvas.height] = [image.width * 2, image.height * 2];
    paper.scale(2, 2);
    paper.drawImage(image, 0, 0);
    save(name + '.png', 'image/png', canvas.toDataURL());
  };
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(pictureOf());
}

/* ---- The address ----------------------------------------------------------------------------- */

function address() {
  return `#conn=${story().number}&step=${view.step}${view.kernel ? '&kernel=1' : ''}${view.predict ? '&predict=1' : ''}${view.theme ? '&theme=' + view.theme : ''}`;
}

/* When the steps come to rest: a browser allows 100 changes in 30 s, and a key that is held makes more. */
let addressTimer = 0;
function keepAddress() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => history.replaceState(null, '', address()), 350);
}

function readAddress(hash) {
  const wanted = new URLSearchParams(hash.slice(1));
  pause();
  view.theme = ['dark', 'light'].includes(wanted.get('theme')) ? wanted.get('theme') : '';
  view.kernel = wanted.get('kernel') === '1';
  view.predict = wanted.get('predict') === '1';
  fillList();
  const found = stories.findIndex(s => s.number === Number(wanted.get('conn')));
  view.index = found >= 0 ? found : listed[0] ?? 0;
  view.step = wanted.get('step') === 'end' ? lastStep() : Math.max(0, Math.min(lastStep(), Number(wanted.get('step')) || 0));
  showTheme();
  draw();
}

/* ---- Beginning ------------------------------------------------------------------------------- */

const LEGEND = [
  ['<line class="wire" x1="2" x2="58" y1="9" y2="9"/>', 'sent: certain'],
  ['<line class="wire presumed" x1="2" x2="46" y1="9" y2="9"/><path class="head presumed" d="M58 9L46 3V15Z"/>', 'arrived: presumed ( ? )'],
  ['<line class="wire" x1="2" x2="46" y1="9" y2="9"/><path class="head" d="M58 9L46 3V15Z"/>', 'arrived: proved ( ✓ )'],
  ['<path class="cross" d="M24 3l12 12m0 -12l-12 12"/>', 'lost, or taken back'],
  ['<line class="life" x1="2" x2="58" y1="9" y2="9" stroke-width="9"/>', 'this end can still send'],
  ['<line class="life" x1="2" x2="58" y1="9" y2="9" stroke-width="3"/>', 'it has sent its FIN'],
  ['<line class="life" x1="2" x2="58" y1="9" y2="9" stroke-width="9" stroke-dasharray="2.5 4.5"/>', 'lingers in TIME_WAIT'],
];

const KEYS = {
  ArrowRight: forward, ArrowLeft: back, ' ': play, Home: () => go(0, false), End: () => go(Infinity, false),
  p: () => toggle('predict'), k: () => toggle('kernel'), t: changeTheme, '+': changeSpeed,
  ArrowDown: () => chooseNext(1), ArrowUp: () => chooseNext(-1),
};

function onKey(event) {
  if (['SELECT', 'INPUT'].includes(event.target.tagName) && event.target.id !== 'range' || event.ctrlKey || event.metaKey || event.altKey) return;
  const open = question();
  if (open && open.answers[event.key - 1]) {
    answer(open.answers[event.key - 1]);
    return;
  }
  const does = KEYS[event.key];
  if (!does || event.key === ' ' && event.target.tagName === 'BUTTON') return;
  event.preventDefault();
  does();
}

function begin() {
  $('#marks-list').innerHTML = LEGEND.map(([mark, text]) => `<svg class="client" width="60" height="18" aria-hidden="true">${mark}</svg><span>${text}</span>`).join('');
  $('#legend').open = !isNarrow();
  $('#connection').onchange = e => choose(Number(e.target.value));
  $('#search').oninput = narrowDown;
  $('#filter').onchange = narrowDown;
  $('#range').oninput = e => go(Number(e.target.value), false);
  $('#back').onclick = back;
  $('#forward').onclick = forward;
  $('#play').onclick = play;
  $('#speed').onclick = changeSpeed;
  $('#predict').onclick = () => toggle('predict');
  $('#kernel').onclick = () => toggle('kernel');
  $('#theme').onclick = changeTheme;
  $('#answers').onclick = e => { const button = e.target.closest('button'); if (button) answer(button.dataset.answer); };
  $('#menu').onclick = e => { if (e.target.dataset.export) exportAs(e.target.dataset.export); };
  addEventListener('keydown', onKey);
  addEventListener('hashchange', e => readAddress(new URL(e.newURL).hash));
  addEventListener('resize', () => draw());
  let kept = null;
  addEventListener('beforeprint', () => {
    kept = { ...view };
    document.documentElement.dataset.theme = 'light';
    view.predict = false;
    go(lastStep(), false);
    const svg = $('#svg');
    svg.setAttribute('width', '100%');
    svg.removeAttribute('height');
  });
  addEventListener('afterprint', () => {
    Object.assign(view, kept);
    showTheme();
    draw();
  });
  fillFilter();
  readAddress(location.hash);
}

if (stories.length > 0) begin();
else document.body.textContent = 'No connection began to close in this capture: there is nothing to show.';
