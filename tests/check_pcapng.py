#!/usr/bin/env python3
"""Packets saved as pcapng bear what the model made of them: for each capture, tshark reads at each packet
the changes and findings that NDJSON tells of it, as comments and in that order, and the verdict on what
closed; the packets are the same octets at the same times; and what is read back gives the same NDJSON.
Then a disk that is full. Prints TAP.

    check_pcapng.py CAPTURE FILE...
"""
import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile

SEGMENT = re.compile(r'#\d+ (client|server) (?!\S+ →)')
COMPLETE = ('normal', 'coalesced', 'simultaneous', 'reset', 'refused')


def run(*arguments, status=(0, 1), **options):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode in status, f'status {done.returncode}: {done.stderr}'
    return done


def told(capture, file, *arguments):
    lines = run(capture, '-r', file, '--format', 'json', *arguments).stdout.splitlines()
    objects = [json.loads(line) for line in lines]
    return [o for o in objects if o['type'] != 'start']


def packets(files, folder):
    """What tshark reads of all the files in one go, which costs a second each time: for each packet its
    time, lengths, link type and comments; and all octets, as a hex dump."""
    whole = os.path.join(folder, 'whole.pcapng')
    run('mergecap', '-a', '-w', whole, *files)
    fields = ('frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.encap_type', 'frame.comment')
    wanted = [word for field in fields for word in ('-e', field)]
    rows = run('tshark', '-n', '-r', whole, '-T', 'fields', '-E', 'aggregator=|', '-E', 'separator=/t', *wanted)
    dump = run('tshark', '-n', '-r', whole, '-x')
    return [line.split('\t') for line in rows.stdout.splitlines()], dump.stdout


def expected_words(objects):
    """By connection: what the comments of its segments must begin with."""
    words = []
    for o in objects:
        at = f"#{o['conn']} " if 'conn' in o else ''
        if o['type'] == 'segment':
            words.append(f"{at}{o['from']} {o['text']}")
        elif o['type'] == 'transition' and o['segment'] is not None:
            if o['kind'] == 'refuted':
                words.append(f"{at}refutes {o['about']} {o['from']}: {o['reason']}")
            elif o['kind'] == 'confirmed':
                words.append(f"{at}confirms {o['about']} {o['to']}: {o['reason']}")
            else:
                words.append(f"{at}{o['about']} {o['from']} → {o['to']}, {o['evidence']}: {o['reason']}")
        elif o['type'] == 'finding':
            words.append(f"{at}finding {o['id']} ")
    return words


def check_comments(objects, frames):
    found, verdicts = [], {}
    for time, *_, comment in frames:
        for word in comment.split('|') if comment else ():
            if re.match(r'#\d+ verdict ', word):
                conn, _, ending = word.split(' ')[:3]
                verdicts[conn] = ending
            else:
                found.append((time, word))
    expected = expected_words(objects)
    assert len(found) == len(expected), f'{len(found)} comments, not {len(expected)}'
    for (time, word), begins in zip(found, expected):
        assert word.startswith(begins), f'{word!r} at {time} does not begin with {begins!r}'
    times = [f"{o['t']:.6f}" for o in objects if o['type'] == 'segment']
    assert times == [f'{float(time):.6f}' for time, word in found if SEGMENT.match(word)]
    for o in objects:
        if o['type'] == 'verdict':
            ending = verdicts.get(f"#{o['conn']}")
            if ending or o['ending'] in COMPLETE:
                assert ending == o['ending'], f"#{o['conn']}: {ending}, not {o['ending']}"


def limit_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def check_full(capture, file, folder):
    saved = os.path.join(folder, 'saved.pcapng')
    done = run(capture, '-r', file, '-w', saved, status=(2,), preexec_fn=limit_files)
    assert f'-w {saved}: cannot write: File too large' in done.stderr, done.stderr


