#!/usr/bin/env python3
"""Mutates every comparison, condition and constant of the judgement and runs the domain's unit tests against each mutant.

A mutant that no test notices survives: a limit that could be wrong without anybody seeing it.

    tests/mutation/judge.py                  all mutants; the survivors are listed
    tests/mutation/judge.py --every 12       a sample
    tests/mutation/judge.py --only NAME      mutants of functions whose name has that part

All mutants are compiled into one binary: in a copy of the domain, a function's body is there once for each of its
mutants, and a variable of the environment chooses. What does not compile is noticed by the compiler and left out.
Survivors that were looked at and are the same as the original stand in judge-survivors.txt, with the reason.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = ROOT / "src/domain"
FILES = ["judge.rs", "incidents.rs", "rhythm.rs"]
LOOKED_AT = Path(__file__).with_name("judge-survivors.txt")
CHOICE = "LIGHTNING_SYNC_MUTANT"

FUNCTION = re.compile(r"^( *)(?:pub(?:\([a-z]+\))? )?(const )?fn (\w+)", re.MULTILINE)
SKIPPED = re.compile(r"//[^\n]*|\"(?:[^\"\\]|\\.)*\"")

# What is replaced, and by what. rustfmt puts spaces around every operator and none inside `<T>`, `->` and `=>`.
COMPARISONS = {"<": ["<=", ">"], "<=": ["<", ">"], ">": [">=", "<"], ">=": [">", "<"], "==": ["!="], "!=": ["=="],
               "&&": ["||"], "||": ["&&"]}
METHODS = {"min": "max", "max": "min", "plus": "minus", "minus": "plus", "is_some": "is_none", "is_none": "is_some",
           "is_some_and": "is_none_or", "is_none_or": "is_some_and", "any": "all", "all": "any"}
WORDS = {"true": "false", "false": "true", "Severity::Critical": "Severity::Warning", "Severity::Warning": "Severity::Info",
         "Severity::Info": "Severity::Warning", "Settle::QuarterHour": "Settle::Hour", "Settle::Hour": "Settle::SixOfDay",
         "Settle::SixOfDay": "Settle::Hour", "Timestamp::MAX": "Timestamp::MIN", "matches!": "!matches!"}
SPAN = r"(?:[A-Za-z]+::)?(?:HOUR|DAY|[A-Z_]+_(?:WARNING|INFO|FOR|AFTER)|SAME_INCIDENT)\b"

RULES = [
    (re.compile(r"(?<= )(<=|>=|==|!=|<|>|&&|\|\|)(?= )"), lambda found: COMPARISONS[found]),
    (re.compile(r"(?<=\.)(" + "|".join(sorted(METHODS, key=len, reverse=True)) + r")(?=\()"), lambda found: [METHODS[found]]),
    (re.compile(r"\b(" + "|".join(re.escape(word) for word in WORDS) + r")(?!\w)"), lambda found: [WORDS[found]]),
    (re.compile(r"(?<![\w=])!(?=[a-z(*])(?!matches)"), lambda found: [""]),
    (re.compile(r"(?<![\w.:])\d+(?![\w.])"), lambda found: [str(int(found) + 1)]),
    # Conditions negated: of `if`, of a match arm, of a closure that chooses, and of what makes an Option.
    (re.compile(r"(?<=\bif )(?!let\b)[^{};]+?(?= \{\n)"), lambda found: negated(found)),
    (re.compile(r"(?<= if )(?!let\b)[^{};]+?(?= =>)"), lambda found: negated(found)),
    (re.compile(r"\.then(_some)?(?=\()"), lambda found: [f".not(){found}"]),
    (re.compile(r"(?<![\w:])" + SPAN), lambda found: [f"({found} * 2)", f"({found} / 2)"]),
]


CHOOSES = re.compile(r"\.(?:filter|any|all|find|retain|take_while|skip_while|is_some_and|is_none_or)\(\|[^|]*\| ")


def negated(condition):
    """Nothing where `let` binds what comes after it, or where it is the negation that is taken away anyway."""
    left_out = re.search(r"\blet\b|=>", condition) or re.fullmatch(r"![^\s!]+", condition)
    return [] if left_out else [f"!({condition})"]


def closures(body):
    """(from, to, replacement) for every closure that chooses: its result negated."""
    for match in CHOOSES.finditer(body):
        depth, at = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(body[at], 0)
            at += 1
        end = at - 1
        text = body[match.end():end].rstrip().rstrip(",")
        if not text.startswith("!"):
            yield match.end(), end, f"!({text})"


def functions(text):
    """(name, where its body begins, where it ends, whether it can choose) of every function that rustfmt has laid out."""
    for match in FUNCTION.finditer(text):
        margin = match.group(1)
        end = text.index(f"\n{margin}}}\n", match.end()) + 1
        head = re.compile(r" \{\n").search(text, match.end())
        # A constant function reads no variable of the environment, and what is behind an `impl` is one type.
        chooses = not match.group(2) and "-> impl " not in text[match.end():head.end()]
        yield match.group(3), head.end(), end, chooses


def places(body):
    """(from, to, replacement) of every mutation of a body."""
    covered = [match.span() for match in SKIPPED.finditer(body)]
    for pattern, replacements in RULES:
        for match in pattern.finditer(body):
            begin, end = match.span()
            if any(start <= begin < stop for start, stop in covered):
                continue
            line_begin = body.rfind("\n", 0, begin) + 1
            line = body[line_begin:body.find("\n", end)]
            # A pattern that is another one no longer covers all there is; how much room a list gets changes nothing.
            arm = line.find(" => ")
            guard = line.find(" if ")
            in_pattern = begin - line_begin < arm and not -1 < guard < begin - line_begin
            if in_pattern or "with_capacity" in line:
                continue
            for replacement in replacements(match.group()):
                yield begin, end, replacement
    for begin, end, replacement in closures(body):
        if not any(start <= begin < stop for start, stop in covered):
            yield begin, end, replacement


class Mutant:
    def __init__(self, file, function, what, body):
        self.file, self.function, self.what, self.body = file, function, what, body
        self.number = 0

    def __str__(self):
        return f"{self.file} {self.function}: {self.what}"


def mutants_of(file, text):
    seen = {}
    for name, begin, end, chooses in functions(text):
        body = text[begin:end] if chooses else ""
        for start, stop, replacement in sorted(places(body)):
            line_begin = body.rfind("\n", 0, start) + 1
            line_end = body.find("\n", stop)
            line = body[line_begin:line_end].strip()
            before = body[line_begin:start].strip()[-24:]
            what = f"{before}[{body[start:stop]} to {replacement or 'nothing'}] in {line}"
            key = (name, what)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > 1:
                what += f" ({seen[key]})"
            uses = "use std::ops::Not as _;\n" if replacement.startswith(".not()") else ""
            yield (begin, end), Mutant(file, name, what, uses + body[:start] + replacement + body[stop:])


def generated(file, text, chosen):
    """The file with all chosen mutants in it, and at which lines each of them stands."""
    by_place = {}
    for place, mutant in chosen:
        by_place.setdefault(place, []).append(mutant)
    out, at, lines = [], 0, []

    def put(piece):
        out.append(piece)

    for (begin, end), mutants in sorted(by_place.items(), key=lambda item: item[0]):
        put(text[at:begin])
        put("match crate::mutant::chosen() {\n")
        for mutant in mutants:
            first = "".join(out).count("\n") + 1
            put(f"{mutant.number} => {{\n{mutant.body}}}\n")
            lines.append((first, "".join(out).count("\n") + 1, mutant))
        put(f"_ => {{\n{text[begin:end]}}}\n}}\n")
        at = end
    put(text[at:])
    return "".join(out), lines


MODULE = f"""//! Which mutant is alive.

