"""Which case is next: the one with the most pairs that no update has had."""

import itertools
import random
from collections import Counter
from collections.abc import Iterable

from .cases import Case

type Pair = tuple[str, str]


class Cover:
    """The cases that are left, and each two of release, service, manager, style and edit that are done.

    Whether a service has the place of an edit is known only when it is tried.
    """

    def __init__(self, cases: Iterable[Case], seed: int) -> None:
        self._left = list(cases)
        random.Random(seed).shuffle(self._left)
        self._absent: dict[Pair, set[str]] = {}
        self.done: Counter[Pair] = Counter()

    def pairs(self, case: Case) -> set[Pair]:
        """Return the pairs of a case, without the edits that its service is known not to have."""
        absent = self._absent.get((case.release, case.service), set())
        places = [case.release, case.service, case.manager, case.style or "as launched"]
        edits = [name for name in case.edits if name not in absent]
        return {*itertools.combinations(places, 2), *itertools.product(places, edits)}

    def lacking(self, case: Case) -> set[Pair]:
        """Return the pairs of a case that no other has had."""
        return {pair for pair in self.pairs(case) if not self.done[pair]}

    def next(self) -> Case | None:
        """Take the next case, or nothing if no pair is left."""
        lacking = [len(self.lacking(case)) for case in self._left]
        if not any(lacking):
            return None
        case = self._left.pop(lacking.index(max(lacking)))
        self.done.update(self.pairs(case))
        return case

    def tell(self, case: Case, edits: Iterable[str]) -> None:
        """Say which edits a case has had: the others are to be tried in another service."""
        tried = self.pairs(case)
        missing = set(case.edits) - set(edits)
        self._absent.setdefault((case.release, case.service), set()).update(missing)
        self.done.subtract(tried - self.pairs(case))

    @property
    def progress(self) -> str:
        """How many of all pairs that there are have been had."""
        had = {pair for pair, times in self.done.items() if times}
        left = {pair for case in self._left for pair in self.pairs(case)} - had
        return f"{len(had)} of {len(had) + len(left)}"
