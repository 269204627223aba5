#!/usr/bin/env python3
"""Mutants of the conditions beside the tables that claims rest on (mutate_tables.py): one that is always
true, or never; one of several joined by && or || that says nothing any more. Each is built in a copy of its
own, and a unit test or a case of cases.txt has to be red. Prints those that none notices, but for the
ones that mean the same (EQUIVALENT), and ends with 1 if there are any.

    mutate_guards.py FILE...   of common/model, without .c; two seconds for each of a hundred or two
"""
import os
import re
import subprocess
import sys
import tempfile

from mutate_tables import blank, build, copy_tree, is_red

TESTS = ["loss_table", "loss", "reset", "verdict", "verdict_rules", "witness", "journey", "model", "claims"]
# Of the kernel no case can speak: files have none.
ALONE = {"witness"}
CAPTURE = "build/strict/capture"
# No input tells these apart.
EQUIVALENT = {
    # While nobody has closed there is no such end: what is read then lies outside the array, and no FIN
    # was captured of which it could say anything.
    "connection": ["false: m->first_closer == END_NONE", "false: sender == END_NONE"],
    # What is noted of an answer that is not there yet goes when it comes.
    "loss": ["false: fin->answers == 0"],
    # The same of who sent a RST: the path of nobody is that of the RST itself.
    "verdict": ["false: m->rst_path_from == END_NONE"],
    # Where nothing differs, weighing comes to the same: it is left out to be quick.
    "witness": ["true: a->n != a->path.n", "true: a->path.at[i].state != kernel_state(a, i)", "true: !says_the_same(&a)"],
}


def stretches(masked):
    """What stands between brackets, commas and the like: where it begins and ends, and whether it is a
    condition by itself: that of an if, or before a question mark."""
    begin, opened, at = [0], [""], 0
    while at < len(masked):
        c = masked[at]
        if c == "#":
            while masked[at] != "\n" or masked[at - 1] == "\\":
                at += 1
            begin[-1] = at
        elif c in "([{":
            word = re.search(r"(\w+) *$", masked[:at])
            opened.append(word[1] if c == "(" and word else "")
            begin.append(at + 1)
        elif c in ")]}":
            yield begin.pop(), at, opened.pop() == "if"
            if c == "}":
                begin[-1] = at + 1
        elif c in ";,?:":
            yield begin[-1], at, c == "?"
            begin[-1] = at + 1
        elif c == "=" and masked[at + 1] != "=" and masked[at - 1] not in "=!<>|+-*/&^%":
            begin[-1] = at + 1
        elif re.match(r"\breturn\b", masked[at:]) and not re.match(r"\w", masked[at - 1]):
            at += len("return")
            begin[-1] = at
            continue
        at += 1


def parts_of(masked, begin, end, operator):
    depth, parts, at = 0, [], begin
    for i in range(begin, end):
        depth += (masked[i] in "([{") - (masked[i] in ")]}")
        if depth == 0 and masked.startswith(operator, i):
            parts.append((at, i))
            at = i + len(operator)
    return parts + [(at, end)]


def mutants_of(text):
    masked, seen = blank(text), set()

    def mutant(begin, end, value):
        part = text[begin:end].strip()
        begin += len(text[begin:end]) - len(text[begin:end].lstrip())
        end = begin + len(part)
        if (begin, end, value) in seen or re.match(r"(if|for|while|else|switch|case)\b", part):
            return
        seen.add((begin, end, value))
        anyway = "|| true" if value else "&& false"
        line = text.count("\n", 0, begin) + 1
        yield ("%s: %s" % (str(value).lower(), " ".join(part.split())), line,
               text[:begin] + "((%s) %s)" % (part, anyway) + text[end:])

    for begin, end, is_condition in stretches(masked):
        either = parts_of(masked, begin, end, "||")
        for part in either if len(either) > 1 else ():
            yield from mutant(*part, False)
        for part in either:
            both = parts_of(masked, *part, "&&")
            for one in both if len(both) > 1 else ():
                yield from mutant(*one, True)
        if is_condition:
            yield from mutant(begin, end, True)
            yield from mutant(begin, end, False)


# An index that is out of its array is noticed, too.
FAST = ("WARNINGS=", "CFLAGS=-O0 -fsanitize=bounds -fsanitize-undefined-trap-on-error")


def is_noticed(copy, name):
    programs = ["build/strict/tests/test_" + test for test in ([name] if name in ALONE else TESTS)]
    build(copy, *FAST, *programs)
    if any(is_red(copy, program) for program in programs):
        return True
    if name in ALONE:
        return False
    build(copy, *FAST, CAPTURE)
    said = subprocess.run(["python3", "tests/check_cases.py", CAPTURE], cwd=copy, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    return said.returncode != 0 or b"not ok" in said.stdout


def main():
    failed = False
    with tempfile.TemporaryDirectory() as copy:
        copy_tree(copy)
        if is_noticed(copy, ""):
            sys.exit("the tests are red as they are")
        for name in sys.argv[1:]:
            path = os.path.join(copy, "common/model", name + ".c")
            with open(path, encoding="utf-8") as file:
                right = file.read()
            n = same = unseen = 0
            for what, line, wrong in mutants_of(right):
                n += 1
                with open(path, "w", encoding="utf-8") as file:
                    file.write(wrong)
                if is_noticed(copy, name):
                    continue
                if what in EQUIVALENT.get(name, ()):
                    same += 1
                    continue
                unseen += 1
                print("  nobody notices: always %s, line %d" % (what, line), flush=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(right)
            print("%s.c: %d mutants, %d killed, %d mean the same" % (name, n, n - same - unseen, same), flush=True)
            failed = failed or unseen
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
