"""The page of --html in a browser: see check_page.sh, which calls this. Prints TAP."""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback
import xml.etree.ElementTree

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
SIZES = [(390, 844), (768, 1024), (1024, 768), (1280, 800), (1920, 1080)]
PATIENCE_S = 60

# Steps of lost-final-ack: counter, and the marks that are there: chips by their sign, stubs, bands.
CHECKLIST = [
    ("0/4", "client ESTABLISHED; server ESTABLISHED ?", 0, 0),
    ("1/4", "client FIN_WAIT_1; server ESTABLISHED ?", 0, 0),
    ("1/4", "client FIN_WAIT_1; server CLOSE_WAIT ?", 0, 0),
    ("2/4", "client FIN_WAIT_1; server CLOSE_WAIT ✓", 0, 0),
    ("2/4", "client FIN_WAIT_2 ?; server CLOSE_WAIT ✓", 0, 0),
    ("2/4", "client FIN_WAIT_2 ?; server CLOSE_WAIT ✓", 0, 1),
    ("3/4", "client FIN_WAIT_2 ?; server LAST_ACK", 0, 1),
    ("3/4", "client TIME_WAIT ?; server LAST_ACK", 0, 1),
    ("3/4", "client TIME_WAIT ?; server LAST_ACK", 0, 1),
    ("3/4", "client TIME_WAIT ?; server LAST_ACK", 1, 1),
    ("3/4", "client TIME_WAIT ?; server LAST_ACK", 1, 1),
    ("4/4", "client TIME_WAIT ✓; server LAST_ACK", 1, 1),
    ("4/4", "client TIME_WAIT ✓; server CLOSED ?", 1, 1),
    ("4/4", "client TIME_WAIT ✓; server CLOSED ?", 1, 1),
    ("4/4", "client CLOSED ⧗; server CLOSED ?", 1, 1),
    ("4/4", "client CLOSED ⧗; server CLOSED ?", 1, 1),
]

# The chips that stand, as "STATE mark"; the last of each end.
STANDING = """
return ['client', 'server'].map(end => {
  const chips = [...document.querySelectorAll(`#ladder .chip.${end}:not(.refuted)`)];
  const bottom = c => Number(c.querySelector('rect').getAttribute('y'));
  const chip = chips.sort((a, b) => bottom(a) - bottom(b)).at(-1);
  const mark = chip.querySelector('.mark')?.textContent || (chip.querySelector('.hourglass') ? '⧗' : '');
  return (chip.dataset.state + ' ' + mark).trim();
});
"""

# The states that stand whenever a segment has just arrived, by its number; and the last counter.
EVERY_ARRIVAL = """
const standing = () => { %s };
return stories.map((s, i) => {
  choose(i);
  const arrivals = [];
  s.steps.forEach((told, n) => {
    go(n, false);
    if (told.kind === 'arrived' && !told.late) arrivals.push([told.segment.n, ...standing()]);
  });
  return [s.number, arrivals, document.querySelector('#counter b').textContent, document.querySelector('#counter small').textContent];
});
""" % STANDING

# Every step of every story at this size: texts that meet, are cut off, or cross a lifeline.
OVERLAPS = """
const found = [];
for (let i = 0; i < stories.length; i++) {
  view.index = i;
  for (view.step = 0; view.step <= lastStep(); view.step++) {
    draw();
    const width = document.querySelector('#stage').clientWidth;
    const texts = [...document.querySelectorAll('#ladder text')].map(t => [t, t.getBoundingClientRect()]);
    const stage = document.querySelector('#stage').getBoundingClientRect();
    /* The box of a text is higher than its letters; a rotated one's is higher still. */
    const inner = (t, r) => {
      const h = Math.min(r.height, t.getAttribute('font-size') * 0.72), cy = (r.top + r.bottom) / 2;
      return { left: r.left + 1, right: r.right - 1, top: cy - h / 2, bottom: cy + h / 2 };
    };
    const boxes = texts.map(([t, r]) => [t.textContent, inner(t, r)]);
    const say = (what, a, b) => found.push([stories[i].number, `step ${view.step}: '${a}' ${what} '${b}'`]);
    for (let a = 0; a < boxes.length; a++) {
      const [name, box] = boxes[a];
      if (box.left < stage.left - 1 || box.right > stage.left + width + 1) say('is cut off', name, '');
      for (let b = a + 1; b < boxes.length; b++) {
        const [other, there] = boxes[b];
        if (box.left < there.right && there.left < box.right && box.top < there.bottom && there.top < box.bottom) say('meets', name, other);
      }
      for (const life of document.querySelectorAll('#ladder .life')) {
        const r = life.getBoundingClientRect();
        if (box.left < r.right && r.left < box.right && box.top < r.bottom && r.top < box.bottom) say('crosses a lifeline of', name, life.getAttribute('class'));
      }
    }
    const page = document.documentElement;
    if (page.scrollWidth > page.clientWidth + 1) say('is too wide', 'the page', String(page.scrollWidth));
  }
}
view.index = view.step = 0;
draw();
return found;
"""

