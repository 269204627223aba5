#!/usr/bin/env python3
"""--worksheet, --predict and --step: what is shown, what is held back, and how the terminal is left. Keys
are typed at a terminal of our own. Prints TAP.

    check_lessons.py CAPTURE GOLDEN
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time


def control(arguments):
    """A shell's part, for what may be stopped: its child has a process group of its own. Says when that
    stopped, and lets it go on when told to by SIGUSR1."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(arguments[0], arguments)
    while os.WIFSTOPPED(status := os.waitpid(job, os.WUNTRACED)[1]):
        os.write(1, b'STOPPED')
        signal.sigwait([signal.SIGUSR1])
        os.kill(job, signal.SIGCONT)
    sys.exit(os.waitstatus_to_exitcode(status) & 0x7f)


if sys.argv[1] == '--control':
    control(sys.argv[2:])
CAPTURE, GOLDEN = sys.argv[1:]
CAPTURE = os.path.abspath(CAPTURE)
LOST = os.path.join(GOLDEN, 'lost-final-ack.pcap')
STATES = re.compile('ESTABLISHED|FIN_WAIT_[12]|CLOSE_WAIT|CLOSING|LAST_ACK|TIME_WAIT')


def run(*arguments, typed='', columns=80):
    environment = dict(os.environ, COLUMNS=str(columns), LC_ALL='C.UTF-8')
    return subprocess.run([CAPTURE, *arguments], input=typed, capture_output=True, text=True, timeout=60,
                          env=environment)


def ladder(file, columns=80):
    return run('-r', file, '--format', 'ladder', columns=columns).stdout


def worksheet():
    for name in sorted(os.listdir(GOLDEN)):
        if not name.endswith('.pcap'):
            continue
        file = os.path.join(GOLDEN, name)
        for columns in (60, 120) if name.startswith('lost-final-ack.') else (80,):
            sheet = run('-r', file, '--worksheet', columns=columns).stdout
            blank, separator, solution = sheet.partition('\n\f\nSolution\n')
            if not separator:
                # Its ladder has the title of what was opened, and no row.
                assert 'no connection closed' in sheet and '│' not in ladder(file) + sheet, name
                continue
            assert not STATES.search(blank), f'{name}: a state is not blank: {STATES.search(blank)}'
            assert blank.count('___________') > 4, name
            assert solution == ladder(file, columns), f'{name}: the solution is not the ladder'


def widths():
    """Nothing is wider than the terminal; nor are words wider than 120 columns, which no eye reads."""
    for columns in (40, 60, 80, 200):
        for lesson in ('--worksheet', '--predict'):
            for line in run('-r', LOST, lesson, '-v', columns=columns).stdout.splitlines():
                assert len(line) <= min(columns, 120), f'{lesson} at {columns}: {line}'


def predict():
    # Client and server after FIN, the client after ACK, both after the second FIN, the server after its ACK.
    right = ['FIN_WAIT_1', 'CLOSE_WAIT', 'FIN_WAIT_2', 'TIME_WAIT', 'LAST_ACK', 'CLOSED']
    said = run('-r', LOST, '--predict', typed='\n'.join(right) + '\n').stdout
    assert f'score: {len(right)} of {len(right)}' in said, said
    assert 'RFC 9293 3.10.7.4' in said
    loose = [right[0].lower().replace('_', '-'), '8', 'finwait2', '', 'SYN_SENT']
    said = run('-r', LOST, '--predict', typed='\n'.join(loose) + '\n').stdout
    assert 'score: 3 of 5' in said and 'it is TIME_WAIT' in said and 'no: LAST_ACK' in said, said
    assert said.count('CLOSED ?') == 1  # the rest is shown all the same
    said = run('-r', LOST, '--predict', typed='q\n').stdout
    assert 'score' not in said and 'client closed first' in said


class Terminal:
    """The program, at a terminal of its own."""

    def __init__(self, *arguments, columns=80, shell=()):
        self.own, self.theirs = pty.openpty()
        self.resize(columns)
        self.before = termios.tcgetattr(self.theirs)
        environment = dict(os.environ, LC_ALL='C.UTF-8', TERM='xterm', NO_COLOR='1')
        environment.pop('COLUMNS', None)
        self.process = subprocess.Popen([*shell, CAPTURE, *arguments], stdin=self.theirs, stdout=self.theirs,
                                        stderr=subprocess.DEVNULL, env=environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, columns):
        fcntl.ioctl(self.own, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))

    def screen(self):
        """What it says until it waits for a key."""
        text, limit = b'', time.monotonic() + 60
        while time.monotonic() < limit:
            if select.select([self.own], [], [], 0.1)[0]:
                text += os.read(self.own, 65536)
            page = text.decode(errors='replace').rpartition('\033[H\033[2J')[2]
            if 'q quit' in page and not select.select([self.own], [], [], 0.3)[0]:
                return page.replace('\r\n', '\n')
        raise AssertionError(f'nothing came: {text!r}')

    def says(self, word):
        text, limit = b'', time.monotonic() + 60
        while word not in text and time.monotonic() < limit:
            if select.select([self.own], [], [], 0.1)[0]:
                text += os.read(self.own, 65536)
        assert word in text, f'nothing came: {text!r}'

    def mode(self):
        return termios.tcgetattr(self.theirs)

    def key(self, keys):
        os.write(self.own, keys.encode())
        return self.screen()

    def end(self, how):
        how()
        limit = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < limit:
            if select.select([self.own], [], [], 0.1)[0]:
                os.read(self.own, 65536)
        assert self.process.poll() is not None, 'it does not end'
        assert termios.tcgetattr(self.theirs) == self.before, 'the terminal is left in another mode'
        os.close(self.own)
        os.close(self.theirs)


