"""Every exception the project raises on purpose, split by who must act on it.

Knows nothing of sockets, logs or the protocol beyond its error codes. Invariant: each leaf carries what its
handler needs (a close code, a wire error, a list of problems), so nobody parses a message text.

Wire codes are upstream's own (NOT_PAIRED, INVALID_REQUEST, FORBIDDEN, APPROVAL_NOT_FOUND, UNAVAILABLE); clawgate
only adds `details.code` values.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gw.model.problem import Problem


class GwError(Exception):
    """Base of all; never raised itself."""


class RequestError(GwError):
    """A request that is answered `ok:false`; `shape()` is the wire's error object."""

    code = "INVALID_REQUEST"
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        details: "Mapping[str, object] | None" = None,
        retryable: bool | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after_ms = retry_after_ms
        if retryable is not None:
            self.retryable = retryable

    def shape(self) -> dict[str, object]:
        shape: dict[str, object] = {"code": self.code, "message": self.message}
        if self.details is not None:
            shape["details"] = dict(self.details)
        if self.retryable or type(self).retryable:  # said aloud where the code itself would suggest otherwise
            shape["retryable"] = self.retryable
        if self.retry_after_ms is not None:
            shape["retryAfterMs"] = self.retry_after_ms
        return shape


class InvalidRequest(RequestError):
    """INVALID_REQUEST: the caller's parameters or timing are wrong."""


class Forbidden(RequestError):
    """FORBIDDEN: the connection lacks a scope."""

    code = "FORBIDDEN"


class NotPaired(RequestError):
    """NOT_PAIRED: the device must be paired (or re-paired) first."""

    code = "NOT_PAIRED"


class ApprovalNotFound(RequestError):
    """APPROVAL_NOT_FOUND: no such pending approval."""

    code = "APPROVAL_NOT_FOUND"


class Unavailable(RequestError):
    """UNAVAILABLE: try later, or not served here (then `retryable=False`)."""

    code = "UNAVAILABLE"
    retryable = True


class Blocked(Forbidden):
    """The defender blocked the action; details.code is GUARD_BLOCKED."""


class Held(Unavailable):
    """The defender holds the action for review; details.code is GUARD_REVIEW."""


class Overloaded(Unavailable):
    """A bounded thing is full; `where` names it (a closed set, used as a metric label)."""

    def __init__(self, where: str, retry_after_ms: int = 1000) -> None:
        super().__init__(f"overloaded: {where} is full", details={"where": where}, retry_after_ms=retry_after_ms)
        self.where = where


class ConnectRefused(GwError):
    """A handshake that ends here: `error` is answered (when there is a request to answer), then the link closes."""

    def __init__(self, error: RequestError, close_code: int = 1008, reason: str | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.close_code = close_code
        self.reason = error.message if reason is None else reason


class ProblemsError(GwError):
    """Something people wrote is wrong; carries every problem found, not only the first. Exit status 2."""

    def __init__(self, problems: "Sequence[Problem]") -> None:
        super().__init__("; ".join(str(p) for p in problems[:3]) or "unusable")
        self.problems = tuple(problems)


class ConfigError(ProblemsError):
    """clawgate.yaml, its overlays, the environment or a flag."""


class PolicyError(ProblemsError):
    """A policy file."""


class UpstreamError(GwError):
    """Dialling, the handshake with, or an answer of an upstream failed; drives backoff."""


class SocketClosed(GwError):
    """A WebSocket we dialled is over; 1006 stands for a connection that broke without a word."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed by the peer with {code}")
        self.code = code
        self.reason = reason


class StoreError(GwError):
    """The state backend failed; the service turns not-ready."""


class IntelError(GwError):
    """A reputation look-up failed; becomes a finding, never silence."""


class Expired(GwError):
    """A deadline passed while waiting (what hub.Deadline raises)."""
