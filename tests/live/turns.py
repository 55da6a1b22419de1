"""Who says yes while something happens, asked all the time: never two at once.

Pure Python, no pytest.

    with Turns(agents, lambda agent: agent.status("/primary") == 200) as turns:
        ...
    turns.check("n1", "n2")
"""

import threading
import time

import sandbox

PAUSE = 0.02


class Turns:
    """`asked` are things with a name, each asked some dozen times a second while this is entered."""

    def __init__(self, asked, says_yes):
        self.seen = []  # (seconds, {names}) whenever it is another set than before
        self._asked = list(asked)
        self._says_yes = says_yes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self):
        began = time.monotonic()
        while not self._over.is_set():
            names = {one.name for one in self._asked if self._says_yes(one)}
            if not self.seen or self.seen[-1][1] != names:
                self.seen.append((round(time.monotonic() - began, 3), names))
            time.sleep(PAUSE)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def wait(self, name, timeout=20):
        """Until that one alone says yes."""
        sandbox.wait_for(lambda: self.seen and self.seen[-1][1] == {name}, f"{name} to say yes", timeout,
                         detail=lambda: str(self.seen))

    def check(self, *names):
        """These said yes, one after the other, nobody else did, and nobody at all for a moment before each next one."""
        order, before = [], set()
        for _, yes in self.seen:
            if len(yes) > 1:
                raise sandbox.Never(f"more than one says yes: {self.seen}")
            if yes and order[-1:] != [yes]:
                assert not before, self.seen
                order.append(yes)
            before = yes
        assert order == [{name} for name in names], self.seen
