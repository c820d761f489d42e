#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/conformance.md: each row of kube-proxy's behaviour, the verdict, and the tests that prove it.

  conformance.py                   writes docs/conformance.md and takes proven rows out of docs/conformance_open.txt
  conformance.py --check           writes nothing; says everything that is wrong and exits 1 if anything is
  conformance.py --contract FILE   also compares the rows with those of the contract (not part of the repository)
  --root DIR                       another tree than this one

Rows and verdicts stand in docs/conformance_rows.txt. A test says what it proves in a comment, directly above or within it:
`// Proves: K-75, K-76` in C++, `# Proves: K-75` in Python and in the files of cases. docs/conformance_open.txt lists the rows
that no test proves yet; it may only become shorter.
"""

import argparse
import collections
import pathlib
import re
import sys

ROW = r"[IKOX]-\d+a?"
VERDICTS = {"same": "same", "better": "better", "n/a": "not applicable"}
PARTS = {"I": "Inputs", "K": "Traffic", "O": "Operation", "X": "Edge cases"}
TAG = re.compile(r"^\s*(?://|#)\s*Proves:\s*(.*)$")
CONTINUED = re.compile(r"^\s*(?://|#)\s*(.*)$")
CPP_TEST = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*(\w+),\s*(\w+)\)")
CPP_TEST_BEGIN = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(")
# Files of cases: the test that replays them.
CASES = {
    "tests/golden/cases": "golden.cases_test Cases/Golden.TablesAreAsTheFileExpects/",
    "tests/packet/cases": "packet.reference_replay_test Cases/Replay.AnswersAsTheModelSays/",
}

Row = collections.namedtuple("Row", "name verdict behaviour why")


class Problems(list):
    def add(self, place, text):
        self.append(f"{place}: {text}")


def read_rows(path, problems):
    rows = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(rf"({ROW}) (\S+) \| ([^|]+?)(?: \| ([^|]+))?", line)
        if not match:
            problems.add(f"{path.name}:{number}", "expected `ROW VERDICT | behaviour | why`")
            continue
        row = Row(*match.groups())
        if row.verdict not in VERDICTS:
            problems.add(f"{path.name}:{number}", f"verdict {row.verdict} is none of {', '.join(VERDICTS)}")
        elif row.verdict != "same" and not row.why:
            problems.add(f"{path.name}:{number}", f"{row.name} is `{row.verdict}` and does not say why")
        if row.name in rows:
            problems.add(f"{path.name}:{number}", f"{row.name} stands there twice")
        rows[row.name] = row
    return rows


def rows_of_tag(lines, index, place, problems):
    """The rows of the tag in lines[index]; after a comma it goes on in the next line of the comment."""
    text = TAG.match(lines[index]).group(1).strip()
    while text.endswith(",") and index + 1 < len(lines) and CONTINUED.match(lines[index + 1]):
        index += 1
        text += " " + CONTINUED.match(lines[index]).group(1).strip()
    names = [name.strip() for name in text.rstrip(".").split(",")]
    for name in names:
        if not re.fullmatch(ROW, name):
            problems.add(place, f"`{name}` is no row")
    return [name for name in names if re.fullmatch(ROW, name)]


def cpp_test_at(lines, index):
    """The name of the test that begins at lines[index], which clang-format may have broken."""
    match = CPP_TEST.match(lines[index] + " " + "".join(lines[index + 1:index + 2]).strip())
    return f"{match.group(1)}.{match.group(2)}" if match else None


def tests_of_cpp(lines):
    """For each line the test it belongs to: the one whose body it is in, else the next one below."""
    owners, pending, current = [None] * len(lines), [], None
    for index, line in enumerate(lines):
        if CPP_TEST_BEGIN.match(line):
            current = cpp_test_at(lines, index)
            for above in pending:
                owners[above] = current
            pending = []
        if current is None:
            pending.append(index)
        owners[index] = current
        if line.startswith("}") or (CPP_TEST_BEGIN.match(line) and line.endswith("}")):
            current = None
            if line.startswith("}"):
                pending = []
    return owners


def test_names(root, path, lines):
    """For each line of a tagged file the name under which ctest (and gtest) knows its test; None: no test's."""
    folder, where = path.parent.relative_to(root).as_posix(), path.relative_to(root / "tests").parts
    if folder in CASES:
        return [CASES[folder] + path.stem] * len(lines)
    if path.suffix == ".cc" and path.stem.endswith("_test") and len(where) == 2:
        program = f"{where[0]}.{path.stem}"
        return [f"{program} {owner}" if owner else None for owner in tests_of_cpp(lines)]
    if path.suffix == ".py" and path.stem.startswith("test_") and len(where) == 2:
        return [f"{where[0]}.{path.stem.removeprefix('test_')}"] * len(lines)
    return [None] * len(lines)


