"""Tag each release of this repository that has no tag yet: copier finds versions by their tags."""

from tests.support.git import git
from tests.support.template import ROOT, releases


def main() -> None:
    """Tag the releases, and print their versions."""
    known = git(ROOT, "tag", "--list").split()
    for version, commit in releases().items():
        if version not in known:
            git(ROOT, "tag", version, commit)
            print(f"{version} is {commit[:12]}")
    print("`git push --tags` publishes them.")


if __name__ == "__main__":
    main()