CONTRAST = """
const out = {};
for (const theme of ['light', 'dark']) {
  document.documentElement.dataset.theme = theme;
  const style = getComputedStyle(document.documentElement), value = name => style.getPropertyValue('--' + name).trim();
  const light = hex => { const c = [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * c[0] + .7152 * c[1] + .0722 * c[2]; };
  const ratio = (a, b) => { const [x, y] = [light(value(a)), light(value(b))].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const behind = { ink: ['bg', 'card', 'client-bg', 'server-bg', 'button', 'loss-bg'], mut: ['bg', 'card', 'client-bg', 'server-bg', 'button'],
    client: ['bg', 'client-bg'], server: ['bg', 'server-bg'], loss: ['bg', 'loss-bg'], kernel: ['bg', 'card'] };
  for (const [text, papers] of Object.entries(behind)) for (const paper of papers) out[`${theme} text ${text}/${paper}`] = [ratio(text, paper), 7];
  out[`${theme} line/bg`] = [ratio('line', 'bg'), 3];
}
showTheme();
return out;
"""


class Failure(Exception):
    pass


def expect(what, expected, actual):
    if expected != actual:
        raise Failure(f"{what}: expected {expected!r}, actual {actual!r}")


def fail_if(problems):
    if problems:
        raise Failure("\n".join(problems[:12]) + f"\n({len(problems)} in all)")


