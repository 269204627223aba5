#!/usr/bin/env python3
"""Pictures say what the ladder says: for each capture, the words of --svg and of --mermaid are those of
the ladder, the SVG is well-formed and nothing of it lies outside, and each line of the diagram is one of
mermaid's. Prints TAP.

    check_pictures.py CAPTURE FILE...
"""
import collections
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

SVG = '{http://www.w3.org/2000/svg}'
DRAWN = re.compile('[┃│┊─━▶◀╌]+|└')
# What mermaid takes of a sequence diagram, as far as we write it.
TEXT = r'(?:[^\n;#<>]|#\d+;|<br/>)+'
MERMAID = re.compile('|'.join((
    'sequenceDiagram',
    r'  participant [CS]\d+ as (?:client|server)',
    r'  Note (?:over C\d+,S\d+|(?:left|right) of [CS]\d+): ' + TEXT,
    r'  [CS]\d+(?:->>|--?x|-\))[CS]\d+: ' + TEXT,
    r'%%.*')))


def run(capture, *arguments):
    environment = dict(os.environ, COLUMNS='400', LC_ALL='C.UTF-8')
    done = subprocess.run([capture, *arguments], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def words(text):
    return collections.Counter(DRAWN.sub(' ', text).replace('·', ' ').split())


def svg_words(root):
    """Of all text elements, each of which must lie in the picture."""
    width, height = float(root.get('width')), float(root.get('height'))
    found = []
    for element in root.iter(SVG + 'text'):
        classes = (element.get('class') or '').split()
        x, y, room = float(element.get('x')), float(element.get('y')), 7.83 * len(element.text)
        left = x - room if {'e', 't'} & set(classes) else x - room / 2 if 'm' in classes else x
        assert 0 <= left and left + room <= width + 1 and 0 < y < height, f'outside: {element.text}'
        found.append(element.text)
    return words(' '.join(found))


def mermaid_words(text):
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        assert MERMAID.fullmatch(line), f'line {number} is none of mermaid: {line}'
    assert lines[0] == 'sequenceDiagram'
    said = [line.split(': ', 1)[1] for line in lines if ': ' in line]
    plain = ' '.join(said).replace('<br/>', ' ')
    return words(re.sub(r'#(\d+);', lambda m: chr(int(m[1])), plain))


def check_words(what, found, expected, forgiven):
    more, less = found - expected, expected - found
    for word in forgiven:
        more.pop(word, None)
        less.pop(word, None)
    assert not more and not less, f'{what}: more: {dict(more)}; less: {dict(less)}'


def check(capture, file, folder):
    svg, mermaid = os.path.join(folder, 'svg'), os.path.join(folder, 'mermaid')
    ladder = run(capture, '-r', file, '-t', '--format', 'ladder', '--svg', svg, '--mermaid', mermaid)
    if re.fullmatch(r'\n?(#\d+ open \S+ \S+ \S+\n?)+', ladder):  # a picture is of closes
        ladder = ''
    expected = words(ladder)
    if not expected:  # which is said
        expected = words('no connection closed')
    # Of a segment that was lost the cross is drawn; the two ends are participants.
    check_words('SVG', svg_words(tree.parse(svg).getroot()), expected, ['✗'])
    with open(mermaid, encoding='utf-8') as diagram:
        check_words('mermaid', mermaid_words(diagram.read()), expected, ['✗', 'client', 'server'])


def main(capture, *files):
    print(f'1..{len(files)}')
    for number, file in enumerate(files, 1):
        name, reason = os.path.basename(file), None
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(capture, file, folder)
            except (AssertionError, tree.ParseError, subprocess.TimeoutExpired) as failure:
                reason = str(failure)
        print(f"{'not ' if reason else ''}ok {number} - {name}")
        if reason:
            print('# ' + reason.replace('\n', '\n# '))


main(*sys.argv[1:])
