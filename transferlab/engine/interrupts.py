"""Ctrl-C reaches the main thread alone. Training in other threads asks here, at every batch, whether it is to stop."""

from contextvars import ContextVar
from threading import Event

stop: ContextVar[Event | None] = ContextVar("stop", default=None)


def check() -> None:
    """Raise KeyboardInterrupt if whoever started this thread has set its `stop` event."""
    event = stop.get()
    if event and event.is_set():
        raise KeyboardInterrupt