class Bench:
    def __init__(self, scratch):
        self.scratch = scratch
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                         "--disable-background-networking", "--no-first-run",
                         f"--user-data-dir={scratch}/profile"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(PATIENCE_S)
        self.driver.set_script_timeout(PATIENCE_S * 2)
        self.said = []

    def capture(self, pcap, name, *more, second=None):
        """Returns the page and the objects that NDJSON has of the same capture, or of two."""
        more = ("-r", str(second), *more) if second else more
        page, ndjson = self.scratch / f"{name}.html", self.scratch / f"{name}.ndjson"
        done = subprocess.run([os.environ["CAPTURE"], "-r", str(pcap), "--html", str(page), "--json", str(ndjson), "-qq", *more],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
        if done.returncode not in (0, 1):
            raise Failure(f"capture: status {done.returncode}: {done.stderr}")
        return page, [json.loads(line) for line in ndjson.read_text(encoding="utf-8").splitlines()]

    @functools.cache
    def golden(self, name):
        return self.capture(GOLDEN / f"{name}.pcap", name)

    def together(self, names):
        """One page with the connections of all these captures, numbered anew; what is called by which number;
        and the objects of NDJSON, with those numbers."""
        lines, called, objects, first = [], {}, [], 0
        for name in names:
            page, said = self.golden(name)
            text = page.read_text(encoding="utf-8")
            before, data, after = re.fullmatch(r"(.*<script id=\"data\"[^>]*>\n)(.*)(</script>\n<script>.*)", text, re.S).groups()
            last = first
            for line in data.splitlines() + said:
                o = json.loads(line) if isinstance(line, str) else dict(line)
                if "conn" not in o:
                    continue
                o["conn"] += first
                last = max(last, o["conn"])
                called[o["conn"]] = f"{name} #{o['conn'] - first}"
                (lines if isinstance(line, str) else objects).append(json.dumps(o).replace("<", "\\u003c") if isinstance(line, str) else o)
            first = last
        page = self.scratch / "together.html"
        page.write_text(before + "\n".join(lines) + "\n" + after, encoding="utf-8")
        return page, called, objects

    def resize(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def open(self, page, fragment=""):
        self.drain()
        self.driver.get("about:blank")
        self.driver.get(page.as_uri() + fragment)
        expect("requests", 0, self.run("return performance.getEntriesByType('resource').length"))

    def drain(self):
        self.said += [entry["message"] for entry in self.driver.get_log("browser")]

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def press(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def state(self):
        return "; ".join(f"{end} {chip}" for end, chip in zip(("client", "server"), self.run(STANDING)))

    def until(self, condition):
        WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.05).until(lambda _: condition())


def the_checklist(b):
    page, _ = b.golden("lost-final-ack")
    b.open(page)
    expect("steps", len(CHECKLIST) - 1, b.run("return lastStep()"))
    for i, (counter, states, stubs, bands) in enumerate(CHECKLIST):
        seen = (b.text("#counter b"), b.state(), b.run("return document.querySelectorAll('#ladder .stub').length"),
                b.run("return document.querySelectorAll('#ladder .band').length"))
        expect(f"step {i}", (counter, states, stubs, bands), seen)
        expect(f"step {i}, its link", f"#conn=1&step={i}", b.run("return address()"))
        if i == 8:
            expect("silence", "207.2 ms of silence. The server has seen no answer to its FIN.", b.text("#say"))
        if i == 9:
            expect("again", "3/4 again", b.text("#counter small"))
        if i == 10 and "2·MSL anew" not in b.run("return document.querySelector('#ladder').textContent"):
            raise Failure("no 2·MSL anew")
        b.press(Keys.ARROW_RIGHT)
    verdict = b.run("return story().verdict.sentence")
    expect("the sentence", (verdict[0].upper() + verdict[1:] + ".").replace("\u00a0", " "), b.text("#say"))


def the_taking_back(b):
    page, _ = b.golden("lost-final-ack-after-tap")
    b.open(page, "#conn=1&step=9")
    expect("step 9", "client TIME_WAIT ✓; server CLOSED ?", b.state())
    b.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    expect("step 11", "client TIME_WAIT ✓; server LAST_ACK", b.state())
    expect("struck", ["CLOSED"], b.run("return [...document.querySelectorAll('#ladder .chip.refuted')].map(c => c.dataset.state)"))
    if "Taken back" not in b.text("#taken"):
        raise Failure("it is not said that CLOSED is taken back")
    expect("lost", 1, b.run("return document.querySelectorAll('#ladder .cross').length"))
    expect("why", "Server: it was in LAST_ACK all along: the ACK of its FIN had not arrived", b.text("#why"))


# How the evidence of NDJSON looks: what was presumed and is proved is seen.
LOOKS = {"seen": ("", "✓"), "presumed": ("?",), "timed": ("⧗",), "kernel": ("◆",)}


def word_of(verdict):
    """Who waits in vain is stuck, whose close goes on is unfinished, and neither is called conforming."""
    if verdict["verdict"] != "conforms":
        return verdict["verdict"]
    if "stuck" in [f["severity"] for f in verdict["findings"]]:
        return "stuck"
    ending = verdict["ending"].split("-")[0]
    return ending if ending in ("unfinished", "open") else "conforms"


def every_golden_capture(b):
    problems = []
    page, called, objects = b.together([pcap.stem for pcap in sorted(GOLDEN.glob("*.pcap"))])
    segments = {(o["conn"], o["n"]): o for o in objects if o["type"] == "segment"}
    verdicts = {o["conn"]: o for o in objects if o["type"] == "verdict"}
    b.open(page)
    seen_stories = b.run(EVERY_ARRIVAL)
    expect("connections", sorted({number for number, _ in segments}), [number for number, *_ in seen_stories])
    for number, arrivals, counter, word in seen_stories:
        for n, *seen in arrivals:
            o = segments[number, n]
            for end, chip in zip(("client", "server"), seen):
                state, _, mark = chip.partition(" ")
                if state != o[f"{end}_state"] or mark not in LOOKS[o[f"{end}_evidence"]]:
                    problems.append(f"{called[number]}, segment {n}, {end}: {chip}, not {o[f'{end}_state']} {o[f'{end}_evidence']}")
        said, verdict = (counter, word), verdicts[number]
        if said != (verdict["control_segments"], word_of(verdict)):
            problems.append(f"{called[number]}: the counter ends at {said}, not {verdict['control_segments']}, {word_of(verdict)}")
    fail_if(problems)


# What the last step shows of each segment: the taps that have it, and the losses between them.
RINGS = """
return stories.map((s, i) => {
  choose(i);
  go(lastStep(), false);
  const rings = [...document.querySelectorAll('#ladder .ring')].map(r => [Number(r.dataset.n), r.dataset.tap]);
  const told = s.steps.filter(t => t.kind === 'dropped').map(t => [t.segment.n, say(s, t)]);
  return [s.number, s.segments.filter(x => !x.hidden).map(x => x.n), rings, told, document.querySelectorAll('#ladder .tap').length];
});
"""


def two_taps(b):
    problems = []
    recorded = HERE / "two_taps" / "recorded"
    page, objects = b.capture(recorded / "near.pcap", "two", second=recorded / "far.pcap")
    segments = {(o["conn"], o["n"]): o for o in objects if o["type"] == "segment"}
    b.open(page)
    fates = set()
    for number, shown, rings, told, lines in b.run(RINGS):
        drawn = sorted(map(tuple, rings))
        has = sorted((n, end) for n in shown for end in ("client", "server") if segments[number, n]["taps"][end]["t"] is not None)
        lost = [n for n in shown if segments[number, n]["taps"]["fate"] == "lost"]
        fates |= {segments[number, n]["taps"]["fate"] for n in shown}
        if drawn != has:
            problems.append(f"#{number}: rings {drawn}, the files have {has}")
        if [n for n, _ in told] != lost:
            problems.append(f"#{number}: {told} are told to be lost, not {lost}")
        for n, text in told:
            near, far = ("A", "B") if segments[number, n]["from"] == "client" else ("B", "A")
            if f"{near} has it, {far} never sees it" not in text:
                problems.append(f"#{number}, segment {n}: {text}")
        if lines != 2:
            problems.append(f"#{number}: {lines} taps")
    expect("fates", {"arrived", "lost"}, fates)
    fail_if(problems)
    lost_fin = next(conn for (conn, n), o in segments.items() if n == 1 and o["from"] == "server" and o["taps"]["fate"] == "lost")
    b.open(page, f"#conn={lost_fin}&step=2")
    expect("what is lost", "server FIN_WAIT_1; client ESTABLISHED", "; ".join(reversed(b.state().split("; "))))
    expect("its mark", 1, b.run("return document.querySelectorAll('#ladder .cross').length"))
    b.run("view.index = 0; stories.splice(0, stories.length, ...stories.filter(s => [2, 6, 14].includes(s.number)))")  # data, both roles, repetitions
    for width, height in SIZES:
        b.resize(width, height)
        b.until(lambda: b.run("return innerWidth") == width)
        problems += [f"at {width}: #{number}: {text}" for number, text in b.run(OVERLAPS)]
    b.resize(1280, 800)
    fail_if(problems)


def playing_reaches_the_same_end(b):
    page, _ = b.golden("simultaneous")
    b.open(page, "#conn=1&step=end")
    stepped = b.run("return document.querySelector('#ladder').innerHTML.replace(/moving |new-[a-z]+/g, '')")
    b.open(page)
    b.run("window.setTimeout_ = setTimeout; window.setTimeout = (f, ms) => setTimeout_(f, ms / 50)")
    b.press(Keys.SPACE)
    b.until(lambda: b.run("return view.step === lastStep() && !view.playing"))
    played = b.run("draw(); return document.querySelector('#ladder').innerHTML.replace(/moving |new-[a-z]+/g, '')")
    expect("played", stepped, played)
    expect("the button", "Again", b.run("return document.querySelector('#play').getAttribute('aria-label')"))


def prediction(b):
    page, _ = b.golden("normal")
    b.open(page, "#conn=1&step=1&predict=1")
    expect("the question", "Client sends its FIN. Which state is it in now?", b.text("#say"))
    expect("hidden", 0, b.run("return document.querySelectorAll('#ladder .chip[data-state=FIN_WAIT_1]').length"))
    expect("no steps as text", "", b.run("return document.querySelector('#all').textContent"))
    b.press(Keys.ARROW_RIGHT)
    expect("→ is refused", 1, b.run("return view.step"))
    b.press(str(1 + b.run("return question().answers.indexOf('FIN_WAIT_1')")))
    if not b.text("#why").startswith("✓ Right.") or "RFC 9293 3.10.4" not in b.text("#why"):
        raise Failure(f"the answer: {b.text('#why')}")
    b.press(Keys.ARROW_RIGHT)
    wrong = next(a for a in b.run("return question().answers") if a != b.run("return question().right"))
    b.run("answer(arguments[0])", wrong)
    if f"✗ You said {wrong}." not in b.text("#why"):
        raise Failure(f"the wrong answer: {b.text('#why')}")
    expect("score", "Step 2 of 12 · 1 of 2 right".split(" · ")[1], b.text("#number").split(" · ")[1])


def keys(b):
    page, _ = b.golden("close-wait-stuck")
    b.open(page)
    for pressed, condition in [
        (Keys.END, "view.step === lastStep()"), (Keys.HOME, "view.step === 0"), (Keys.ARROW_RIGHT, "view.step === 1"),
        (Keys.ARROW_LEFT, "view.step === 0"), ("k", "view.kernel"), ("k", "!view.kernel"), ("p", "view.predict"), ("p", "!view.predict"),
        ("t", "document.documentElement.dataset.theme === 'dark'"), ("t", "document.documentElement.dataset.theme === 'light'"),
        ("+", "view.speed === 2"), (Keys.ARROW_DOWN, "view.index === 1"), (Keys.ARROW_UP, "view.index === 0"), (Keys.SPACE, "view.playing"), (Keys.SPACE, "!view.playing"),
    ]:
        b.press(pressed)
        if not b.run(f"return Boolean({condition})"):
            raise Failure(f"key {pressed!r}: not {condition}")


def links(b):
    page, _ = b.golden("close-wait-stuck")
    b.open(page, "#conn=2&step=end&theme=dark")
    expect("connection", 2, b.run("return story().number"))
    expect("step", True, b.run("return view.step === lastStep()"))
    expect("theme", "dark", b.run("return document.documentElement.dataset.theme"))
    b.run("location.hash = '#conn=1&step=2'")
    b.until(lambda: b.run("return story().number === 1 && view.step === 2"))
    b.open(page, "#conn=99&step=-5")
    expect("nonsense", [0, 0], b.run("return [view.index, view.step]"))
    # The address follows, but not each of many steps: a browser refuses more than 100 changes in 30 s.
    b.run("window.told = 0; const { replaceState } = history; history.replaceState = (...all) => { told++; replaceState.apply(history, all); }")
    b.run("for (let i = 0; i < 300; i++) go(i % 3, false)")
    b.until(lambda: b.run("return location.hash === address() && view.step === 2"))
    expect("changes of the address", 1, b.run("return told"))


def reduced_motion(b):
    page, _ = b.golden("normal")
    b.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]})
    b.open(page)
    b.press(Keys.ARROW_RIGHT)
    expect("animations", 0, b.run("return document.getAnimations().length"))
    b.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "no-preference"}]})
    if b.run("forward(); return document.getAnimations().length") == 0:  # at once, for it is soon over
        raise Failure("nothing moves where it may")


