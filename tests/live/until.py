"""Asks until the answer is the one that a test wants: what a store, a manager or a neighbour has to notice first takes
a while, and on a busy machine a long one.

Pure Python, no pytest.
"""

import sandbox

PATIENCE = 60  # seconds, which only a failure takes


def until(run, good, what, always=lambda result: True, within=None, timeout=PATIENCE):
    """The first result that `good` accepts, and that took less than `within` seconds; those before it, too, must be as
    `always` has it. That one alone is late is the machine's doing; that all are is not."""
    last = []

    def look():
        last[:] = [run()]
        assert always(last[0]), last[0]
        return good(last[0]) and (within is None or last[0].elapsed < within)

    sandbox.wait_for(look, what, timeout, 0.2, detail=lambda: str(last[0]))
    return last[0]


def told(run, state, *texts, **how):
    """Likewise: of that state, with these texts."""
    return until(run, lambda result: result.state == state and all(text in result.stdout for text in texts),
                 f"{state}: {', '.join(texts)}", **how)