def read_proofs(root, rows, problems):
    """row -> sorted names of the tests that prove it."""
    proofs = collections.defaultdict(set)
    paths = [path for suffix in ("cc", "py", "txt") for path in (root / "tests").rglob(f"*.{suffix}")]
    for path in sorted(paths):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        tags = [index for index, line in enumerate(lines) if TAG.match(line)]
        names = test_names(root, path, lines) if tags else []
        for index in tags:
            place = f"{path.relative_to(root)}:{index + 1}"
            if names[index] is None:
                problems.add(place, "`Proves:` stands in or above no test")
                continue
            for row in rows_of_tag(lines, index, place, problems):
                if row not in rows:
                    problems.add(place, f"{row} is no row of docs/conformance_rows.txt")
                proofs[row].add(names[index])
    return {row: sorted(tests) for row, tests in proofs.items()}


def read_open(path, rows, problems):
    names = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    for name in names:
        if name not in rows:
            problems.add(path.name, f"{name} is no row")
        elif rows[name].verdict == "n/a":
            problems.add(path.name, f"{name} is not applicable: it needs no proof")
    return names


def compare_proofs(rows, proofs, open_rows, problems):
    for name, row in rows.items():
        if row.verdict == "n/a":
            continue
        if name in proofs and name in open_rows:
            problems.add("conformance_open.txt", f"{name} has a proof now: take it out (scripts/conformance.py does)")
        if name not in proofs and name not in open_rows:
            problems.add(name, f"no test proves it ({row.behaviour})")


def compare_contract(path, rows, problems):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    wanted = set(re.findall(rf"^(?:\| |- )({ROW})\b", text, re.M))
    for name in sorted(wanted - set(rows)):
        problems.add(name, "stands in the contract and has no line in docs/conformance_rows.txt")
    for name in sorted(set(rows) - wanted):
        problems.add(name, "does not stand in the contract")


def tests_text(row, proofs, open_rows):
    if row.name in proofs:
        return "<br>".join(f"`{test}`" for test in proofs[row.name])
    if row.name in open_rows:
        return "**not proven yet**"
    return "-"


def page(rows, proofs, open_rows):
    count = collections.Counter(row.verdict for row in rows.values())
    unproven = [name for name in rows if name in open_rows and name not in proofs]
    lines = [
        "# Conformance",
        "",
        "<!-- Written by scripts/conformance.py from conformance_rows.txt and the tests' `Proves:` tags. Do not edit. -->",
        "",
        "What kube-proxy does, row by row, whether Waggle does the same, and the tests that fail if it does not. `same`: as kube-proxy",
        "in nftables mode; `better`: deliberately different ([differences.md](differences.md)); `not applicable`: and why.",
        "",
        f"{len(rows)} rows: {count['same']} same, {count['better']} better, {count['n/a']} not applicable; "
        f"{len(unproven)} not proven yet.",
    ]
    if unproven:
        lines += ["", "Not proven yet: " + ", ".join(unproven) + "."]
    for letter, title in PARTS.items():
        lines += ["", f"## {title}", "", "| row | behaviour | verdict | proven by |", "|---|---|---|---|"]
        for row in rows.values():
            if row.name.startswith(letter):
                verdict = VERDICTS.get(row.verdict, "?") + (f": {row.why}" if row.why else "")
                lines.append(f"| {row.name} | {row.behaviour} | {verdict} | {tests_text(row, proofs, open_rows)} |")
    return "\n".join(lines) + "\n"


def check_page(path, text, problems):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        problems.add("docs/conformance.md", "out of date: run scripts/conformance.py")


def without_proven(text, proofs):
    return "".join(line for line in text.splitlines(keepends=True) if line.strip() not in proofs)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--contract")
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent, type=pathlib.Path)
    return parser.parse_args()


def main():
    options, problems = arguments(), Problems()
    docs = options.root / "docs"
    rows = read_rows(docs / "conformance_rows.txt", problems)
    proofs = read_proofs(options.root, rows, problems)
    open_path = docs / "conformance_open.txt"
    if not options.check:
        open_path.write_text(without_proven(open_path.read_text(encoding="utf-8"), proofs), encoding="utf-8")
    open_rows = read_open(open_path, rows, problems)
    compare_proofs(rows, proofs, open_rows, problems)
    if options.contract:
        compare_contract(options.contract, rows, problems)
    text = page(rows, proofs, open_rows)
    if options.check:
        check_page(docs / "conformance.md", text, problems)
    else:
        (docs / "conformance.md").write_text(text, encoding="utf-8")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