def layout(b):
    problems = []
    page, called, _ = b.together(("lost-final-ack", "lost-final-ack-after-tap", "simultaneous", "coalesced", "lost-fin2",
                                            "normal-half-close-data", "reset-data-after-close", "close-wait-stuck", "refused", "normal-ipv6"))
    b.open(page)
    for width, height in SIZES:
        b.resize(width, height)
        b.until(lambda: b.run("return innerWidth") == width)
        problems += [f"at {width}: {called[number]}: {text}" for number, text in b.run(OVERLAPS)]
        # Who is stuck waits to the edge: nothing is left below, and nothing lies beyond.
        beyond = b.run("""return stories.filter(s => s.tail?.stuck).map(s => { choose(stories.indexOf(s)); go(Infinity, false);
          const stage = document.querySelector('#stage'); return stage.clientHeight - 34 - layout.H; })""")
        if not beyond or any(not -200 <= rest <= 8 for rest in beyond):
            problems.append(f"at {width}: the stuck ones end {beyond} pixels above the edge")
        b.run("choose(0)")
    b.resize(1280, 800)
    b.until(lambda: b.run("return innerWidth") == 1280)
    # What finds nothing would find nothing here, either.
    b.run("stories.length = 1")
    b.run("const label = Drawing.prototype.label; Drawing.prototype.label = function (s, ...more) { label.call(this, s, ...more); this.text(this.l.tap, this.l.y.get(s), 16, 'middle', 'planted'); this.text(this.l.tap + 4, this.l.y.get(s), 16, 'middle', 'planted too'); }")
    if not any("planted" in text for _, text in b.run(OVERLAPS)):
        problems.append("a planted overlap is not found")
    fail_if(problems)


