"""Broken records of an index: an error where a data set is used, one line each where it is checked.

Readers put `with one_record():` around what belongs to one row or line of their tables. Only `gathering`, which `leadline data
check` does, passes over such a record and goes on; everywhere else its UserError is raised as ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from leadline.types import UserError

_gathered: ContextVar[list[UserError] | None] = ContextVar("gathered", default=None)


class AlreadySaidError(UserError):
    """A record that is lost to a fault which has its line: other rows may point to the same broken one."""


@contextmanager
def gathering() -> Iterator[list[UserError]]:
    """The faults of records that are read inside, in order; the list grows."""
    faults: list[UserError] = []
    token = _gathered.set(faults)
    try:
        yield faults
    finally:
        _gathered.reset(token)


@contextmanager
def one_record() -> Iterator[None]:
    """What is read inside is one record: while gathering, its UserError is kept and the next record may be read."""
    try:
        yield
    except UserError as error:
        faults = _gathered.get()
        if faults is None:
            raise
        if not isinstance(error, AlreadySaidError):
            faults.append(error)


def keep_each(errors: list[UserError]) -> bool:
    """Keep every error while gathering; False where nobody gathers, so that the caller raises its summary of them."""
    faults = _gathered.get()
    if faults is not None:
        faults.extend(errors)
    return faults is not None
