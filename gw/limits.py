"""Every numeric limit with its unit and its source; code names the limit, never the number.

"upstream" means OpenClaw 2026.9.6 as observed on the wire.
"""

from typing import Final

# --- wire -----------------------------------------------------------------------------------------------------
PREAUTH_MESSAGE_BYTES: Final = 64 * 1024  # upstream: larger before hello-ok closes 1009 without an answer
MAX_PAYLOAD_BYTES: Final = 26_214_400  # upstream: policy.maxPayload
MAX_BUFFERED_BYTES: Final = 52_428_800  # upstream: policy.maxBufferedBytes; past it the slow consumer is closed 1008
MAX_ATTACHMENT_BYTES: Final = 19_464_192  # upstream: policy.attachments.maxBytes
MAX_IMAGE_BYTES: Final = 6_291_456  # upstream: policy.attachments.maxImageBytes
TICK_INTERVAL_MS: Final = 30_000  # upstream: policy.tickIntervalMs
CONNECT_TIMEOUT_S: Final = 15.0  # upstream: silence before connect closes 1000
PONG_TIMEOUT_S: Final = 25.0  # upstream documentation
CLOSE_GRACE_S: Final = 1.0  # time for the close frame to leave (upstream PR 147707 uses one second)
SIGNED_SKEW_MS: Final = 120_000  # upstream: 90 s old accepted, 180 s refused
MAX_JSON_DEPTH: Final = 64  # published schema nests 12 deep; two parsers agree well past this
MAX_FRAGMENTS: Final = 4096  # frames of one message; past it each must bring 64 bytes on average (Autobahn 9.3.1 does)
MESSAGES_PER_TURN: Final = 64  # of one connection before the others have theirs
HTTP_HEADER_BYTES: Final = 32 * 1024
HTTP_BODY_BYTES: Final = 1024 * 1024
HTTP_IDLE_TIMEOUT_S: Final = 30.0  # until a request line, on a new or a kept connection
HTTP_HEADER_TIMEOUT_S: Final = 10.0  # from the request line to the end of the headers, however slowly they drip
HTTP_BODY_TIMEOUT_S: Final = 20.0
HTTP_READER_BYTES_PER_S: Final = 16 * 1024  # who takes an answer more slowly, past the idle time, is left
TLS_HANDSHAKE_TIMEOUT_S: Final = 10.0
DRAIN_S: Final = 5.0  # a stop waits this long for close frames to be answered
MAX_CONNECTIONS: Final = 4096
MAX_CONNECTIONS_PER_ADDRESS: Final = 1024  # loopback carries every local client, so this is generous
MAX_PENDING_REQUESTS: Final = 256  # unanswered requests of one connection; past it we stop reading from it
MAX_NODE_INVOCATIONS: Final = 1024  # questions to nodes that wait for their answer
CLOSE_REASON_BYTES: Final = 123  # RFC 6455 section 5.5

# --- access ---------------------------------------------------------------------------------------------------
MAX_PENDING_PAIRINGS: Final = 64
PAIRING_TTL_MS: Final = 3_600_000
AUTH_FAILURES_PER_MINUTE: Final = 10  # per address; loopback included

# --- defender -------------------------------------------------------------------------------------------------
EVALUATION_WORKERS: Final = 8
EVALUATION_QUEUE: Final = 256
EVALUATION_TIMEOUT_S: Final = 2.5
ADMISSION_TIMEOUT_S: Final = 1.0
INLINE_EVALUATION_BYTES: Final = 32 * 1024  # larger text is scored in the native pool (bench row 9)
MAX_PATTERN_SPANS: Final = 256  # of one pattern in one text; what lies behind counts as one more, unread
MAX_SCANNED_BYTES: Final = 1024 * 1024  # per text; the remainder is a finding of its own

# --- state ----------------------------------------------------------------------------------------------------
IDEMPOTENCY_TTL_MS: Final = 300_000  # upstream: gateway RPC dedupe, 5 min after the last write
IDEMPOTENCY_ENTRIES: Final = 1000  # upstream
SESSIONS_PENDING: Final = 20  # upstream: queue cap per session