def contrast(b):
    page, _ = b.golden("normal")
    b.open(page)
    fail_if([f"{name}: {ratio:.2f}, less than {least}" for name, (ratio, least) in b.run(CONTRAST).items() if ratio < least])


def names_and_roles(b):
    page, _ = b.golden("normal")
    b.open(page)
    fail_if(b.run("""return [...document.querySelectorAll('button, select, input, summary, [role=img]')].filter(e => e.offsetParent || e.tagName === 'svg')
      .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.querySelector('title'))).map(e => 'no name: ' + e.outerHTML.slice(0, 80))"""))
    expect("live", "polite", b.run("return document.querySelector('#say').getAttribute('aria-live')"))
    if "sends a FIN" not in b.run("return document.querySelector('#all').textContent"):
        raise Failure("the steps are not there as text")
    small = b.run("return [...document.querySelectorAll('#controls button')].filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.id)")
    expect("too small to touch", [], small)


def export(b):
    for name in ("lost-final-ack-after-tap", "simultaneous"):
        page, _ = b.golden(name)
        b.open(page, "#conn=1&step=end")
        root = xml.etree.ElementTree.fromstring(b.run("return pictureOf()"))
        texts = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
        if not {"FIN seq=u", "TIME_WAIT"} <= texts:
            raise Failure(f"the picture: {texts}")
        if "var(--" in b.run("return pictureOf()").replace("var(--own", ""):
            raise Failure("a colour of the picture is not resolved")
        mermaid = b.run("return mermaidOf(story())")
        if not mermaid.startswith("sequenceDiagram\n") or "C->>S: FIN seq=u (1/4)" not in mermaid and "S->>C: FIN seq=u (1/4)" not in mermaid:
            raise Failure(mermaid)


