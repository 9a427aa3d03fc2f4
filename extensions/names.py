"""Names: which names a project, its slug and its package may have, and which defaults are offered.

A default must pass its own check, because copier ends with a traceback if it does not. A check returns
one sentence, or an empty string if the answer is valid. The sentence is short: a prompt shows it on one
line, and copier's own words ("Validation error for question …") take half of that line.
"""

import keyword
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial

import yaml

from . import options
from .pins import PINS

LONGEST_NAME = 60  # columns; a line of code that contains the name stays short enough
LONGEST_SENTENCE = 200
# The shortest limit among the platforms that take a slug as an app's name is Heroku's: 30.
LONGEST_SLUG = 30

DISTRIBUTIONS = frozenset(PINS["packages"])
IMPORTS = frozenset(PINS["imports"])

# The standard library of every Python a service may run on, whichever of them runs copier:
# https://docs.python.org/3/library/sys.html#sys.stdlib_module_names (it leaves `test` out),
# and the modules which PEP 594 and PEP 632 removed after 3.11.
GONE_OR_NEW = """
aifc annotationlib asynchat asyncore audioop cgi cgitb chunk compression crypt distutils imghdr imp
lib2to3 mailcap msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib test uu xdrlib
"""
STDLIB = sys.stdlib_module_names | set(GONE_OR_NEW.split())
# Folders and modules of the generated project, and folders that ruff, pytest or git ignore because
# of their names: https://docs.astral.sh/ruff/settings/#exclude,
# https://docs.pytest.org/en/stable/reference/reference.html#confval-norecursedirs
FOLDERS = {"build", "conftest", "deploy", "dev", "dist", "docs", "node_modules", "tests", "venv"}
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
WINDOWS_DEVICES = {"aux", "con", "nul", "prn"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(10)}

# Letters that Unicode does not decompose into ASCII, each with its replacement.
LATIN = """
æ ae  œ oe  ø o  ł l  đ d  ð d  þ th  ı i  ŋ ng  ə e  ß ss
а a  б b  в v  г g  д d  е e  ё e  ж zh  з z  и i  й y  к k  л l  м m  н n  о o  п p  р r  с s  т t
у u  ф f  х kh  ц ts  ч ch  ш sh  щ shch  ы y  э e  ю yu  я ya  і i  ї i  є ye  ґ g
α a  β v  γ g  δ d  ε e  ζ z  η i  θ th  ι i  κ k  λ l  μ m  ν n  ξ x  ο o  π p  ρ r  σ s  ς s  τ t
υ y  φ f  χ ch  ψ ps  ω o
"""  # noqa: RUF001
_words = LATIN.split()
TO_LATIN = str.maketrans(dict(zip(_words[::2], _words[1::2], strict=True)) | dict.fromkeys("ъь", ""))


def slugify(text: str) -> str:
    """Return lower-case ASCII words joined by hyphens. Characters without an ASCII form are dropped."""
    composed = unicodedata.normalize("NFC", text).lower().translate(TO_LATIN)
    decomposed = unicodedata.normalize("NFKD", composed).lower().translate(TO_LATIN)
    ascii_only = "".join(c for c in decomposed if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")


def default_name(folder: str) -> str:
    """Return the folder's name as a title: `copier copy … my-shop` offers "My shop"."""
    words = re.sub(r"[-_.\s]+", " ", folder).strip()
    name = words[:1].upper() + words[1:]
    return name if name and not name_problem(name) else "My service"


def default_slug(project_name: str) -> str:
    """Return a valid slug for any project name."""
    slug = slugify(project_name)
    if not slug[:1].isalpha():
        slug = f"service-{slug}"
    slug = slug[:LONGEST_SLUG].strip("-")
    return slug if not slug_problem(slug) else f"{slug[: LONGEST_SLUG - 8].strip('-')}-service"


def default_package(project_slug: str) -> str:
    """Return a valid package name for any slug."""
    package = slugify(project_slug).replace("-", "_")
    if not package[:1].isalpha():
        package = f"service_{package}"
    package = package[:LONGEST_SLUG].strip("_")
    if package_problem(package):
        package = f"{package[: LONGEST_SLUG - 8].strip('_')}_service"
    return package


def text_problem(text: str, longest: int) -> str:
    """Check free text: one line that every file format can hold, without invisible characters."""
    if len(text) > longest:
        return f"has {len(text)} characters; at most {longest}."
    if text != text.strip():
        return "starts or ends with white space."
    for character in text:
        if _is_unprintable(character):
            return f"holds U+{ord(character):04X}, which is not text."
    return ""


def _is_unprintable(character: str) -> bool:
    """Tell whether this is a control character, a line break, a surrogate, a noncharacter, or a control
    character that changes the order in which text is shown (https://www.unicode.org/reports/tr36/)."""
    code = ord(character)
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character)
        in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        or code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
        or code == 0xFEFF
    )


