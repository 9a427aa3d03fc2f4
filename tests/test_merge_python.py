"""What an update settles in Python: imports, statements and docstrings of both sides, and code at the end."""

import pytest

from tasks import merge
from tasks.lines import ConflictError
from tests.test_merge import settled


@pytest.mark.parametrize(
    ("mine", "new", "expected"),
    [
        ("import a\nimport b\n\nx = 1\n", "import a\nfrom c import d\n\nx = 1\n", {"b", "d"}),
        ("import a\n\nx = 2\n", "import a\n\nx = 3\n", None),
        ("import a\n\nx = 1\ny = 2\n", "import a\n\nx = 1\nz = 3\n", None),
    ],
)
def test_imports_of_both_sides_are_kept(mine: str, new: str, expected: set[str] | None) -> None:
    base = "import a\n\nx = 1\n"
    if expected is None:
        with pytest.raises(ConflictError):
            merge.together(base, mine, new)
    else:
        assert expected <= set(merge.together(base, mine, new).split())


@pytest.mark.parametrize(
    ("mine", "new", "expected"),
    [
        ("a = 1\nd = 4\n", "a = 1\nuse(a)\nb = 2\nc = 3\nd = 4\n", "a = 1\nuse(a)\nd = 4\n"),
        ("a = 1\nb = 2\nc = 3\nuse(a)\nd = 4\n", "a = 1\nd = 4\n", "a = 1\nuse(a)\nd = 4\n"),
        ("a = 1\nd = 4\n", "a = 1\nb = 2\nc = 3\nuse(b)\nd = 4\n", None),  # uses a deleted name
        ("a = 1\nd = 4\n", "a = 2\nb = 2\nc = 3\nd = 4\n", "a = 2\nd = 4\n"),
        ("a = 1\nb = 2\nc = 3\nuse(a)\n", "a = 1\nd = 4\n", "a = 1\nuse(a)\n"),
        ("a = 1\nb = 2\nc = 3\nuse(b)\n", "a = 1\nd = 4\n", None),
        ("a = 1\nb = 2\nd = 4\n", "a = 1\nc = 3\nd = 4\n", "a = 1\nd = 4\n"),
        ("a = 1\nd = 4\n", "a = 1\nb = 3\nc = 3\nd = 4\n", None),  # one side changed it, the other deleted it
    ],
)
def test_lines_beside_deleted_statements(mine: str, new: str, expected: str | None) -> None:
    """An example is `problems.init_app(app)`, which was added next to a line of the removed example."""
    base = "a = 1\nb = 2\nc = 3\nd = 4\n"
    assert settled(merge.together, base, mine, new) == expected


@pytest.mark.parametrize(
    ("mine", "new", "expected"),
    [
        ('a: int = 2\n"""One."""\n', 'a: int = 1\n"""Two."""\n', 'a: int = 2\n"""Two."""\n'),
        ('a: int = 1\n"""Mine."""\n', 'a: int = 3\n"""One."""\n', 'a: int = 3\n"""Mine."""\n'),
        ('a: int = 2\n"""One."""\n', '# why\na: int = 1\n"""One."""\n', '# why\na: int = 2\n"""One."""\n'),
        ('a: int = 2\n"""One."""\n', "a: int = 1\nb = a\n", None),  # it uses what mine changes
        ('a: int = 2\n"""One."""\n', 'a: int = 3\n"""Two."""\n', None),  # both changed it
        ('a: int = 1\n"""Mine."""\n', 'a: int = 1\n"""Two."""\n', None),
    ],
)
def test_lines_beside_docstrings(mine: str, new: str, expected: str | None) -> None:
    """An example is a default of the user's, beside the template's description of the setting."""
    assert settled(merge.together, 'a: int = 1\n"""One."""\n', mine, new) == expected


@pytest.mark.parametrize(
    ("added", "is_settled"),
    [
        ("@pytest.fixture\ndef mine(settings: str) -> str:\n    return settings\n", True),
        ("@pytest.fixture\ndef mine(gone: str) -> str:\n    return gone\n", False),  # it uses a deleted name
        ("def new() -> str:\n    return 'mine'\n", False),  # both have added a function of this name
        ("    return 'mine'\n", False),  # it belongs to the function that has changed
    ],
)
def test_code_at_the_end_of_a_module_is_no_conflict(added: str, is_settled: bool) -> None:
    """An example is a fixture at the end of conftest.py, if the template has changed the lines before it."""
    head = "import pytest\n\n\ndef settings() -> str:\n    return 'set'\n\n\n"
    base = f"{head}def gone() -> str:\n    return 'old'\n"
    new = f"{head}def new() -> str:\n    return 'new'\n"
    way = merge.way("tests/conftest.py")
    assert way
    if not is_settled:
        with pytest.raises(ConflictError):
            way(base, f"{base}\n\n{added}", new)
    else:
        assert way(base, f"{base}\n\n{added}", new) == f"{new}\n\n{added}".replace("'", '"')
