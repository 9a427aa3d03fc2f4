"""What three versions of a structured file mean together: values by key, lists by what names their items."""

import json
import tomllib
from collections.abc import Callable, Hashable
from typing import Any

import yaml

from tasks import lines
from tasks.lines import ConflictError

ABSENT: Any = object()
# What names an item of a list, as platforms and CIs write them.
NAMES = ("name", "key", "plan", "id", "uses", "run")


def value(base: Any, mine: Any, new: Any) -> Any:
    """What both sides want of a value: objects by key, lists by what has come. Raises ConflictError."""
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
    """What both sides want of an object. Raises ConflictError."""
    merged = {
        key: value(base.get(key, ABSENT), mine.get(key, ABSENT), new.get(key, ABSENT))
        for key in {**mine, **new}
    }
    return {key: item for key, item in merged.items() if item is not ABSENT}


def named(items: list[Any]) -> dict[Hashable, Any]:
    """The items of a list by what names them. Raises ConflictError if that is not one name for each."""
    found = {name(item): item for item in items}
    if len(found) < len(items):
        raise ConflictError
    return found


def name(item: Any) -> Hashable:
    """What names an item of a list: a field of it, or the item itself."""
    if isinstance(item, dict):
        return next(((field, str(item[field])) for field in NAMES if field in item), canonical(item))
    return canonical(item)


def canonical(found: Any) -> str:
    """A value as text, whatever the order of its keys and items."""
    if isinstance(found, dict):
        return json.dumps(sorted((str(key), canonical(item)) for key, item in found.items()))
    if isinstance(found, list):
        return json.dumps(sorted(map(canonical, found)))
    return repr(found)


class Loader(yaml.BaseLoader):
    """Reads YAML as it is written: `on` stays `on`, any tag will do, and no key stands twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Take an alias for the text that it is: what it stands for is merged where it is defined."""
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
    """The documents of a YAML file by their number. Raises YAMLError."""
    return dict(enumerate(yaml.load_all(text, Loader)))


def read_variables(text: str) -> dict[str, str]:
    """What .env.example sets. Raises ConflictError if it sets a variable twice."""
    pairs = [line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#")]
    found = {key: given for key, _, given in pairs}
    if len(found) < len(pairs):
        raise ConflictError
    return found


def by(read: Callable[[str], Any]) -> Callable[[str, str, str], str]:
    """Return a merge of lines whose result means what both sides want. Raises ConflictError, or ValueError.

    Lines keep the user's comments and layout, which no writer of YAML does; the reader only decides.
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