def check_links(capture, file, folder):
    """Every second packet without its Ethernet header: a file of two link types."""
    part = [os.path.join(folder, name) for name in ('ethernet.pcap', 'ip.pcap', 'mixed.pcapng', 'mixed-saved.pcapng')]
    with open(file, 'rb') as whole:
        header, packets_left = whole.read(24), whole.read()
    with open(part[0], 'wb') as ethernet, open(part[1], 'wb') as ip:
        ethernet.write(header)
        ip.write(header[:20] + struct.pack('<I', 101))  # LINKTYPE_RAW
        n = 0
        while packets_left:
            s, us, size, wire = struct.unpack_from('<IIII', packets_left)
            octets, packets_left = packets_left[16:16 + size], packets_left[16 + size:]
            cut = 14 * (n % 2)
            (ip if cut else ethernet).write(struct.pack('<IIII', s, us, size - cut, wire - cut) + octets[cut:])
            n += 1
    run('mergecap', '-w', part[2], part[0], part[1])
    objects = told(capture, part[2], '-w', part[3])
    before, after = packets(part[2:3], folder), packets(part[3:], folder)
    assert len({frame[3] for frame in before[0]}) == 2, 'there are no two link types'
    assert [frame[:-1] for frame in before[0]] == [frame[:-1] for frame in after[0]], 'times, lengths or links'
    check_comments(objects, after[0])
    assert told(capture, part[3]) == objects, 'read back it gives another NDJSON'
    verdicts = [[o['ending'] for o in all if o['type'] == 'verdict'] for all in (objects, told(capture, file))]
    assert verdicts[0] == verdicts[1] and verdicts[0], verdicts


LIVE = """
ip link set lo up
"$1/server" -q -p 7000 --close-delay 50 >/dev/null 2>&1 & server=$!
"$1/capture" -i lo --kernel off -qq --closes 3 --duration 100 --json "$2/live.ndjson" -w "$2/live.pcapng" 'tcp port 7000' &
capture=$!
for ((i = 0; i < 600; i++)); do
  [ -s "$2/live.ndjson" ] && ss -Hltn 'sport = :7000' | grep -q . && break
  read -rt 0.1 <> <(:)
done
"$1/client" -q --count 3 127.0.0.1 7000 >/dev/null 2>&1
wait $capture
status=$?
kill $server
exit $status
"""


def check_live(capture, folder):
    alone = ['unshare', '--net'] if os.geteuid() == 0 else ['unshare', '-rn']
    there = tempfile.mkdtemp(dir=folder)
    for name in (folder, there):
        os.chmod(name, 0o777)  # for whoever capture becomes
    run(*alone, 'bash', '-c', LIVE, '-', os.path.dirname(capture), there)
    with open(os.path.join(there, 'live.ndjson'), encoding='utf-8') as lines:
        objects = [o for o in map(json.loads, lines) if o['type'] != 'start']
    assert sum(o['type'] == 'verdict' for o in objects) >= 3, 'no three closes'
    saved = os.path.join(there, 'live.pcapng')
    check_comments(objects, packets([saved], folder)[0])
    endings = [sorted(o['ending'] for o in all if o['type'] == 'verdict') for all in (objects, told(capture, saved))]
    assert endings[0] == endings[1], endings


def tests(capture, files, folder):
    """(name, what checks it), for each."""
    saved = [os.path.join(folder, f'{number}.pcapng') for number in range(len(files))]
    objects = [told(capture, file, '-w', to) for file, to in zip(files, saved)]
    before, after = packets(files, folder), packets(saved, folder)
    counted = run('capinfos', '-c', '-M', '-T', '-r', *saved).stdout.splitlines()
    counts = [int(line.split('\t')[1]) for line in counted]

    def same_packets():
        assert [frame[:-1] for frame in before[0]] == [frame[:-1] for frame in after[0]], 'times, lengths or links'
        assert before[1] == after[1], 'octets'

    def read_back(number):
        # What leaks while reading, other tests see.
        os.environ['ASAN_OPTIONS'] = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
        assert told(capture, saved[number]) == objects[number], 'read back it gives another NDJSON'

    yield 'the packets are the same', same_packets
    begin = 0
    for number, file in enumerate(files):
        name, end = os.path.basename(file), begin + counts[number]
        yield f'{name}: comments', lambda: check_comments(objects[number], after[0][begin:end])
        yield f'{name}: read back', lambda: read_back(number)
        begin = end
    normal = next(file for file in files if os.path.basename(file) == 'normal.pcap')
    yield 'several link types in one file', lambda: check_links(capture, normal, folder)
    yield 'live', lambda: check_live(capture, folder)
    yield 'a disk that is full', lambda: check_full(capture, files[0], folder)


def main(capture, *files):
    print(f'1..{2 * len(files) + 4}')
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, test) in enumerate(tests(capture, files, folder), 1):
            reason = None
            try:
                test()
            except (AssertionError, subprocess.TimeoutExpired) as failure:
                reason = str(failure)
            print(f"{'not ' if reason else ''}ok {number} - {name}")
            if reason:
                print('# ' + reason.replace('\n', '\n# '))


main(*sys.argv[1:])
