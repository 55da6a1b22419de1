"""Asks until the answer is the one that a test wants: what a store, a manager or a neighbour has to notice first takes
a while, and on a busy machine a long one.

Pure Python, no pytest.
"""

import sandbox

PATIENCE = 60  # seconds, which only a failure takes


def until(run, good, what, always=lambda result: True, timeout=PATIENCE):
    """The first result that `good` accepts; each one before, too, must be as `always` has it."""
    last = []

    def look():
        last[:] = [run()]
        assert always(last[0]), last[0]
        return good(last[0])

    sandbox.wait_for(look, what, timeout, 0.2, detail=lambda: str(last[0]))
    return last[0]


def told(run, state, *texts, always=lambda result: True):
    """Likewise: of that state, with these texts."""
    return until(run, lambda result: result.state == state and all(text in result.stdout for text in texts),
                 f"{state}: {', '.join(texts)}", always)