def hostile_names(b):
    evil = "</script><img src=x onerror=document.title='evil'>\"'&.pcap"
    copy = b.scratch / evil.replace("/", "\u2215")
    copy.write_bytes((GOLDEN / "normal.pcap").read_bytes())
    page, _ = b.capture(copy, "hostile")
    if page.read_text(encoding="utf-8").count("</script>") != 2:
        raise Failure("a name ends the script element")
    b.open(page)
    expect("title", "teardown: how these connections ended", b.driver.title)
    expect("steps", True, b.run("return lastStep() > 5"))
    # What a capture cannot hold today: everything that is text in the data.
    b.run("""for (const s of stories) { const evil = '<img src=x onerror="document.title=1">'; s.verdict.client = s.verdict.server = s.verdict.sentence = s.verdict.ending = evil;
      s.verdict.findings = [{ id: evil, expected: evil, actual: evil, clause: evil, severity: 'note', about: 'client' }];
      for (const x of s.segments) { x.text = evil; x.ignored = evil; for (const c of x.changes) { c.reason = evil; c.clause = evil; } } for (const e of ENDS) for (const c of s.chips[e]) c.state = evil; }
      fillList(); for (let i = 0; i <= lastStep(); i++) go(i, false); toggle('predict'); for (let i = 0; i <= lastStep(); i++) go(i, false); return 0;""")
    expect("title", "teardown: how these connections ended", b.driver.title)
    expect("elements of the data's", 0, b.run("return document.querySelectorAll('img').length"))
    expect("marks of direction", "x\\u202ey", b.run(r"""return parse('{"a":"x\\u202ey"}').a"""))


# Times of the page with many connections, to what they are measured by; and how much it may be.
RATIOS = """
const best = (...all) => {
  const least = all.map(() => Infinity);
  for (let i = 0; i < 9; i++) all.forEach((f, k) => { const t = performance.now(); f(); least[k] = Math.min(least[k], performance.now() - t); });
  return least[0] / least[1];
};
const text = document.querySelector('#data').textContent.split('\\n'), search = document.querySelector('#search');
document.querySelector('#filter').value = 0;
const look = words => { search.value = words; narrowDown(); };
const step = () => go(view.step === 0 ? 1 : 0, false), others = stories.slice(1);
const only = () => { stories.length = 1; view.index = 0; step(); stories.push(...others); };
view.index = 0;
return {
  'the list before a connection can be read, to reading all': [best(() => readStories(text), () => text.forEach(line => line && JSON.parse(line))), 0.6],
  'a step among a thousand, to one of a single connection': [best(step, only), 3],
  'a search that finds all, to filling the list': [best(() => look(''), fillList), 3],
  'a search that finds nothing, to filling the list': [best(() => look('nowhere'), () => { search.value = ''; fillList(); }), 1],
};
"""