def name_problem(name: str) -> str:
    """Check a project's name: any text of one line."""
    if not name:
        return "is empty."
    columns = len(name) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in name)
    if columns > LONGEST_NAME:
        return f"is {columns} columns wide; at most {LONGEST_NAME}."
    return text_problem(name, LONGEST_NAME)


def slug_problem(slug: str) -> str:
    """Check a slug: package indexes, hosts and platforms must accept it (PEP 503, RFC 1035)."""
    if not re.fullmatch(r"[a-z]([a-z0-9]|-(?=[a-z0-9]))*", slug):
        return "may use a-z, 0-9, single hyphens."
    if len(slug) > LONGEST_SLUG:
        return f"has {len(slug)} characters; at most {LONGEST_SLUG}."
    if slug in DISTRIBUTIONS:
        return "is a package the service needs."
    return ""


def package_problem(package: str) -> str:
    """Check a package's name: it must not hide another module."""
    if not re.fullmatch(r"[a-z]([a-z0-9]|_(?=[a-z0-9]))*", package):
        return "may use a-z, 0-9, single underscores."
    if len(package) > LONGEST_SLUG:
        return f"has {len(package)} characters; at most {LONGEST_SLUG}."
    for names, what in (
        ({*keyword.kwlist, *keyword.softkwlist}, "a Python keyword"),
        (STDLIB, "a standard library module"),
        (IMPORTS, "a module the service needs"),
        (FOLDERS, "a reserved folder name"),
        (WINDOWS_DEVICES, "a Windows device name"),
    ):
        if package in names:
            return f"is {what}."
    return ""


def email_problem(email: str) -> str:
    """Check an e-mail address: empty, or text around one @. Only a mail could prove more."""
    if email and not re.fullmatch(r"[^@\s<>\"\\,;:]+@[^@\s<>\"\\,;:]+", email):
        return "is not an e-mail address."
    return text_problem(email, LONGEST_SENTENCE)


def default_user(question: str, known: str) -> str:
    """Return the user's name or address from git if it is valid, or else nothing; neither is required."""
    return "" if problem(question, known) else known


CHECKS: dict[str, Callable[[str], str]] = {
    "project_name": name_problem,
    "project_slug": slug_problem,
    "package": package_problem,
    "description": partial(text_problem, longest=LONGEST_SENTENCE),
    "user_name": partial(text_problem, longest=LONGEST_NAME),
    "user_email": email_problem,
}
YES_OR_NO = ("clock",)
LIST_CHECKS: dict[str, Callable[[list[str]], str]] = {
    "platforms": options.platform_problem,
    "observability": lambda _: "",  # all combinations are allowed
}


def list_problem(question: str, answer: object, choices: Iterable[str] = ()) -> str:
    """Return what is wrong with an answer that is a list. `-d` passes it as YAML text."""
    try:
        chosen = yaml.safe_load(answer) if isinstance(answer, str) else answer
    except yaml.YAMLError:
        chosen = None
    if not isinstance(chosen, list) or not all(isinstance(item, str) for item in chosen):
        return f"{question} must be a list, such as [{', '.join(choices)}]."
    allowed = list(choices)
    if allowed and not set(chosen) <= set(allowed):
        return f"{question} must be some of: {', '.join(allowed)}."
    found = LIST_CHECKS[question](chosen)
    return f"{question} {found}" if found else ""


def prompt_problem(question: str, answer: object) -> str:
    """Return what is wrong with an answer, without the question's name, which the prompt shows."""
    return problem(question, answer).removeprefix(f"{question} ")


def problem(question: str, answer: object, choices: Iterable[str] = ()) -> str:
    """Return what is wrong with an answer, as one sentence that names the question, or an empty string."""
    if question in LIST_CHECKS:
        return list_problem(question, answer, choices)
    if question in YES_OR_NO:
        known = str(answer).lower() in (*options.YES, *options.NO)
        return "" if known else f"{question} must be true or false."
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        return f"{question} must be text."
    if allowed := list(choices):
        return "" if str(answer) in allowed else f"{question} must be one of: {', '.join(allowed)}."
    found = CHECKS[question](str(answer)) if question in CHECKS else ""
    return f"{question} {found}" if found else ""
