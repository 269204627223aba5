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
    yield 'a disk that is full', lambda: check_full(capture, files[0], folder)


def main(capture, *files):
    print(f'1..{2 * len(files) + 2}')
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
