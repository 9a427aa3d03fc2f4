"""Names: what a project, its slug and its package may be called, and what to offer by default.

A default made here always passes its own check, because copier ends in a traceback when one
does not. Checks return one sentence, or an empty string when there is nothing to say. It is short: a
prompt has one line for it, of which copier takes half ("Validation error for question …").
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

LONGEST_NAME = 60  # columns, so that a line of code which holds it stays short enough
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
# Folders and modules of the emitted project; folders which ruff, pytest or git pass over when
# they have these names; https://docs.astral.sh/ruff/settings/#exclude,
# https://docs.pytest.org/en/stable/reference/reference.html#confval-norecursedirs
FOLDERS = {"build", "conftest", "deploy", "dev", "dist", "docs", "node_modules", "tests", "venv"}
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
WINDOWS_DEVICES = {"aux", "con", "nul", "prn"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(10)}

# Letters that Unicode does not decompose into ASCII, each with what stands for it.
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
    """Lower-case ASCII words joined by hyphens; what cannot be written so is left out."""
    composed = unicodedata.normalize("NFC", text).lower().translate(TO_LATIN)
    decomposed = unicodedata.normalize("NFKD", composed).lower().translate(TO_LATIN)
    ascii_only = "".join(c for c in decomposed if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")


def default_name(folder: str) -> str:
    """The folder's name as a title: `copier copy … my-shop` offers "My shop"."""
    words = re.sub(r"[-_.\s]+", " ", folder).strip()
    name = words[:1].upper() + words[1:]
    return name if name and not name_problem(name) else "My service"


def default_slug(project_name: str) -> str:
    """A valid slug for any project name."""
    slug = slugify(project_name)
    if not slug[:1].isalpha():
        slug = f"service-{slug}"
    slug = slug[:LONGEST_SLUG].strip("-")
    return slug if not slug_problem(slug) else f"{slug[: LONGEST_SLUG - 8].strip('-')}-service"


def default_package(project_slug: str) -> str:
    """A valid package name for any slug."""
    package = slugify(project_slug).replace("-", "_")
    if not package[:1].isalpha():
        package = f"service_{package}"
    package = package[:LONGEST_SLUG].strip("_")
    if package_problem(package):
        package = f"{package[: LONGEST_SLUG - 8].strip('_')}_service"
    return package


def text_problem(text: str, longest: int) -> str:
    """Free text: one line, writable in every file format, without invisible tricks."""
    if len(text) > longest:
        return f"is {len(text)} long; {longest} is the most."
    if text != text.strip():
        return "begins or ends with white space."
    for character in text:
        if _is_unprintable(character):
            return f"holds U+{ord(character):04X}, which is no text."
    return ""


def _is_unprintable(character: str) -> bool:
    """Control characters, line breaks, halves of characters, noncharacters, and the controls
    that show a text in another order than it has (https://www.unicode.org/reports/tr36/)."""
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
    """A project's name is any text of one line."""
    if not name:
        return "is empty."
    columns = len(name) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in name)
    if columns > LONGEST_NAME:
        return f"is {columns} wide; {LONGEST_NAME} is the most."
    return text_problem(name, LONGEST_NAME)


def slug_problem(slug: str) -> str:
    """A slug is a name for package indexes, hosts and platforms alike (PEP 503, RFC 1035)."""
    if not re.fullmatch(r"[a-z]([a-z0-9]|-(?=[a-z0-9]))*", slug):
        return "takes a-z, 0-9, single hyphens."
    if len(slug) > LONGEST_SLUG:
        return f"is {len(slug)} long; {LONGEST_SLUG} is the most."
    if slug in DISTRIBUTIONS:
        return "is a package the service needs."
    return ""


def package_problem(package: str) -> str:
    """A package is a module that hides no other one."""
    if not re.fullmatch(r"[a-z]([a-z0-9]|_(?=[a-z0-9]))*", package):
        return "takes a-z, 0-9, single underscores."
    if len(package) > LONGEST_SLUG:
        return f"is {len(package)} long; {LONGEST_SLUG} is the most."
    for names, what in (
        ({*keyword.kwlist, *keyword.softkwlist}, "a keyword of Python"),
        (STDLIB, "a module of Python's library"),
        (IMPORTS, "a module the service needs"),
        (FOLDERS, "kept for another purpose"),
        (WINDOWS_DEVICES, "a device on Windows"),
    ):
        if package in names:
            return f"is {what}."
    return ""


def email_problem(email: str) -> str:
    """Something with an @ inside, or nothing: only a mail can prove an address."""
    if email and not re.fullmatch(r"[^@\s<>\"\\,;:]+@[^@\s<>\"\\,;:]+", email):
        return "is not an e-mail address."
    return text_problem(email, LONGEST_SENTENCE)


def default_user(question: str, known: str) -> str:
    """What git knows of the user, where it is usable; one need not say who one is."""
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
    "observability": lambda _: "",  # any of them stand together
}


def list_problem(question: str, answer: object, choices: Iterable[str] = ()) -> str:
    """What is wrong with an answer that is a list; `-d` gives it as a YAML text."""
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
    """What is wrong with an answer as a prompt shows it: copier has named the question."""
    return problem(question, answer).removeprefix(f"{question} ")


def problem(question: str, answer: object, choices: Iterable[str] = ()) -> str:
    """What is wrong with an answer, as one sentence that names the question, or nothing."""
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
