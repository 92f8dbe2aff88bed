"""Idempotency keys of requests that are no turns (send): claimed, settled or released, on disk each time.

Knows the claims table and the store, not what a request does. Invariant: while a key is claimed, and for as long as its
answer is kept, the same request has no second effect.
"""

from contextlib import suppress

from gw.errors import GwError
from gw.ports import Clock, Json
from gw.session.book import Book
from gw.session.idempotency import Claims


class Claimed:
    def __init__(self, book: Book, claims: Claims, clock: Clock) -> None:
        self._book = book
        self._claims = claims
        self._clock = clock

    def claim(self, name: str, digest: str, run_id: str) -> Json | None:
        """None: go on, and `settle` or `release`; otherwise what to answer.

        Raises InvalidRequest (conflict), and StoreError or Overloaded; then the key is as free as before.
        """
        outcome, changes = self._claims.begin(name, digest, run_id, self._clock.now_ms())
        try:
            self._book.write(changes)
        except GwError:
            with suppress(GwError):  # written with the next change, behind what it takes back
                self.release(name)
            raise
        return None if outcome.claimed else outcome.answer

    def settle(self, name: str, answer: Json) -> None:
        self._book.write(self._claims.finish(name, answer, self._clock.now_ms()))

    def release(self, name: str) -> None:
        """Nothing happened: the key may be used again."""
        self._book.write(self._claims.release(name))
