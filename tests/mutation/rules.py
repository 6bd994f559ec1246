#!/usr/bin/env python3
"""Mutates every clause of the rules file and runs the rules' tests against each mutant.

A mutant that no test notices survives: a clause that could be wrong without anybody seeing it.

    tests/mutation/rules.py                  all mutants; the survivors are listed
    tests/mutation/rules.py --every 12       a sample, as the tests run it
    tests/mutation/rules.py --only RECORD    mutants of one rule
    tests/mutation/rules.py --quick          recording rules by the timelines and the tests of a few alerts alone: those of the
                                             others are the same with another cause, so that at most more survive

Survivors that were looked at and are the same as the original stand in survivors.txt, with the reason.
Annotations are left out at first: they cost most of the time, and change nothing that is sent to whom. What no test notices
without them is tried once more with them: the times that they show are values of rules, too.
"""

import argparse
import copy
import os
import re
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "alerts/lightning-sync.rules.yaml"
TESTS = ROOT / "alerts/tests"
LOOKED_AT = Path(__file__).with_name("survivors.txt")

class Loader(yaml.SafeLoader):
    """YAML in which `0x60` is no number: promtool reads it as 0, sixty times more."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:int"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?\d+$"), list("-+0123456789"))

# ---- PromQL: as much of it as rules use

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:e\d+)?(?![\w:]))|(?P<range>\[[^\]]+\])|(?P<string>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<name>[A-Za-z_:][\w:]*)|(?P<duration>\d+(?:ms|[smhdwy]))|(?P<op>==|!=|>=|<=|=~|!~|[-+*/%^<>=(){},]))"
)
# Alerts whose tests are not those of others with another cause.
OWN_WAYS = {"ExporterDown", "ManyOrganizations", "NoSyncIn24Hours", "UsersFailing", "IngestRejected", "PollFailing",
            "LinkedUsersUnexpected", "StoreFailing", "RetirementNear", "SalesforceUsageUnknown"}
AGGREGATES = {"min", "max", "group", "count", "sum"}
LEVELS = [["or"], ["and", "unless"], ["==", "!=", ">", "<", ">=", "<="], ["+", "-"], ["*", "/"]]


class Parser:
    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise ValueError(f"cannot read {text[at:at + 40]!r}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        self.at = 0

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) else None

    def take(self, expected=None):
        kind, text = self.tokens[self.at]
        if expected is not None and text != expected:
            raise ValueError(f"{expected} expected, {text} found")
        self.at += 1
        return kind, text

    def whole(self):
        tree = self.binary(0)
        if self.at != len(self.tokens):
            raise ValueError(f"left over: {self.tokens[self.at:]}")
        return tree

    def names(self):
        self.take("(")
        names = []
        while self.peek() != ")":
            names.append(self.take()[1])
            if self.peek() == ",":
                self.take()
        self.take(")")
        return names

    def binary(self, level):
        if level == len(LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.peek() in LEVELS[level]:
            op = self.take()[1]
            node = {"k": "binary", "op": op, "bool": False, "on": None, "group": None, "l": left}
            if self.peek() == "bool":
                self.take()
                node["bool"] = True
            if self.peek() in ("on", "ignoring"):
                node["match"] = self.take()[1]
                node["on"] = self.names()
                if self.peek() in ("group_left", "group_right"):
                    node["group"] = self.take()[1]
                    node["include"] = self.names() if self.peek() == "(" else []
            node["r"] = self.binary(level + 1)
            left = node
        return left

    def unary(self):
        if self.peek() == "-":
            self.take()
            return {"k": "minus", "x": self.unary()}
        node = self.primary()
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "range":
            node = {"k": "range", "x": node, "span": self.take()[1][1:-1]}
        if self.peek() == "offset":
            self.take()
            node = {"k": "offset", "x": node, "span": self.take()[1]}
        return node

    def primary(self):
        kind, text = self.take()
        if text == "(":
            inner = self.binary(0)
            self.take(")")
            return {"k": "paren", "x": inner}
        if kind == "number":
            return {"k": "number", "v": text}
        if kind == "string":
            return {"k": "string", "v": text}
        if text in AGGREGATES and self.peek() in ("by", "without", "("):
            node = {"k": "aggregate", "op": text, "by": None}
            if self.peek() in ("by", "without"):
                node["how"] = self.take()[1]
                node["by"] = self.names()
            self.take("(")
            node["x"] = self.binary(0)
            self.take(")")
            return node
        if self.peek() == "(":
            self.take()
            args = []
            while self.peek() != ")":
                args.append(self.binary(0))
                if self.peek() == ",":
                    self.take()
            self.take(")")
            return {"k": "call", "f": text, "args": args}
        node = {"k": "selector", "name": text, "matchers": []}
        if text == "{":
            self.at -= 1
            node["name"] = ""
        if self.peek() == "{":
            self.take()
            while self.peek() != "}":
                node["matchers"].append((self.take()[1], self.take()[1], self.take()[1]))
                if self.peek() == ",":
                    self.take()
            self.take("}")
        return node


def text_of(node):
    kind = node["k"]
    if kind == "binary":
        op = node["op"] + (" bool" if node["bool"] else "")
        if node["on"] is not None:
            op += f" {node['match']} ({', '.join(node['on'])})"
            if node["group"]:
                op += f" {node['group']} ({', '.join(node['include'])})"
        return f"{text_of(node['l'])} {op} {text_of(node['r'])}"
    if kind == "minus":
        return f"-{text_of(node['x'])}"
    if kind == "range":
        return f"{text_of(node['x'])}[{node['span']}]"
    if kind == "offset":
        return f"{text_of(node['x'])} offset {node['span']}"
    if kind == "paren":
        return f"({text_of(node['x'])})"
    if kind in ("number", "string"):
        return node["v"]
    if kind == "aggregate":
        by = f" {node['how']} ({', '.join(node['by'])}) " if node["by"] is not None else ""
        return f"{node['op']}{by}({text_of(node['x'])})"
    if kind == "call":
        return f"{node['f']}({', '.join(text_of(arg) for arg in node['args'])})"
    matchers = ",".join(name + op + value for name, op, value in node["matchers"])
    return node["name"] + (f"{{{matchers}}}" if matchers else "")


def scaled(span, factor):
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", span).groups()
    seconds = int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit] * factor
    return f"{max(1, round(seconds))}s"


def mutants_of(node, valued=True):
    """Every mutant of a node and of what it is made of: (what was done, the tree). Where only labels count, as within `group`
    and on the right of `and` and `unless`, what would change values alone is none."""
    kind = node["k"]
    inner = node["op"] != "group" and valued if kind == "aggregate" else valued or node.get("op") in ("==", "!=", ">", "<", ">=", "<=")
    # Its children, each in its place.
    for key in ("l", "r", "x"):
        if key in node:
            for what, child in mutants_of(node[key], inner and (key != "r" or node["op"] not in ("and", "unless"))):
                yield what, {**node, key: child}
    for at, arg in enumerate(node.get("args", [])):
        for what, child in mutants_of(arg, inner):
            yield what, {**node, "args": node["args"][:at] + [child] + node["args"][at + 1:]}

    short = text_of(node)
    short = short if len(short) < 70 else short[:67] + "..."
    paren = lambda x: x if x["k"] in ("paren", "selector", "number", "call", "aggregate") else {"k": "paren", "x": x}
    if kind == "binary":
        op = node["op"]
        yield f"drop: right of {op} in {short}", paren(node["l"])
        if op in ("or", "and", "unless"):
            yield f"drop: left of {op} in {short}", paren(node["r"])
            flips = {"or": ["unless"], "and": ["unless"], "unless": ["and"]}[op]
        else:
            flips = {"==": ["!="], "!=": ["=="], ">": [">=", "<"], "<": ["<=", ">"], ">=": [">"], "<=": ["<"],
                     "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"]}[op]
        for flip in flips:
            mutant = {**node, "op": flip}
            if op == "or":
                mutant["on"] = node["on"]
            yield f"flip: {op} to {flip} in {short}", mutant
        for name in node["on"] or []:
            rest = [other for other in node["on"] if other != name]
            yield f"label: {name} out of {op} {node['match']} in {short}", {**node, "on": rest}
    elif kind == "aggregate":
        flip = {"min": "max", "max": "min", "count": "group", "sum": "max"}.get(node["op"])
        if flip and valued:
            yield f"flip: {node['op']} to {flip} in {short}", {**node, "op": flip}
        for name in node["by"] or []:
            yield f"label: {name} out of by in {short}", {**node, "by": [n for n in node["by"] if n != name]}
    elif kind == "minus":
        yield f"drop: minus in {short}", node["x"]
    elif kind == "range":
        for factor in (0.25, 4):
            yield f"offset: {node['span']} times {factor} in {short}", {**node, "span": scaled(node["span"], factor)}
    elif kind == "offset":
        yield f"drop: offset in {short}", node["x"]
        for factor in (0.25, 4):
            yield f"offset: offset {node['span']} times {factor} in {short}", {**node, "span": scaled(node["span"], factor)}
    elif kind == "number":
        value = float(node["v"])
        # Counts by one; seconds, of which an evaluation every minute does not see one, by a factor; 0 by a date: what is
        # compared with it is seconds since 1970, or a count.
        others = {4e9, -4e9} if value == 0 else {value / 2, value * 2} if value >= 60 else {value + 1, value - 1} | ({value * 2, value / 2} if value > 1 else set())
        for other in sorted(others):
            if f"{other:g}" == f"{value:g}":
                continue
            yield f"threshold: {node['v']} to {other:g}", {**node, "v": f"{other:g}" if other >= 0 else f"(0 - {-other:g})"}
    elif kind == "call":
        flip = {"last_over_time": "min_over_time", "max_over_time": "min_over_time", "changes": "resets", "increase": "rate"}.get(node["f"])
        if flip and valued:
            yield f"flip: {node['f']} to {flip} in {short}", {**node, "f": flip}
        if node["f"] in ("abs", "label_replace", "absent", "scalar"):
            yield f"drop: {node['f']} in {short}", node["args"][0]
    elif kind == "selector":
        for at, (name, op, value) in enumerate(node["matchers"]):
            rest = node["matchers"][:at] + node["matchers"][at + 1:]
            if rest or node["name"]:
                yield f"label: without {name} in {short}", {**node, "matchers": rest}
            flip = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}[op]
            yield f"flip: {name}{op} to {flip} in {short}", {**node, "matchers": rest + [(name, flip, value)]}


def mutants_of_file(document):
    """(rule, what, place in the list, the changed rule); no two alike, nor two of one name."""
    for at, rule in enumerate(document["groups"][0]["rules"]):
        name = rule.get("record") or rule["alert"]
        tree = Parser(rule["expr"]).whole()
        seen, named = {text_of(tree)}, {}
        for what, mutant in mutants_of(tree):
            text = text_of(mutant)
            if text not in seen:
                seen.add(text)
                named[what] = named.get(what, 0) + 1
                number = f" ({named[what]})" if named[what] > 1 else ""
                yield name, what + number, at, {**rule, "expr": text}
        if "for" in rule:
            without = {key: value for key, value in rule.items() if key != "for"}
            yield name, "drop: for", at, without
            for factor in (0.5, 2):
                # Shorter than what lies between two evaluations is no time at all, which is tried above.
                if minutes(rule["for"]) * factor < 1:
                    continue
                yield name, f"threshold: for times {factor}", at, {**rule, "for": scaled(rule["for"], factor)}
        for label, value in rule.get("labels", {}).items():
            other = "warning" if value != "warning" else "critical"
            yield name, f"label: {label} {value} to {other}", at, {**rule, "labels": {label: other}}


# ---- running the tests

def minutes(span):
    seconds = sum(int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
                  for number, unit in re.findall(r"(\d+)([smhd])", str(span)))
    return seconds / 60


def tests_one_by_one():
    """(file, number within it, its price, the test without annotations, all names in it, the test with annotations or None),
    the short ones first."""
    tests = []
    for path in sorted(TESTS.glob("*.test.yaml")):
        document = yaml.load(path.read_text(), Loader)
        for number, test in enumerate(document["tests"]):
            annotated = {**document, "tests": [copy.deepcopy(test)]}
            found = [alert.pop("exp_annotations", None) for expected in test.get("alert_rule_test", [])
                     for alert in expected.get("exp_alerts", [])]
            ends = [minutes(one["eval_time"]) for key in ("alert_rule_test", "promql_expr_test") for one in test.get(key, [])]
            cost = max(ends) / minutes(document["evaluation_interval"]) * (3 + len(test.get("input_series") or []))
            tests.append((path.name.removesuffix(".test.yaml"), number, cost, {**document, "tests": [test]}, yaml.safe_dump(test),
                          annotated if any(found) else None))
    return sorted(tests, key=lambda test: test[2])


def read_by(spoken, rules):
    """The rules that a test's text names, and those that they read: others would only take time. Where a test expects that
    nothing fires and names no alert, that is all of them."""
    wanted = {at for at, rule in enumerate(rules) if (rule.get("alert") or rule["record"]) in spoken}
    if "ALERTS" in spoken and not any("alert" in rules[at] for at in wanted):
        return rules
    while True:
        texts = " ".join(f"{rules[at]['expr']} {rules[at].get('annotations', '')}" for at in wanted)
        more = {at for at, rule in enumerate(rules) if rule.get("record", "\n") in texts} - wanted
        if not more:
            return [rule for at, rule in enumerate(rules) if at in wanted]
        wanted |= more


class Runner:
    def __init__(self, directory, document):
        self.directory = Path(directory)
        self.annotations = [rule.get("annotations") for rule in document["groups"][0]["rules"]]
        rules = [{key: value for key, value in rule.items() if key != "annotations"} for rule in document["groups"][0]["rules"]]
        self.document = {"groups": [{**document["groups"][0], "rules": rules}]}
        self.tests = tests_one_by_one()
        self.quick = False
        self.kills = {test[:2]: 0 for test in self.tests}
        self.last = {}
        self.lock = threading.Lock()

    def passes(self, test, group, rules, annotated=False):
        spoken = test[4]
        if annotated:
            pairs = zip(group["rules"], self.annotations)
            group = {**group, "rules": [{**rule, "annotations": texts} if texts else rule for rule, texts in pairs]}
        group = {**group, "rules": read_by(spoken, group["rules"])}
        return self.run(test, group, test[5] if annotated else test[3], rules)

    def run(self, test, group, document, rules):
        own = rules.with_suffix(f".{test[0]}.{test[1]}.rules.yaml")
        own.write_text(yaml.safe_dump({"groups": [group]}, sort_keys=False, width=10000))
        file = rules.with_suffix(f".{test[0]}.{test[1]}.test.yaml")
        document = {**document, "rule_files": [str(own)]}
        file.write_text(yaml.safe_dump(document, sort_keys=False, width=10000))
        try:
            # A mutant can match everything with everything; a test of the original takes seconds.
            done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, timeout=300,
                                  env={**os.environ, "GOGC": "400", "GOMAXPROCS": "1"})
        except subprocess.TimeoutExpired:
            return False, "takes too long"
        finally:
            file.unlink()
            own.unlink()
        return done.returncode == 0, done.stdout + done.stderr

    def together(self, name, mutants):
        """Numbers of an alert's mutants that its tests notice. Nobody reads an alert: all stand side by side, each under a
        name of its own, and every test is run once."""
        left = {number: (at, rule) for number, (_, _, at, rule) in mutants}
        everything = self.document["groups"][0]["rules"]
        tests = sorted((test for test in self.tests if name in test[4]), key=lambda test: (test[0] != name, test[2]))
        noticed = set()
        for test, annotated in [(test, False) for test in tests] + [(test, True) for test in tests if test[5] is not None]:
            base = test[5] if annotated else test[3]
            story = base["tests"][0]
            of = lambda number, entry: yaml.load(re.sub(rf"\b{name}\b", f"{name}K{number}", yaml.safe_dump(entry)), Loader)
            checks = {
                "alert_rule_test": [of(number, entry) for number in left for entry in story.get("alert_rule_test") or [] if entry["alertname"] == name],
                "promql_expr_test": [of(number, entry) for number in left for entry in story.get("promql_expr_test") or [] if name in entry["expr"]],
            }
            if not any(checks.values()):
                continue
            group = [rule for rule in read_by(test[4], everything) if "record" in rule]
            for number, (at, rule) in left.items():
                copied = {key: value for key, value in rule.items() if key != "annotations"}
                texts = {"annotations": self.annotations[at]} if annotated else {}
                group.append({**copied, "alert": f"{name}K{number}", **texts})
            document = {**base, "tests": [{**story, **checks}]}
            passed, said = self.run(test, {"name": "together", "rules": group}, document, self.directory / f"{name}.yaml")
            lines = [line for line in said.splitlines() if line.strip().startswith(("alertname:", "expr:"))]
            found = {int(number) for line in lines for number in re.findall(rf"\b{name}K(\d+)\b", line)} & set(left)
            noticed |= found
            left = {number: mutant for number, mutant in left.items() if number not in found}
            # A rule that cannot be evaluated hides the others.
            if not left or (not passed and not found):
                break
        return noticed

    def killer(self, name, number, at=None, rule=None):
        """The first test that fails with the rules changed at one place; None: the mutant survives."""
        rules = list(self.document["groups"][0]["rules"])
        if rule is not None:
            rules[at] = {key: value for key, value in rule.items() if key != "annotations"}
        file = self.directory / f"{number}.yaml"
        group = {**self.document["groups"][0], "rules": rules}
        with self.lock:
            kills, last = dict(self.kills), list(self.last.get(name, []))
        alert = rule is not None and "alert" in rule
        # Its own tests, those that noticed others of its mutants, then those that noticed most for their price.
        order = sorted(self.tests, key=lambda test: (test[0] != name, test[:2] not in last, -kills[test[:2]] / test[2], test[2]))
        if alert:
            # What no test speaks of, none notices. A selection by cause: its own tests are about it, and that of all causes.
            own = re.match("(org|instance):", rule["expr"])
            order = [test for test in order if (test[0] in (name, "timelines-causes") if own else name in test[4])]
        elif self.quick:
            order = [test for test in order if test[0].startswith("timelines") or test[0].removeprefix("LightningSync") in OWN_WAYS]
        if rule is not None:
            # What does not read the rule does not notice.
            unchanged = self.document["groups"][0]["rules"]
            names = lambda test: [read.get("record") or read["alert"] for read in read_by(test[4], unchanged)]
            order = [test for test in order if name in names(test)]
        tries = [(test, False) for test in order]
        tries += [(test, True) for test in order if test[5] is not None]
        for test, annotated in tries:
            passed, said = self.passes(test, group, file, annotated)
            if not passed:
                with self.lock:
                    self.kills[test[:2]] += 1
                    self.last[name] = [test[:2], *self.last.get(name, [])][:4]
                return f"{test[0]} {test[1]}", said
        return None, ""


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--every", type=int, default=1, help="one of so many mutants")
    arguments.add_argument("--start", type=int, default=0, help="the first of them")
    arguments.add_argument("--only", default="", help="part of a rule's name")
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--rules", type=Path, default=RULES)
    arguments.add_argument("--new", action="store_true", help="leave out what survived before and was looked at; it counts as surviving")
    arguments.add_argument("--quick", action="store_true", help="fewer tests for the recording rules")
    arguments.add_argument("--list", action="store_true", help="list the mutants, run nothing")
    arguments.add_argument("--unchanged", action="store_true", help="run the tests with the rules as they are")
    options = arguments.parse_args()
    groups = yaml.safe_load(options.rules.read_text())["groups"]
    # promtool evaluates all groups at each step: one after the other, they are one.
    document = {"groups": [{**groups[0], "rules": [rule for group in groups for rule in group["rules"]]}]}
    looked_at = set()
    if LOOKED_AT.exists():
        lines = [line for line in LOOKED_AT.read_text().splitlines() if line and not line.startswith(("#", " "))]
        looked_at = set(lines)
    mutants = [mutant for mutant in mutants_of_file(document) if options.only in mutant[0]]
    mutants = mutants[options.start::options.every]
    if options.list:
        for name, what, _, rule in mutants:
            print(f"{name}: {what}")
        print(len(mutants))
        return
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(directory, document)
        runner.quick = options.quick
        if options.unchanged:
            failed = 0
            with ThreadPoolExecutor(options.jobs) as pool:
                file = Path(directory) / "rules.yaml"
                for test, (passed, said) in zip(runner.tests, pool.map(lambda test: runner.passes(test, runner.document["groups"][0], file, test[5] is not None), runner.tests)):
                    if not passed:
                        failed += 1
                        print(test[0], test[1], test[3]["tests"][0].get("name"), said)
            print(f"{len(runner.tests)} tests, {failed} failed")
            sys.exit(failed > 0)
        survivors, known = [], []

        noticed = set()
        by_alert = {}
        for number, mutant in enumerate(mutants):
            new = not options.new or f"{mutant[0]}: {mutant[1]}" not in looked_at
            if "alert" in mutant[3] and new:
                by_alert.setdefault(mutant[0], []).append((number, mutant))

        def run_together(name):
            noticed.update(runner.together(name, by_alert[name]))
            print(f"{len(noticed)} noticed, at {name}", file=sys.stderr, flush=True)

        def run(numbered):
            number, (name, what, at, rule) = numbered
            if number % 25 == 0:
                print(f"{number} of {len(mutants)} begun, at {name}", file=sys.stderr, flush=True)
            if options.new and f"{name}: {what}" in looked_at:
                known.append(f"{name}: {what}")
                return
            if number in noticed:
                return
            killer, _ = runner.killer(name, number, at, rule)
            if killer is None:
                line = f"{name}: {what}"
                (known if line in looked_at else survivors).append(line)
                print(f"survives{' (looked at)' if line in looked_at else ''}: {line}\n    {rule['expr'][:2000]}", flush=True)

        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(run_together, by_alert))
            list(pool.map(run, enumerate(mutants)))
    total = len(mutants)
    print(f"{total} mutants, {total - len(survivors) - len(known)} killed, {len(known)} survive and were looked at, {len(survivors)} survive")
    # Of a sample or of one rule, what was looked at says nothing about the share.
    counted = len(survivors) + (len(known) if options.every == 1 and not options.only else 0)
    sys.exit(counted * 100 > total * 3)


if __name__ == "__main__":
    main()
