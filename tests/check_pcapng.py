#!/usr/bin/env python3
"""Packets saved as pcapng bear what the model made of them: for each capture, tshark reads at each packet
the changes and findings that NDJSON tells of it, as comments and in that order, and a verdict at the last
packet of what closed; the packets are the same octets at the same times; and what is read back gives
the same NDJSON. Then a disk that is full. Prints TAP.

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

COMPLETE = ('normal', 'coalesced', 'simultaneous', 'reset', 'refused')


def run(*arguments, status=(0, 1), **options):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode in status, f'status {done.returncode}: {done.stderr}'
    return done


def told(capture, file, *arguments):
    lines = run(capture, '-r', file, '--format', 'json', *arguments).stdout.splitlines()
    objects = [json.loads(line) for line in lines]
    return [o for o in objects if o['type'] != 'start']


def frames(file, *fields):
    wanted = [word for field in fields for word in ('-e', field)]
    done = run('tshark', '-n', '-r', file, '-T', 'fields', '-E', 'aggregator=|', '-E', 'separator=/t', *wanted)
    return [line.split('\t') for line in done.stdout.splitlines()]


def octets(file):
    """Of each packet, with its times and lengths: as a hex dump."""
    return run('tshark', '-n', '-r', file, '-x').stdout, frames(
        file, 'frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.encap_type')


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


def check(capture, file, folder):
    saved = os.path.join(folder, 'saved.pcapng')
    objects = told(capture, file, '-w', saved)
    assert told(capture, saved) == objects, 'read back it gives another NDJSON'
    assert octets(saved) == octets(file), 'the packets differ'
    found, verdicts = [], {}
    for time, comment in frames(saved, 'frame.time_epoch', 'frame.comment'):
        for word in comment.split('|') if comment else ():
            if re.match(r'#\d+ verdict ', word):
                conn, _, ending, conformity = word.split(' ')[:4]
                verdicts[conn] = (ending, conformity.rstrip(':'))
            else:
                found.append((time, word))
    expected = expected_words(objects)
    assert len(found) == len(expected), f'{len(found)} comments, not {len(expected)}'
    for (time, word), begins in zip(found, expected):
        assert word.startswith(begins), f'{word!r} at {time} does not begin with {begins!r}'
    times = [f"{o['t']:.6f}" for o in objects if o['type'] == 'segment']
    assert times == [f'{float(time):.6f}' for time, word in found if re.match(r'#\d+ (client|server) (?!\S+ →)', word)]
    last = {o['conn']: o for o in objects if o['type'] == 'verdict'}
    for conn, o in last.items():
        commented = verdicts.get(f'#{conn}')
        if commented or o['ending'] in COMPLETE:
            assert commented and commented[0] == o['ending'], f"#{conn}: {commented}, not {o['ending']}"


def limit_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def check_full(capture, file, folder):
    saved = os.path.join(folder, 'saved.pcapng')
    done = run(capture, '-r', file, '-w', saved, status=(2,), preexec_fn=limit_files)
    assert f'-w {saved}: cannot write: File too large' in done.stderr, done.stderr


def main(capture, *files):
    tests = [(check, file, os.path.basename(file)) for file in files]
    tests.append((check_full, files[0], 'a disk that is full'))
    print(f'1..{len(tests)}')
    for number, (test, file, name) in enumerate(tests, 1):
        reason = None
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(capture, file, folder)
            except (AssertionError, subprocess.TimeoutExpired) as failure:
                reason = str(failure)
        print(f"{'not ' if reason else ''}ok {number} - {name}")
        if reason:
            print('# ' + reason.replace('\n', '\n# '))


main(*sys.argv[1:])
