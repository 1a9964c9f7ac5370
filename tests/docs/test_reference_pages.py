"""Reference pages are what the code says; the page of the four steps names what there is."""

import ast
import re
from pathlib import Path

from docs._generate.__main__ import REFERENCE
from docs._generate.pages import PAGES, find_drift, write_pages

ROOT = Path(__file__).resolve().parents[2]
STEPS = ROOT / "docs" / "explanation" / "four-steps.md"
RECORDS = ("worker/rl/types.py", "worker/tensors/batches.py")
ROW = re.compile(
    r"^\| `(?P<record>\w+)\.(?P<field>\w+)` \| (?P<shape>\[[^\]]*\])? ?\|", re.MULTILINE
)


def test_the_reference_pages_are_those_of_the_code() -> None:
    assert not find_drift(REFERENCE), "run `make reference`"


def test_drift_is_found_and_mended(tmp_path: Path) -> None:
    write_pages(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PAGES)
    assert find_drift(tmp_path) == []
    page = tmp_path / "settings.md"
    page.write_text(page.read_text().replace("`8000`", "`8001`"))
    (tmp_path / "metrics.md").unlink()
    drift = "\n".join(find_drift(tmp_path))
    assert "settings.md" in drift
    assert "`8001`" in drift
    assert "metrics.md" in drift


def test_every_field_of_every_configuration_is_described() -> None:
    text = (REFERENCE / "configuration.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith('| <span id="')]
    assert len(rows) > 100
    empty = [row for row in rows if not row.rstrip("|").rsplit("|", 1)[-1].strip()]
    assert not empty


def test_the_tensors_of_the_four_steps_exist_with_the_shapes_that_are_told() -> None:
    documented = fields_of_records()
    rows = list(ROW.finditer(STEPS.read_text()))
    assert len(rows) > 25
    for row in rows:
        name = f"{row['record']}.{row['field']}"
        assert name in documented, name
        if row["shape"]:
            assert row["shape"] in documented[name], (name, documented[name])


def fields_of_records() -> dict[str, str]:
    """Docstring of every field of the records that the steps hand on."""
    found: dict[str, str] = {}
    for path in RECORDS:
        for node in ast.parse((ROOT / path).read_text()).body:
            if isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{key}": text for key, text in fields_of(node)}
    return found


def fields_of(record: ast.ClassDef) -> list[tuple[str, str]]:
    pairs = zip(record.body, record.body[1:], strict=False)
    return [
        (field.target.id, text.value.value)
        for field, text in pairs
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    ]