def a_thousand(b):
    pcap = b.scratch / "many.pcap"
    with open(pcap, "wb") as file:
        subprocess.run([os.environ["GENERATE"], "--connections", "1100", "--mix", "all", "--seed", "5", "-"], stdout=file, stderr=subprocess.DEVNULL, check=True, timeout=300)
    page, objects = b.capture(pcap, "many")
    b.open(page)
    closed = {o["conn"] for o in objects if o["type"] == "segment"}
    expect("connections", min(1000, len(closed)), b.run("return stories.length"))
    if len(closed) > 1000:
        expect("left out", True, b.run("return leftOut > 0"))
    resets = b.run("const s = document.querySelector('#search'); s.value = 'reset'; s.dispatchEvent(new Event('input')); return [...document.querySelectorAll('#connection option:not([disabled])')].length")
    everything = b.run("return stories.length")
    if not 0 < resets < everything:
        raise Failure(f"the search for 'reset' finds {resets} of {everything}")
    if "reset" not in b.run("return titleOf(story()) + story().verdict.sentence"):
        raise Failure("the search does not go to what it found")
    offered = b.run("""document.querySelector('#search').value = ''; const filter = document.querySelector('#filter');
      filter.value = [...filter.options].find(o => o.text.startsWith('stuck')).value; filter.dispatchEvent(new Event('change'));
      return [filter.selectedOptions[0].text, listed.length, listed.every(i => stories[i].verdict.findings.some(f => f.severity === 'stuck'))]""")
    expect("the stuck ones", [f"stuck ({offered[1]})", True], [offered[0], offered[2]])
    b.press(Keys.ARROW_DOWN)
    expect("the next is the list's next", True, b.run("return view.index === listed[1]"))
    # What must not grow with the number of connections, each beside something on the same machine in the same moment.
    problems = [f"{name}: {ratio:.2f}, more than {most}" for name, (ratio, most) in b.run(RATIOS).items() if ratio > most]
    fail_if(problems)
    told = b.run("return stories.filter(s => s.steps).length")
    if told > 40:
        raise Failure(f"{told} connections were read, and a dozen were looked at")


def nothing_to_show(b):
    page, _ = b.capture(GOLDEN / "open.pcap", "empty", "port 1")
    b.open(page)
    if "nothing to show" not in b.text("body"):
        raise Failure(b.text("body"))


def small_enough(b):
    page, _ = b.golden("lost-final-ack")
    if page.stat().st_size > 300_000:
        raise Failure(f"{page.stat().st_size} octets")


def quiet(b):
    b.drain()
    fail_if(b.said)


TESTS = [
    ("lost-final-ack, step by step", the_checklist),
    ("a presumption that is taken back", the_taking_back),
    ("every golden capture: states and evidence at every arrival, and the counter", every_golden_capture),
    ("two vantage points: each segment's fate, and no text meets another", two_taps),
    ("playing reaches the end that stepping reaches", playing_reaches_the_same_end),
    ("prediction asks, hides, and keeps the score", prediction),
    ("every key", keys),
    ("links", links),
    ("reduced motion", reduced_motion),
    ("no text meets another, or a lifeline, at five sizes and every step", layout),
    ("contrast", contrast),
    ("names, text for every step, size of what is touched", names_and_roles),
    ("pictures and mermaid", export),
    ("hostile names are text", hostile_names),
    ("a thousand connections", a_thousand),
    ("a capture without a close", nothing_to_show),
    ("an ordinary page is small", small_enough),
    ("the console says nothing", quiet),
]


def main():
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        b = Bench(pathlib.Path(scratch))
        b.resize(1280, 800)
        print(f"1..{len(TESTS)}", flush=True)
        for number, (name, test) in enumerate(TESTS, 1):
            if wanted and not any(w in name for w in wanted):
                continue
            try:
                test(b)
                print(f"ok {number} - {name}", flush=True)
            except Failure as failure:
                print(f"not ok {number} - {name}", *(f"# {line}" for line in str(failure).splitlines()), sep="\n", flush=True)
            except Exception:  # pylint: disable=broad-except
                print(f"not ok {number} - {name}", *(f"# {line}" for line in traceback.format_exc().splitlines()), sep="\n", flush=True)
        b.driver.quit()


main()
