# SPDX-License-Identifier: Apache-2.0
"""scripts/conformance.py --check refuses each kind of untruth, by name, and takes a small true tree as it is."""

import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "conformance.py"
ROWS = """K-01 same | proven
K-02 same | proven, too
K-03 same | open
K-04 n/a | not for us | nothing of the kind
"""
# A tag of this file would be one of the real tree, so the word is put together here.
TAG = "Pro" + "ves:"
TEST = f"""void helper() {{
}}

// {TAG} K-01,
// K-02
TEST(Suite,
     LongName) {{
}}

TEST_F(Other, Name) {{
  // {TAG} K-01
}}
"""


class Tree:
    """A small repository; change and remove make it untrue."""

    def __init__(self, directory):
        self.root = pathlib.Path(directory)
        self.write("docs/conformance_rows.txt", ROWS)
        self.write("docs/conformance_open.txt", "K-03\n")
        self.write("tests/unit/some_test.cc", TEST)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8")

    def run(self, *arguments):
        return subprocess.run([sys.executable, "-B", SCRIPT, "--root", self.root, *arguments],
                              capture_output=True, text=True, check=False)


def expect(condition, text):
    if not condition:
        sys.exit(text)


def refused(wanted, change):
    with tempfile.TemporaryDirectory() as directory:
        tree = Tree(directory)
        expect(tree.run().returncode == 0, "a true tree cannot be written")
        change(tree)
        found = tree.run("--check")
        expect(found.returncode == 1 and wanted in found.stderr, f"expected `{wanted}`, got:\n{found.stderr}")


def true_tree_is_taken():
    with tempfile.TemporaryDirectory() as directory:
        tree = Tree(directory)
        tree.write("tests/e2e/test_served.py", f"# {TAG} K-01\n")
        tree.write("tests/golden/cases/one.txt", f"# {TAG} K-02\n")
        expect(tree.run().returncode == 0, "a true tree cannot be written")
        found = tree.run("--check")
        expect(found.returncode == 0 and not found.stderr, found.stderr)
        page = tree.text("docs/conformance.md")
        for line in ("| K-01 | proven | same | `e2e.served`<br>`unit.some_test Other.Name`<br>"
                     "`unit.some_test Suite.LongName` |",
                     "Cases/Golden.TablesAreAsTheFileExpects/one`<br>`unit.some_test Suite.LongName` |",
                     "| K-03 | open | same | **not proven yet** |",
                     "| K-04 | not for us | not applicable: nothing of the kind | - |"):
            expect(line in page, f"`{line}` is missing in:\n{page}")


def writing_shortens_the_list():
    with tempfile.TemporaryDirectory() as directory:
        tree = Tree(directory)
        tree.write("docs/conformance_open.txt", "# why\nK-02\nK-03\n")
        expect(tree.run().returncode == 0, "a proven row is not taken out of the list")
        expect(tree.text("docs/conformance_open.txt") == "# why\nK-03\n", "the list is not what is open")


def main():
    true_tree_is_taken()
    writing_shortens_the_list()
    refused("K-05: no test proves it", lambda tree: tree.write("docs/conformance_rows.txt", ROWS + "K-05 same | new\n"))
    refused("K-03: no test proves it", lambda tree: tree.write("docs/conformance_open.txt", ""))
    refused("K-02 has a proof now", lambda tree: tree.write("docs/conformance_open.txt", "K-02\nK-03\n"))
    refused("K-09 is no row", lambda tree: tree.write("docs/conformance_open.txt", "K-03\nK-09\n"))
    refused("K-04 is not applicable", lambda tree: tree.write("docs/conformance_open.txt", "K-03\nK-04\n"))
    refused("K-07 is no row", lambda tree: tree.write("tests/unit/more_test.cc", f"// {TAG} K-07\nTEST(A, B) {{\n}}\n"))
    refused("`K7` is no row", lambda tree: tree.write("tests/unit/more_test.cc", f"// {TAG} K7\nTEST(A, B) {{\n}}\n"))
    refused("in or above no test", lambda tree: tree.write("tests/unit/more_test.cc", f"// {TAG} K-01\nint a() {{\n}}\n"))
    refused("in or above no test", lambda tree: tree.write("tests/support/helper.cc", f"// {TAG} K-01\nTEST(A, B) {{\n}}\n"))
    refused("no test proves it", lambda tree: (tree.root / "tests/unit/some_test.cc").unlink())
    refused("does not say why", lambda tree: tree.write("docs/conformance_rows.txt", ROWS + "K-05 better | new\n"))
    refused("verdict maybe", lambda tree: tree.write("docs/conformance_rows.txt", ROWS + "K-05 maybe | new\n"))
    refused("stands there twice", lambda tree: tree.write("docs/conformance_rows.txt", ROWS + "K-01 same | again\n"))
    refused("expected `ROW VERDICT", lambda tree: tree.write("docs/conformance_rows.txt", ROWS + "K-05\n"))
    refused("out of date", lambda tree: tree.write("docs/conformance.md", "edited\n"))


main()
