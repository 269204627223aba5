#!/usr/bin/env python3
"""Mutants of the tables that claims rest on: a row less, a clue or a guard less, two neighbours
exchanged. Each is built in a copy of its own, and a unit test has to be red. Prints those that none
notices, but for the ones that mean the same (EQUIVALENT), and ends with 1 if there are any.

    mutate_tables.py [TABLE]...   some minutes; TABLE: loss, reset, ending, witness
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The file, the table in it, the columns that are guards, what a guard that is not there looks like,
# and the tests that may notice.
TABLES = {
    "loss": ("common/model/loss.c", "rules", (0, 1), "0", ["loss_table", "loss"]),
    "reset": ("common/model/reset.c", "rules", (0, 1), "0", ["reset"]),
    "ending": ("common/model/verdict.c", "endings", (0, 1), "0", ["verdict"]),
    "witness": ("common/model/witness.c", "pairs", (0, 1, 2, 3, 4), "TCPS_COUNT", ["witness"]),
}
# No input tells these apart: two neighbours that never fit both, or say the same where they do; a
# guard that another implies.
EQUIVALENT = {
    # A copy that an answer without D-SACK echoes is what it answers, where SACK is permitted.
    "loss": ["rows 8 and 9 exchanged"],
    # A state each; the wait is for the second FIN alone; ACK, or none; the same cause and words.
    "reset": ["rows %d and %d exchanged" % (i, i + 1) for i in (5, 7, 8, 10, 11, 14, 15, 17)],
    # Crossed or coalesced; refused before any FIN; the second FIN follows on the first.
    "ending": ["rows 0 and 1 exchanged", "rows 2 and 3 exchanged", "rows 5 and 6 exchanged"],
    # A state of the model or of the kernel each; what follows on LAST_ACK, and on CLOSING.
    "witness": ["rows %d and %d exchanged" % (i, i + 1) for i in range(4)] +
               ["row 4 without TCPS_CLOSED in column 0", "row 4 without TCPS_TIME_WAIT in column 1"],
}


def blank(text):
    """The same, with blanks for what is in comments and strings."""
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def split(text, at, end, comma=","):
    """Where what stands between commas begins and ends."""
    parts = []
    for i in range(at, end):
        if text[i] == comma:
            parts.append((at, i))
            at = i + 1
    return parts + [(at, end)]


def rows_of(masked, table):
    """Each row: where it begins and ends, with its comma, and the same of its columns."""
    at, rows = re.search(r"\} %s\[\] = \{" % table, masked).end(), []
    for m in re.finditer(r"\{([^{}]*)\},?|\}", masked[at:]):
        if m[1] is None:
            return rows
        rows.append((at + m.start(), at + m.end(), split(masked, at + m.start(1), at + m.end(1))))


def mutants_of(text, table, guards, none):
    rows = rows_of(blank(text), table)
    for i, (begin, end, columns) in enumerate(rows):
        if i + 1 < len(rows) or none != "0":  # the last one of a table of clues fits always
            yield "row %d dropped" % i, text[:begin] + text[end:]
        if i + 1 < len(rows):
            after, last = rows[i + 1][:2]
            yield ("rows %d and %d exchanged" % (i, i + 1),
                   text[:begin] + text[after:last] + text[end:after] + text[begin:end] + text[last:])
        for column in guards:
            at, to = columns[column]
            words = [word.strip() for word in text[at:to].split("|")]
            for word in words:
                if word in (none, "0", "false"):
                    continue
                left = " | ".join(w for w in words if w != word) or ("false" if word == "true" else none)
                yield "row %d without %s in column %d" % (i, word, column), text[:at] + " " + left + text[to:]


def copy_tree(copy):
    """What it takes to build the tests and capture."""
    for layer in ("common", "capture", "tests"):
        shutil.copytree(os.path.join(ROOT, layer), os.path.join(copy, layer))
    shutil.copy2(os.path.join(ROOT, "Makefile"), copy)


def build(copy, *what):
    if subprocess.run(["make", "-s", "STRICT=1", *what], cwd=copy, stdout=subprocess.DEVNULL,
                      check=False).returncode:
        sys.exit("a mutant cannot be built")


def is_red(copy, program):
    try:
        return subprocess.run(program, cwd=copy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=20, check=False).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def is_noticed(copy, tests):
    for test in tests:
        program = "build/strict/tests/test_" + test
        build(copy, program)
        if is_red(copy, program):
            return True
    return False


def main():
    failed = False
    with tempfile.TemporaryDirectory() as copy:
        copy_tree(copy)
        for name in sys.argv[1:] or TABLES:
            path, table, guards, none, tests = TABLES[name]
            path = os.path.join(copy, path)
            with open(path, encoding="utf-8") as file:
                right = file.read()
            if is_noticed(copy, tests):
                sys.exit("%s is red as it is" % tests)
            unseen, n = [], 0
            for what, wrong in mutants_of(right, table, guards, none):
                n += 1
                with open(path, "w", encoding="utf-8") as file:
                    file.write(wrong)
                if not is_noticed(copy, tests):
                    unseen.append(what)
            with open(path, "w", encoding="utf-8") as file:
                file.write(right)
            new = [what for what in unseen if what not in EQUIVALENT[name]]
            killed = [what for what in EQUIVALENT[name] if what not in unseen]
            print("%s: %d mutants, %d killed, %d mean the same" % (
                name, n, n - len(unseen), len(unseen) - len(new)))
            for what in new:
                print("  nobody notices: " + what)
            for what in killed:
                print("  is noticed, and yet said to mean the same: " + what)
            failed = failed or new or killed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
