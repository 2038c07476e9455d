# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Two controllers that use one directory in turns, in an order that a test decides."""

from __future__ import annotations

import contextlib
import threading
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    Directory,
    DirectoryEntry,
    Search,
    Write,
)


class Controller:
    """A task in a thread of its own. It stops before each request to the directory until `go`."""

    def __init__(self, directory: Directory, task: t.Callable[[Directory], object]) -> None:
        self.server = directory.server
        self.ended = False
        self.error: Exception | None = None
        self._directory = directory
        self._may_go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(task,), daemon=True)
        self._thread.start()
        self._stopped.acquire()

    def go(self) -> None:
        """Do one request, and what follows up to the next one."""
        self._may_go.release()
        self._stopped.acquire()

    def search(self, search: Search) -> list[DirectoryEntry]:
        with self._turn():
            return self._directory.search(search)

    def write(self, write: Write) -> None:
        with self._turn():
            self._directory.write(write)

    @contextlib.contextmanager
    def _turn(self) -> t.Iterator[None]:
        self._stopped.release()
        self._may_go.acquire()
        yield

    def _run(self, task: t.Callable[[Directory], object]) -> None:
        try:
            task(self)
        except Exception as error:
            self.error = error
        self.ended = True
        self._stopped.release()


def interleave(first: Controller, second: Controller, order: t.Iterable[int]) -> t.Iterator[None]:
    """Let the controllers go in turns: 0 in `order` is the first one, 1 the second one, and whoever is left goes on to
    its end. Yields after each turn.
    """
    both = (first, second)
    for number in order:
        if not both[number].ended:
            both[number].go()
            yield
    for one in both:
        while not one.ended:
            one.go()
            yield
