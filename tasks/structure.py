"""Merge three versions of a structured file: objects by key, and lists by the names of their items."""

import json
import tomllib
from collections.abc import Callable, Hashable
from typing import Any

import yaml

from tasks import lines
from tasks.lines import ConflictError

ABSENT: Any = object()
# The fields that name an item of a list in the files of platforms and CIs.
NAMES = ("name", "key", "plan", "id", "uses", "run")


def value(base: Any, mine: Any, new: Any) -> Any:
    """Return a value with the changes of both sides: objects by key, lists by item. Raises ConflictError."""
    if mine == new or new == base:
        return mine
    if mine == base:
        return new
    if isinstance(mine, dict) and isinstance(new, dict):
        return by_key(base if isinstance(base, dict) else {}, mine, new)
    if all(isinstance(side, list) for side in (base, mine, new)):
        if all(item in mine for item in base):
            return [item for item in mine if item in new or item not in base] + [
                item for item in new if item not in base and item not in mine
            ]
        before, own, theirs = map(named, (base, mine, new))
        if before.keys() - own.keys() - theirs.keys():
            raise ConflictError  # an item without a name, which both sides may have changed
        return list(by_key(before, own, theirs).values())
    raise ConflictError


def by_key(base: dict[Any, Any], mine: dict[Any, Any], new: dict[Any, Any]) -> dict[Any, Any]:
    """Return an object with the changes of both sides. Raises ConflictError."""
    merged = {
        key: value(base.get(key, ABSENT), mine.get(key, ABSENT), new.get(key, ABSENT))
        for key in {**mine, **new}
    }
    return {key: item for key, item in merged.items() if item is not ABSENT}


def named(items: list[Any]) -> dict[Hashable, Any]:
    """Return the items of a list by their names. Raises ConflictError if two items have the same name."""
    found = {name(item): item for item in items}
    if len(found) < len(items):
        raise ConflictError
    return found


def name(item: Any) -> Hashable:
    """Return the name of a list's item: one of its fields, or the item itself."""
    if isinstance(item, dict):
        return next(((field, str(item[field])) for field in NAMES if field in item), canonical(item))
    return canonical(item)


def canonical(found: Any) -> str:
    """Return a value as text that does not depend on the order of its keys and items."""
    if isinstance(found, dict):
        return json.dumps(sorted((str(key), canonical(item)) for key, item in found.items()))
    if isinstance(found, list):
        return json.dumps(sorted(map(canonical, found)))
    return repr(found)


class Loader(yaml.BaseLoader):
    """Reads YAML literally: `on` stays `on`, any tag is accepted, and a duplicate key is a conflict."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Treat an alias as text: the value that it refers to is merged at the place of its definition."""
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()  # type: ignore[no-untyped-call]
            return yaml.ScalarNode("alias", f"*{event.anchor}")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Construct a mapping. Raises ConflictError."""
        found = super().construct_mapping(node, deep)
        if len(found) < len(node.value):
            raise ConflictError
        return found


def read_yaml(text: str) -> dict[int, Any]:
    """Return the documents of a YAML file by their number. Raises YAMLError."""
    return dict(enumerate(yaml.load_all(text, Loader)))


def read_variables(text: str) -> dict[str, str]:
    """Return the variables that .env.example sets. Raises ConflictError if it sets one twice."""
    pairs = [line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#")]
    found = {key: given for key, _, given in pairs}
    if len(found) < len(pairs):
        raise ConflictError
    return found


def by(read: Callable[[str], Any]) -> Callable[[str, str, str], str]:
    """Return a function that merges lines, and then checks that the result has the changes of both sides.

    It raises ConflictError or ValueError. A merge of lines keeps the user's comments and layout, which no
    YAML writer does. `read` is used only for the check.
    """

    def merged(base: str, mine: str, new: str) -> str:
        wanted = canonical(value(*map(read, (base, mine, new))))
        for own_first in (True, False):
            text = lines.merged(base, mine, new, own_first=own_first)
            try:
                if canonical(read(text)) == wanted:
                    return text
            except (ConflictError, ValueError, yaml.YAMLError):
                continue
        raise ConflictError

    return merged


WAYS: dict[str, Callable[[str, str, str], str]] = {
    ".toml": by(tomllib.loads),
    ".yaml": by(read_yaml),
    ".yml": by(read_yaml),
    ".env.example": by(read_variables),
}
