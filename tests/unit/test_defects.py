"""The list of the first releases' defects and the tests of them name each other."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
LISTED = re.findall(r"^(?!#)(\S+) {1,3}\S.*\.$", (TESTS / "defects.txt").read_text(), re.MULTILINE)


def proofs():
    """``[(defect id, test)]`` of each marker, on tests of any Python."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in getattr(node, "decorator_list", ()):
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.defect":
                    found += [(argument.value, f"{path.stem}::{node.name}") for argument in decorator.args]
    return found


def test_every_defect_has_a_proof():
    """Each id of tests/defects.txt stands at a test."""
    assert set(LISTED) - {defect for defect, _ in proofs()} == set()


def test_every_proof_is_of_a_listed_defect():
    """No test names an id that tests/defects.txt lacks, or names twice."""
    assert [test for defect, test in proofs() if defect not in LISTED] == []
    assert len(LISTED) == len(set(LISTED))


def test_no_id_is_a_name():
    """A test is called after the behaviour that it proves: an id is a marker."""
    ids = re.compile(rf"_({'|'.join(LISTED)})(_|$)", re.IGNORECASE)
    tests = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    assert [name for name in re.findall(r"def (test_\w+)", tests) if ids.search(name)] == []
