"""Ctrl-C reaches only the main thread. Training in other threads asks here, at every batch, whether to stop."""

from contextvars import ContextVar
from threading import Event

stop: ContextVar[Event | None] = ContextVar("stop", default=None)


def check() -> None:
    """Raise KeyboardInterrupt if the `stop` event of this thread has been set."""
    event = stop.get()
    if event and event.is_set():
        raise KeyboardInterrupt
