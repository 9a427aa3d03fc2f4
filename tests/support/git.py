"""How the tests use git."""

import os
import subprocess
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.com",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.com",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "commit.gpgsign",
    "GIT_CONFIG_VALUE_0": "false",
}


def git(where: Path, *arguments: str) -> str:
    """Run git in a folder, with a fixed identity, and return what it prints."""
    done = subprocess.run(
        ["git", *arguments], cwd=where, env=os.environ | IDENTITY, check=True, capture_output=True, text=True
    )
    return done.stdout


def commit_all(where: Path, message: str, tag: str = "") -> None:
    """Commit everything in a folder. If it is not a repository yet, make it one."""
    if not (where / ".git").exists():
        git(where, "init", "--quiet", "--initial-branch=main")
    git(where, "add", "--all")
    git(where, "commit", "--quiet", "--allow-empty", "--message", message)
    if tag:
        git(where, "tag", tag)
