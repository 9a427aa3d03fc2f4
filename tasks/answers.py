"""Before an update: answer the questions that are new since the project was launched with "none".

copier would take a new question's default, which suits a new service; in one that has been running,
no update may turn on a database, a platform or a CI that nobody asked for. The questions come up
all the same, with this as the answer to change.

Run in the project's folder: `answers.py ANSWERS_FILE "QUESTION: ANSWER"...`
"""

import re
import sys
from pathlib import Path


def completed(text: str, answers: list[str]) -> str:
    """The text of an answers file, with those of the answers to whose question it has none."""
    new = [answer for answer in answers if not re.search(rf"^{answer.split(':')[0]}:", text, re.MULTILINE)]
    return "".join([text.rstrip("\n") + "\n", *(f"{answer}\n" for answer in new)])


if __name__ == "__main__":
    path = Path(sys.argv[1])
    before = path.read_text("utf-8")
    after = completed(before, sys.argv[2:])
    if after != before:
        path.with_name(f"{path.name}.new").write_text(after, "utf-8", newline="\n")
        path.with_name(f"{path.name}.new").replace(path)
