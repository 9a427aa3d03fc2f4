"""Names: the defaults work for any project's name, and only names that would not work are refused."""

import keyword
import re
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extensions import names

RESERVED = sorted(
    {*keyword.kwlist, *keyword.softkwlist, *names.IMPORTS, *names.FOLDERS, *names.WINDOWS_DEVICES}
)


@given(st.text())
def test_every_name_has_a_valid_slug_and_package(project_name: str) -> None:
    slug = names.default_slug(project_name)
    assert names.slug_problem(slug) == ""
    assert names.package_problem(names.default_package(slug)) == ""


@given(st.from_regex(r"[a-z]([a-z0-9]|-(?=[a-z0-9])){0,80}", fullmatch=True))
def test_every_slug_has_a_valid_package(slug: str) -> None:
    assert names.package_problem(names.default_package(slug)) == ""


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names_are_refused_and_never_offered(name: str) -> None:
    assert names.package_problem(name)
    assert names.package_problem(names.default_package(name)) == ""


def test_no_package_hides_a_module_of_the_standard_library() -> None:
    """The test reads the modules from disk, because `sys.stdlib_module_names` omits some (`test`)."""
    library = Path(sysconfig.get_path("stdlib"))
    modules = {path.name.partition(".")[0] for path in library.iterdir() if path.suffix in ("", ".py")}
    importable = {name for name in modules if re.fullmatch("[a-z][a-z0-9_]*", name)}
    assert {"json", "test"} <= importable
    assert [name for name in sorted(importable) if not names.package_problem(name)] == []


def test_no_slug_is_a_dependency_of_its_own_service() -> None:
    for name in names.DISTRIBUTIONS:
        assert names.slug_problem(name)
        assert names.slug_problem(names.default_slug(name)) == ""


@pytest.mark.parametrize(
    ("project_name", "slug"),
    [
        ("My Shop", "my-shop"),
        ("Größe & Maß", "grosse-mass"),
        ("Łódź", "lodz"),
        ("Smørrebrød", "smorrebrod"),
        ("İstanbul", "istanbul"),
        ("Заказы", "zakazy"),
        ("объект", "obekt"),
        ("Ταξίδι", "taxidi"),
        ("注文", "service"),
        ("注文 API", "api"),
        ("☕", "service"),
        ("3D", "service-3d"),
        ("../../etc", "etc"),
        ("fastapi", "fastapi-service"),
        ("x" * 60, "x" * names.LONGEST_SLUG),
    ],
)
def test_slugs_read_like_the_name(project_name: str, slug: str) -> None:
    assert names.default_slug(project_name) == slug


@pytest.mark.parametrize(
    ("folder", "project_name"),
    [
        ("my-shop", "My shop"),
        ("orders", "Orders"),
        ("", "My service"),
        ("a\nb", "A b"),
        ("\x07", "My service"),
    ],
)
def test_the_folder_names_the_project(folder: str, project_name: str) -> None:
    assert names.default_name(folder) == project_name


@given(st.text())
def test_every_folder_offers_a_valid_name(folder: str) -> None:
    assert names.name_problem(names.default_name(folder)) == ""


@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\rb", "a\tb", "a\x85b", "a\u2028b", "a\x00b", "a\ud800b", "a\u202eb", "a\ufffeb", " a", "a "],
)
def test_text_is_one_visible_line(text: str) -> None:
    assert names.text_problem(text, longest=10)


@pytest.mark.parametrize("text", ['"quoted"', "it's", "\\", "{{ x }}", "👩‍💻", "שלום", "مرحبا", "#!", ""])
def test_text_may_be_anything_else(text: str) -> None:
    assert names.text_problem(text, longest=10) == ""


@pytest.mark.parametrize("slug", ["a", "a-b", "a1", "a" * 30])
def test_slugs_are_dns_labels(slug: str) -> None:
    assert names.slug_problem(slug) == ""


@pytest.mark.parametrize("slug", ["", "-a", "a-", "a--b", "A", "1a", "a_b", "a.b", "é", "a\n", "a" * 31])
def test_what_is_no_dns_label_is_no_slug(slug: str) -> None:
    assert names.slug_problem(slug)


@pytest.mark.parametrize("package", ["", "_a", "a_", "a__b", "A", "1a", "a-b", "a.b", "é", "a\n", "a" * 31])
def test_what_cannot_be_imported_everywhere_is_no_package(package: str) -> None:
    assert names.package_problem(package)


@pytest.mark.parametrize("email", ["", "a@b", "a.b+c@d.example"])
def test_addresses_have_one_at(email: str) -> None:
    assert names.email_problem(email) == ""


@pytest.mark.parametrize("email", ["a", "@", "a@", "a@b@c", "a <a@b>", '"a"@b', "a@b\n"])
def test_what_has_not_is_no_address(email: str) -> None:
    assert names.email_problem(email)


@pytest.mark.parametrize("answer", [None, True, ["a"], {"a": 1}])
def test_answers_are_text(answer: object) -> None:
    assert names.problem("project_name", answer) == "project_name must be text."


def test_what_git_knows_is_offered_only_where_it_is_usable() -> None:
    assert names.default_user("user_email", "ada@example.com") == "ada@example.com"
    assert names.default_user("user_email", "nonsense") == ""
