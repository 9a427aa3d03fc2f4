"""Before an update: give the answer "none" to each question that is newer than the project.

Otherwise copier would use the default of a new question. A default suits a new service, but an update
must not turn on a database, a platform or a CI in an existing service if nobody asked for it. copier
still asks the new questions, and offers this answer.

Run this in the project's folder: `answers.py ANSWERS_FILE "QUESTION: ANSWER"...`
"""

import re
import sys
from pathlib import Path


def completed(text: str, answers: list[str]) -> str:
    """Return the text of an answers file, with each of the answers whose question it does not have yet."""
    new = [answer for answer in answers if not re.search(rf"^{answer.split(':')[0]}:", text, re.MULTILINE)]
    return "".join([text.rstrip("\n") + "\n", *(f"{answer}\n" for answer in new)])


if __name__ == "__main__":
    path = Path(sys.argv[1])
    before = path.read_text("utf-8")
    after = completed(before, sys.argv[2:])
    if after != before:
        path.with_name(f"{path.name}.new").write_text(after, "utf-8", newline="\n")
        path.with_name(f"{path.name}.new").replace(path)