pub(crate) fn chosen() -> usize {{
    static CHOSEN: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| std::env::var("{CHOICE}").ok().and_then(|text| text.parse().ok()).unwrap_or(0))
}}
"""


def manifest():
    """A package of its own with the domain's dependencies, and the profile that they are built with anyway."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())
    package = tomllib.loads((DOMAIN / "Cargo.toml").read_text())
    lines = ["[workspace]", "[package]", 'name = "lightning-sync-mutants"', 'version = "0.0.0"', 'edition = "2024"', "publish = false",
             "[lib]", 'path = "mod.rs"', "[profile.dev]", "opt-level = 0", "debug = false", "incremental = false",
             '[profile.dev.package."*"]', "opt-level = 2", "debug = false", "[dependencies]"]
    for name in package["dependencies"]:
        spec = workspace["workspace"]["dependencies"][name]
        spec = {"version": spec} if isinstance(spec, str) else spec
        lines.append(f"{name} = {{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in spec.items())} }}")
    return "\n".join(lines) + "\n"


def build(directory):
    """The test binary, or the lines at which the compiler objects, by file."""
    done = subprocess.run(
        ["cargo", "test", "--offline", "--lib", "--no-run", "--message-format=json", "--quiet", "--target-dir", str(target())],
        cwd=directory, capture_output=True, text=True, env={**os.environ, "RUSTFLAGS": os.environ.get("RUSTFLAGS", "")})
    binary, objections = None, {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            binary = message["executable"]
        if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
            for span in message["message"]["spans"]:
                if span["is_primary"]:
                    objections.setdefault(span["file_name"], set()).add(span["line_start"])
    if binary is None and not objections:
        sys.exit(f"the copy of the domain cannot be built:\n{done.stderr}")
    return binary, objections


def target():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def prepare(mutants, texts, quiet=False):
    """A binary with all mutants that compile, and those mutants."""
    directory = target() / "mutants-of-judge"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(DOMAIN, directory)
    (directory / "Cargo.toml").write_text(manifest())
    shutil.copy(ROOT / "Cargo.lock", directory / "Cargo.lock")
    (directory / "mutant.rs").write_text(MODULE)
    root = directory / "mod.rs"
    root.write_text(root.read_text() + "\nmod mutant;\n")
    while True:
        where = {}
        for file, text in texts.items():
            code, where[file] = generated(file, text, [one for one in mutants if one[1].file == file])
            (directory / file).write_text(code)
        binary, objections = build(directory)
        if not objections:
            return binary, [mutant for _, mutant in mutants]
        refused = {mutant.number for file, lines in objections.items() for line in lines
                   for first, last, mutant in where.get(Path(file).name, []) if first <= line <= last}
        if not refused:
            sys.exit(f"the copy of the domain does not compile: {objections}")
        for _, mutant in mutants:
            if mutant.number in refused and not quiet:
                print(f"does not compile: {mutant}", flush=True)
        mutants = [one for one in mutants if one[1].number not in refused]


JUDGEMENT = ["judge::", "incidents::", "source_state::", "rhythm::"]


def noticed(binary, number, tests):
    environment = {**os.environ, CHOICE: str(number), "RUST_BACKTRACE": "0"}
    try:
        done = subprocess.run([binary, "--test-threads=1", "--quiet", *tests], capture_output=True, text=True, timeout=120, env=environment)
    except subprocess.TimeoutExpired:
        return True, "takes too long"
    return done.returncode != 0, done.stdout


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--every", type=int, default=1, help="one of so many mutants")
    arguments.add_argument("--start", type=int, default=0, help="the first of them")
    arguments.add_argument("--only", default="", help="part of a function's name")
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--list", action="store_true", help="list the mutants, run nothing")
    options = arguments.parse_args()
    texts = {file: (DOMAIN / file).read_text() for file in FILES}
    mutants = [one for file, text in texts.items() for one in mutants_of(file, text)]
    for number, (_, mutant) in enumerate(mutants, 1):
        mutant.number = number
    mutants = [one for one in mutants if options.only in one[1].function][options.start::options.every]
    if options.list:
        for _, mutant in mutants:
            print(mutant)
        print(len(mutants))
        return
    looked_at = set()
    if LOOKED_AT.exists():
        looked_at = {line for line in LOOKED_AT.read_text().splitlines() if line and not line.startswith(("#", " "))}
    binary, mutants = prepare(mutants, texts)
    failed, output = noticed(binary, 0, JUDGEMENT)
    if failed:
        sys.exit(f"the tests fail without any mutation:\n{output}")
    survivors, known = [], []
    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, (killed, _) in zip(mutants, pool.map(lambda mutant: noticed(binary, mutant.number, JUDGEMENT), mutants)):
            if not killed:
                (known if str(mutant) in looked_at else survivors).append(mutant)
                print(f"survives{' (looked at)' if str(mutant) in looked_at else ''}: {mutant}", flush=True)
    total = len(mutants)
    print(f"{total} mutants, {total - len(survivors) - len(known)} killed, {len(known)} survive and were looked at, {len(survivors)} survive")
    sys.exit(len(survivors) * 100 > total * 3)


if __name__ == "__main__":
    main()
