"""Say what 2.0.0 requires of a service in Flask or Django: since then, uvicorn serves it, not gunicorn.

Run this in the project's folder after the files are merged: `to_2_0.py ANSWERS_FILE`. It changes nothing.
It prints a sentence for each of the user's lines that the user may have to change.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tasks.project import say

TEMPLATE = Path(__file__).resolve().parent.parent / "template" / "{{ package }}" / "middleware.py.jinja"
GONE = re.compile(
    r"\bgunicorn\b|\bruntime(?:\.| import )(?:gunicorn_worker|proxies)\b"
    r"|\bhttp\.(?:Body|BodyError|Environ|Headers|StartResponse|Response|refusal|log_failure)\b"
)


def own_lines(middleware: str) -> list[str]:
    """Return the lines of a `middleware.py` that the template's does not have."""
    known = {line.strip() for line in TEMPLATE.read_text("utf-8").splitlines()}
    known |= {"def wrap(app: http.WSGI, settings: Settings, services: Services) -> http.App:", ""}
    return [line for line in middleware.splitlines() if line.strip() not in known]


def main(package: str) -> None:
    """Print what the user has to do."""
    middleware = Path(package, "middleware.py")
    if middleware.exists() and own_lines(middleware.read_text("utf-8")):
        say(
            f"{middleware} has lines of your own: its steps are ASGI since 2.0.0. A WSGI middleware goes"
            " around the app: `http.Bridge(Yours(app), threads=settings.web_threads)`."
        )
    for path in sorted([*Path(package).rglob("*.py"), *Path("tests").rglob("*.py")]):
        if not {"runtime", "contract"} & set(path.parts):
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                if GONE.search(line):
                    say(f"{path}:{number}: {line.strip()!r} is gone since 2.0.0; see CHANGELOG.md.")


if __name__ == "__main__":
    answers = Path(sys.argv[1]).read_text("utf-8")
    if re.search(r"(?m)^framework: (?:flask|django)$", answers):
        main(re.findall(r"(?m)^package: (\w+)$", answers)[0])
