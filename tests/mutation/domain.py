#!/usr/bin/env python3
"""Runs the domain's unit tests against the mutants that cargo-mutants makes of it (`cargo install --locked cargo-mutants`).

    tests/mutation/domain.py                  all mutants; the survivors are listed
    tests/mutation/domain.py --every 12       a sample
    tests/mutation/domain.py --only FILE      mutants of files whose name has that part
    tests/mutation/domain.py --again LOG      those that survived in an earlier run's output
    tests/mutation/domain.py --quick          without those that have to be compiled by themselves

cargo-mutants would compile the domain once for each. As in judge.py they are compiled into one binary, where a variable
of the environment chooses; only what cannot be chosen so (constant functions, functions that return an `impl`) is
compiled by itself. What does not compile is no mutant.
Survivors that were looked at and are the same as the original stand in domain-survivors.txt, with the reason.
"""

import argparse
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import judge

LOOKED_AT = Path(__file__).with_name("domain-survivors.txt")


def offset(text, place):
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[:place["line"] - 1]) + place["column"] - 1


def listed():
    """What cargo-mutants lists: (file, name without the place, begin, end, replacement), and the texts."""
    done = subprocess.run(["cargo", "mutants", "--list", "--json", "--package", "lightning-sync-domain"], cwd=judge.ROOT,
                          capture_output=True, text=True, check=True)
    texts, found, seen = {}, [], {}
    for one in json.loads(done.stdout):
        file = str(Path(one["file"]).relative_to("src/domain"))
        text = texts.setdefault(file, (judge.ROOT / one["file"]).read_text())
        begin, end = (offset(text, one["span"][at]) for at in ("start", "end"))
        what = one["name"].split(": ", 1)[1]
        seen[file, what] = seen.get((file, what), 0) + 1
        if seen[file, what] > 1:
            what += f" ({seen[file, what]})"
        found.append((file, what, begin, end, one["replacement"]))
    return texts, found


def outermost(text):
    """The functions that lie in no other."""
    upto = 0
    for name, begin, end, chooses in judge.functions(text):
        if begin >= upto:
            upto = end
            yield name, begin, end, chooses


def sorted_out(texts, found):
    """Mutants for one binary, as judge.py takes them, and those that are compiled alone."""
    bodies = {file: list(outermost(text)) for file, text in texts.items()}
    together, alone = [], []
    for number, (file, what, begin, end, replacement) in enumerate(found, 1):
        text = texts[file]
        place = [it for it in bodies[file] if it[1] <= begin and end <= it[2] or it[1] <= end <= it[2] and text[begin:it[1]].isspace()]
        mutant = judge.Mutant(file, "", what, "")
        mutant.number, mutant.span, mutant.replacement = number, (begin, end), replacement
        if not place or not place[0][3]:
            alone.append(mutant)
            continue
        name, first, last, _ = place[0]
        mutant.function = name
        mutant.body = text[first:max(first, begin)] + replacement + "\n" * (begin < first) + text[end:last]
        together.append(((first, last), mutant))
    return together, alone


def survives(binary, mutant, number):
    """The tests of its own file first: most mutants die there."""
    own = Path(mutant.file).with_suffix("").name + "::"
    return not (judge.noticed(binary, number, [own])[0] or judge.noticed(binary, number, [])[0])


def survives_alone(texts, mutant):
    """Whether a mutant survives that is compiled by itself; `None`: it does not compile."""
    directory = judge.target() / "mutants-of-judge"
    for file, text in texts.items():
        (directory / file).write_text(text)
    text, (begin, end) = texts[mutant.file], mutant.span
    (directory / mutant.file).write_text(text[:begin] + mutant.replacement + text[end:])
    binary, objections = judge.build(directory)
    return None if objections else survives(binary, mutant, 0)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--every", type=int, default=1, help="one of so many mutants")
    arguments.add_argument("--start", type=int, default=0, help="the first of them")
    arguments.add_argument("--only", default="", help="part of a file's name")
    arguments.add_argument("--again", type=Path, help="the output of an earlier run")
    arguments.add_argument("--quick", action="store_true", help="leave out what is compiled by itself")
    arguments.add_argument("--jobs", type=int, default=2)
    options = arguments.parse_args()
    if not shutil.which("cargo-mutants"):
        sys.exit("cargo-mutants is missing: cargo install --locked cargo-mutants")
    texts, found = listed()
    found = [one for one in found if options.only in one[0]][options.start::options.every]
    together, alone = sorted_out(texts, found)
    if options.again:
        earlier = {line.split(": ", 1)[1] for line in options.again.read_text().splitlines() if line.startswith("survives")}
        together = [one for one in together if str(one[1]) in earlier]
        alone = [one for one in alone if str(one) in earlier]
    binary, compiled = judge.prepare(together, texts, quiet=True)
    kept = {mutant.number for mutant in compiled}
    alone += [mutant for _, mutant in together if mutant.number not in kept]
    failed, output = judge.noticed(binary, 0, [])
    if failed:
        sys.exit(f"the tests fail without any mutation:\n{output}")
    looked_at = {line for line in LOOKED_AT.read_text().splitlines() if not line.startswith(" ")} if LOOKED_AT.exists() else set()
    survivors, total, unviable = [], len(compiled), 0

    def note(mutant):
        survivors.append(mutant)
        print(f"survives{' (looked at)' if str(mutant) in looked_at else ''}: {mutant}", flush=True)

    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, lives in zip(compiled, pool.map(lambda mutant: survives(binary, mutant, mutant.number), compiled)):
            if lives:
                note(mutant)
    print(f"{len(compiled)} in one binary; {len(alone)} by themselves", flush=True)
    if options.quick:
        alone = []
    for mutant in alone:
        lives = survives_alone(texts, mutant)
        total += lives is not None
        unviable += lives is None
        if lives:
            note(mutant)
    new = [mutant for mutant in survivors if str(mutant) not in looked_at]
    print(f"{total} mutants, {total - len(survivors)} killed, {len(survivors) - len(new)} survive and were looked at, "
          f"{len(new)} survive; {unviable} more do not compile")
    sys.exit(len(survivors) * 100 > total * 3)


if __name__ == "__main__":
    main()