def step():
    whole = ladder(LOST)
    terminal = Terminal('-r', LOST, '--step')
    first = terminal.screen()
    assert 'step 1 of' in first and 'FIN_WAIT_1' in first and 'FIN_WAIT_2' not in first, first
    second = terminal.key(' ')
    assert 'step 2 of' in second and 'FIN_WAIT_2' in second and 'TIME_WAIT' not in second, second
    back = terminal.key('\033[D')
    assert 'step 1 of' in back and 'FIN_WAIT_2' not in back, back
    last = terminal.key('e')
    assert last.partition('\n[step')[0] == whole, last
    assert 'space, right' in terminal.key('?')
    assert 'step 1 of' in terminal.key('g')
    terminal.resize(60)
    assert terminal.key('e').partition('\n[step')[0] == ladder(LOST, 60), 'not as wide as the terminal now is'
    terminal.end(lambda: os.write(terminal.own, b'q'))
    assert terminal.process.returncode == 0


def step_is_ended():
    """The terminal is left as it was, whatever ends it; the status is that of the file."""
    def by(number):
        return lambda: terminal.process.send_signal(number)
    for end in (lambda: os.write(terminal.own, b'\x03'), by(signal.SIGTERM), by(signal.SIGHUP),
                by(signal.SIGQUIT)):
        terminal = Terminal('-r', LOST, '--step')
        terminal.screen()
        assert terminal.mode() != terminal.before
        terminal.end(end)
        assert terminal.process.returncode == 0, terminal.process.returncode


def step_is_stopped():
    terminal = Terminal('-r', LOST, '--step', shell=(sys.executable, os.path.abspath(__file__), '--control'))
    assert 'step 2 of' in (terminal.screen() and terminal.key(' '))
    raw = terminal.mode()
    os.write(terminal.own, b'\x1a')
    terminal.says(b'STOPPED')
    assert terminal.mode() == terminal.before, 'stopped, it keeps its mode'
    terminal.process.send_signal(signal.SIGUSR1)
    assert 'step 2 of' in terminal.screen() and terminal.mode() == raw
    assert 'step 3 of' in terminal.key('j')
    terminal.end(lambda: os.write(terminal.own, b'q'))
    assert terminal.process.returncode == 0


def step_is_resized():
    """Without a key."""
    terminal = Terminal('-r', LOST, '--step')
    terminal.screen()
    terminal.key('e')
    for columns in (60, 200, 40, 120):
        terminal.resize(columns)
        page = terminal.screen()
        assert page.partition('\n[step')[0] == ladder(LOST, columns), f'not {columns} columns: {page}'
    terminal.end(lambda: os.write(terminal.own, b'q'))


def step_loses_its_terminal():
    terminal = Terminal('-r', LOST, '--step')
    terminal.screen()
    os.close(terminal.theirs)
    os.close(terminal.own)
    assert terminal.process.wait(60) in (0, 2), terminal.process.returncode


def refusals():
    for arguments, words in ((('-r', LOST, '--step'), '--step needs a terminal'),
                             (('--predict',), '--predict looks at a file'),
                             (('-r', '-', '--predict'), 'asks on stdin'),
                             (('-r', LOST, '--worksheet', '-q'), 'it excludes -q'),
                             (('-r', LOST, '--worksheet', '--predict'), 'exclude each other')):
        done = run(*arguments)
        assert done.returncode == 2 and words in done.stderr and not done.stdout, done


def main():
    checks = (worksheet, widths, predict, step, step_is_ended, step_is_stopped, step_is_resized,
              step_loses_its_terminal, refusals)
    print(f'1..{len(checks)}')
    for number, check in enumerate(checks, 1):
        try:
            check()
            print(f'ok {number} - {check.__name__}')
        except (AssertionError, subprocess.TimeoutExpired) as failure:
            line = failure.__traceback__.tb_next.tb_lineno
            print(f'not ok {number} - {check.__name__}, line {line}\n# ' + str(failure).replace('\n', '\n# '))


main()
