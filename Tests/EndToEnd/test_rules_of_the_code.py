"""The rules of docs/threat-model.md that are kept by looking at the code: the lint finds what it is for, and the page names
tests that are there and every C library."""

import re
import shutil
import subprocess
import sys

import pytest

from gateway import REPOSITORY

PAGE = REPOSITORY / "docs" / "threat-model.md"
SUITES = set(re.findall(r"(?:struct|class|enum|actor) (\w+Tests)\b", "\n".join(
    file.read_text() for file in (REPOSITORY / "Tests").rglob("*.swift"))))


def lint(root) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, root / "scripts" / "text-lint"], capture_output=True, text=True, timeout=60)


@pytest.fixture
def code(tmp_path):
    """The lint, and sources that it finds nothing in."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts" / "text-lint", tmp_path / "scripts")
    (tmp_path / "scripts" / "text-lint.allow").write_text("HTTP/Fine.swift equal 1 a digit\n")
    (tmp_path / "Sources" / "HTTP").mkdir(parents=True)
    (tmp_path / "Sources" / "HTTP" / "Fine.swift").write_text('let isOne = text == "1"\n// text == "2"\n')
    assert lint(tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize("line", [
    'text.split(separator: ",")', "var known: Set<String> = []", "var values: [String: Int] = [:]", 'if name == "x" {}',
    'if name != "x" {}'])
def test_the_lint_finds_swifts_text_semantics_in_every_module(code, line):
    modules = {folder.name for folder in (REPOSITORY / "Sources").iterdir() if any(folder.rglob("*.swift"))}
    for module in modules - {"Arguments", "Texts"}:
        file = code / "Sources" / module / "New.swift"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"// {line}\n{line}\n")
        done = lint(code)
        assert done.returncode == 1 and f"Sources/{module}/New.swift" in done.stderr and "lines 2" in done.stderr, module
        file.unlink()


def test_the_lint_wants_a_reason_and_no_more_of_them_than_needed(code):
    fine, allowed = code / "Sources" / "HTTP" / "Fine.swift", code / "scripts" / "text-lint.allow"
    fine.write_text(fine.read_text() + 'let isTwo = text == "2"\n')
    assert "2 found" in lint(code).stderr
    fine.write_text("")
    assert "0 found" in lint(code).stderr
    allowed.write_text("HTTP/Fine.swift equal 1\n")
    assert "reason expected" in lint(code).stderr


def test_the_threat_model_names_tests_that_are_there():
    text = PAGE.read_text()
    named = set(re.findall(r"`(\w+Tests|test_\w+\.py)`", text))
    files = {file.stem for file in (REPOSITORY / "Tests").rglob("*.swift")} | SUITES
    files |= {file.name for file in (REPOSITORY / "Tests" / "EndToEnd").glob("test_*.py")}
    assert len(named) > 50 and not named - files
    # Each row of the tables of who may send what ends with one.
    tables = text.split("## The operator's side")[0].splitlines()
    rows = [line for line in tables if re.match(r"\| (?!What may|Who, what|---)", line)]
    assert len(rows) > 30 and not [row for row in rows if not re.search(r"`(\w+Tests|test_\w+\.py)`[^|]*\|$", row)]


def test_the_threat_model_lists_every_c_library_and_what_it_demands():
    names = {"CCrypt": "libcrypt", "CCurl": "libcurl", "CIDN2": "libidn2", "CMaxMindDB": "libmaxminddb",
             "CMinizip": "minizip", "CNghttp2": "nghttp2", "COpenSSL": "OpenSSL", "CProtobufC": "protobuf-c",
             "CSQLite": "SQLite", "CSodium": "libsodium", "CUV": "libuv", "CYAML": "libyaml", "CZstd": "zstd"}
    assert {folder.name for folder in (REPOSITORY / "Sources" / "System").iterdir()} == set(names) - {"CCurl"}
    table = PAGE.read_text().split("## C functions that receive bytes")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.splitlines() if line.startswith("| ")]
    for library in names.values():
        found = [row for row in rows if row[0].startswith(library + ":")]
        assert found and all(all(row) for row in found), library
