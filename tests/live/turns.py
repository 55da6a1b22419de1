"""Who says yes while something happens, asked all the time: never two at once.

Pure Python, no pytest.

    with Turns(agents, lambda agent: agent.status("/primary") == 200) as turns:
        ...
    turns.check("n1", "n2")

One is asked after the other. On a busy machine a second may lie between two of them, in which the first may rightly
have given way to the second: what was not seen within a MOMENT is asked once more, and a pause that could not be seen
is not asked for.
"""

import threading
import time
from typing import NamedTuple

import sandbox

PAUSE = 0.05
MOMENT = 0.25  # seconds: a handover takes longer


class Look(NamedTuple):
    """When it began and ended, and who said yes."""
    began: float
    ended: float
    names: frozenset

    def __repr__(self):
        return f"{self.began:.3f}..{self.ended:.3f} {sorted(self.names)}"


class Turns:
    """`asked` are things with a name, each asked a dozen times a second while this is entered."""

    def __init__(self, asked, says_yes):
        self.seen = []  # the first and the last Look of each set of names
        self._asked = list(asked)
        self._says_yes = says_yes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self):
        start = time.monotonic()
        while not self._over.is_set():
            began = time.monotonic()
            names = self._names(self._asked)
            ended = time.monotonic()
            for one in self._one_by_one(names) if ended - began > MOMENT else [names]:
                self._note(Look(began - start, ended - start, one))
            time.sleep(PAUSE)

    def _one_by_one(self, names):
        """Who said yes before and after another one did has not given way to it; else they said so one after the other,
        as they were asked."""
        asked = [one for one in self._asked if one.name in names]
        again = self._names(asked[:-1])
        return [names] if again else [frozenset([one.name]) for one in asked] or [names]

    def _note(self, look):
        if len(self.seen) > 1 and self.seen[-1].names == self.seen[-2].names == look.names:
            self.seen.pop()
        self.seen.append(look)

    def _names(self, asked):
        return frozenset(one.name for one in asked if self._is_yes(one))

    def _is_yes(self, one):
        try:
            return self._says_yes(one)
        except OSError:
            return False  # no answer is no yes

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def wait(self, name, timeout=60):
        """Until that one alone says yes."""
        sandbox.wait_for(lambda: self.seen and self.seen[-1].names == {name}, f"{name} to say yes", timeout, 0.05,
                         detail=lambda: str(self.seen))

    def check(self, *names):
        """These said yes, one after the other, nobody else did, and nobody at all for a moment before each next one."""
        order, before = [], None
        for look in self.seen:
            if len(look.names) > 1:
                raise sandbox.Never(f"more than one says yes: {self.seen}")
            if look.names and order[-1:] != [look.names]:
                was_watched = before and look.ended - before.began < MOMENT
                assert not (before and before.names and was_watched), self.seen
                order.append(look.names)
            before = look
        assert order == [{name} for name in names], self.seen
