"""Observations in the order that they were made in, whatever machines make them: one object remembers the latest."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import chain, repeat
from random import SystemRandom

from lakehouse.bronze.gcs.objects import NEW, Objects
from lakehouse.bronze.observations import after, read_observation, write_observation
from lakehouse.exceptions import CommitConflict

OBSERVE_SECONDS = 60.0
"""How long an observation is tried in all: whenever another one came between, that was made."""

_PAUSES = (0.05, 0.1, 0.2, 0.4, 1.0)
"""Seconds at most after each time: Cloud Storage lets an object be written about once in a second, for long."""

_OBSERVED_AT = "observed_at"
"""What is noted of the object, so that one answer tells it and its generation."""


def next_observation(objects: Objects, name: str, recorded: datetime | None) -> datetime:
    """Now, or where the clock says no more than at the observation before, a little later than that.

    The object ``name`` remembers the one that was given last; ``recorded`` is the newest of which there is a record.

    Raises:
        CommitConflict: others kept observing the same.
    """
    random, give_up = SystemRandom(), time.monotonic() + OBSERVE_SECONDS
    for longest in chain(_PAUSES, repeat(_PAUSES[-1])):
        kept = objects.kept(name)
        before = None if kept is None else read_observation(kept.notes.get(_OBSERVED_AT, "").encode())
        given = after(before, recorded)
        text = write_observation(given)
        generation = NEW if kept is None else kept.generation
        if objects.write(name, text, notes={_OBSERVED_AT: text}, instead_of=generation) is not None:
            return given
        if time.monotonic() > give_up:
            break
        time.sleep(random.uniform(0, longest))
    raise CommitConflict(f"{objects.uri(name)}: other runs kept writing it for {OBSERVE_SECONDS:.0f} s; run it again")
