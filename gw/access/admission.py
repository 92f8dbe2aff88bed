"""One decision for every connect request: who this is and what it may do, or the exact refusal.

Knows nothing of frames or sockets; time, nonce and records come in. Invariant: the checks run in upstream's order
(role, origin, device needed, device proof, secret, page build, pairing), and a refusal tells nothing of later ones.
"""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from gw.access import device as devices
from gw.access import origin as origins
from gw.access.device import Device
from gw.access.pairing import Identity, IssuedToken, Pairings
from gw.access.throttle import LoginThrottle
from gw.access.tokens import matches
from gw.errors import ConnectRefused, InvalidRequest, NotPaired, Unavailable
from gw.model.identity import Role

# Clients of the operator's own screens, which always bring a device.
OPERATOR_SCREENS: Final = frozenset({"openclaw-control-ui", "openclaw-browser-copilot", "openclaw-tui"})

REMEDIES: Final = {
    "not-paired": ("device is not approved yet", "Approve this device from the pending pairing requests."),
    "role-upgrade": (
        "device is asking for a higher role than currently approved",
        "Review the requested role upgrade, then approve the pending request.",
    ),
    "scope-upgrade": (
        "device is asking for more scopes than currently approved",
        "Review the requested scopes, then approve the pending upgrade.",
    ),
    "metadata-upgrade": (
        "device identity changed and must be re-approved",
        "Review the refreshed device details, then approve the pending request.",
    ),
}


class Asked(NamedTuple):
    """The connect request, as far as admission reads it."""

    client_id: str
    client_mode: str
    role: str
    scopes: tuple[str, ...]
    platform: str
    device_family: str | None
    display_name: str | None
    build_id: str | None
    device: Device | None
    token: str | None
    password: str | None
    device_token: str | None
    bootstrap_token: str | None


class Facts(NamedTuple):
    """What is known about the connection beside what it says."""

    remote: str
    is_local: bool
    host: str | None
    origin: str | None
    nonce: str
    now_ms: int
    monotonic: float


class Secrets(NamedTuple):
    """How this gateway authenticates; `secret` is the token or password, None in mode none."""

    mode: str  # token | password | none
    secret: str | None


class Admitted(NamedTuple):
    role: Role
    scopes: tuple[str, ...]  # as granted, in the order asked
    method: str  # token | password | none | device-token
    device_id: str | None
    issued: IssuedToken | None


class _Login(NamedTuple):
    """Outcome of the secret check: `method` on success, else `reason` of upstream's list."""

    method: str | None
    reason: str = ""


class Admission:
    def __init__(
        self,
        secrets: Callable[[], Secrets],
        pairings: Pairings,
        throttle: LoginThrottle,
        *,
        allowed_origins: Callable[[], Collection[str]] = tuple,
        page_build: str | None = None,
    ) -> None:
        self._secrets = secrets
        self._pairings = pairings
        self._throttle = throttle
        self._allowed_origins = allowed_origins
        self._page_build = page_build  # of the Control UI served here; None when its build is not known

    def admit(self, asked: Asked, facts: Facts) -> Admitted:
        """Raises ConnectRefused. May write pairing records, so it may block the calling greenlet."""
        role = _role(asked.role)
        self._check_origin(asked, facts)
        secrets = self._secrets()
        shared = self._login_shared(asked, facts, secrets)
        if asked.device is None:
            self._check_deviceless(asked, facts, role, shared, secrets)
            login = shared
        else:
            self._check_proof(asked, asked.device, facts)
            login = self._login_device(asked, asked.device, facts, shared)
        if login.method is None:
            if login.reason not in ("rate_limited", "token_missing", "password_missing"):
                self._throttle.failed(facts.remote, facts.monotonic)
            raise unauthorized(login.reason, asked, facts)
        if login.method != "none":
            self._throttle.succeeded(facts.remote)
        self._check_page_build(asked, facts)
        return self._grant(asked, facts, role, login.method)

    # --- checks, in order -----------------------------------------------------------------------------------

    def _check_origin(self, asked: Asked, facts: Facts) -> None:
        if facts.origin is None and asked.client_id not in origins.BROWSER_CLIENTS:
            return
        reason = origins.problem(facts.origin, facts.host, is_local=facts.is_local, allowed=self._allowed_origins())
        if reason is not None:
            raise ConnectRefused(
                InvalidRequest(
                    "origin not allowed (open the Control UI from the gateway host or allow it in"
                    " gateway.controlUi.allowedOrigins)",
                    details={"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": reason},
                )
            )

    def _login_shared(self, asked: Asked, facts: Facts, secrets: Secrets) -> _Login:
        if secrets.mode == "none":
            return _Login("none") if facts.is_local else _Login(None, "unauthorized")
        given = asked.password or asked.token if secrets.mode == "password" else asked.token or asked.password
        if not given:
            return _Login(None, f"{secrets.mode}_missing")
        if self._throttle.wait_ms(facts.remote, facts.monotonic):
            return _Login(None, "rate_limited")
        return _Login(secrets.mode) if matches(given, secrets.secret) else _Login(None, f"{secrets.mode}_mismatch")

    def _check_deviceless(self, asked: Asked, facts: Facts, role: Role, shared: _Login, secrets: Secrets) -> None:
        if _is_own_backend(asked, facts) and role is Role.OPERATOR and shared.method is not None:
            return
        if asked.client_id in OPERATOR_SCREENS:
            raise ConnectRefused(
                InvalidRequest(
                    "control ui requires device identity (use HTTPS or localhost secure context)",
                    details={"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"},
                )
            )
        if role is Role.OPERATOR and (shared.method is not None):
            return
        if shared.method is None and (asked.token or asked.password) and secrets.mode != "none":
            return  # the login itself is refused next
        raise ConnectRefused(NotPaired("device identity required", details={"code": "DEVICE_IDENTITY_REQUIRED"}))

    def _check_proof(self, asked: Asked, device: Device, facts: Facts) -> None:
        signed = devices.Signed(
            client_id=asked.client_id,
            client_mode=asked.client_mode,
            role=asked.role,
            scopes=asked.scopes,
            token=_first(asked.token, asked.device_token, asked.bootstrap_token),
            platform=asked.platform,
            device_family=asked.device_family or "",
        )
        fault = devices.fault(device, signed, nonce=facts.nonce, now_ms=facts.now_ms)
        if fault is not None:
            details = {"code": fault.detail_code, "reason": fault.reason}
            raise ConnectRefused(InvalidRequest(fault.message, details=details))

    def _login_device(self, asked: Asked, device: Device, facts: Facts, shared: _Login) -> _Login:
        """The shared secret, or the device's own token given explicitly or in its place."""
        candidate = asked.device_token or asked.token
        if shared.method is not None or not candidate or shared.reason == "rate_limited":
            return shared
        if self._throttle.wait_ms(facts.remote, facts.monotonic):
            return _Login(None, "rate_limited")
        verdict = self._pairings.check_token(candidate, device.id, asked.role, asked.scopes)
        if verdict is None:
            return _Login("device-token")
        if verdict == "scope":
            return _Login(None, "scope_mismatch")
        return _Login(None, "device_token_mismatch" if asked.device_token else "token_mismatch")

    def _check_page_build(self, asked: Asked, facts: Facts) -> None:
        """A page of an older build, still open in a browser, is told to reload itself."""
        build = self._page_build
        if build is None or asked.client_id != "openclaw-control-ui" or asked.build_id == build:
            return
        if origins.is_same_page(facts.origin, facts.host):
            raise ConnectRefused(
                Unavailable(
                    "protocol mismatch: Control UI updated; reload this page to continue",
                    details={"code": "PROTOCOL_MISMATCH", "gatewayBuildId": build, "reloadRequired": True},
                    retryable=False,
                )
            )

    # --- what is granted ------------------------------------------------------------------------------------

    def _grant(self, asked: Asked, facts: Facts, role: Role, method: str) -> Admitted:
        if asked.device is None:
            return Admitted(role, self._deviceless_scopes(asked, facts, method), method, None, None)
        identity = _identity(asked, asked.device, facts)
        if _is_own_backend(asked, facts):
            return Admitted(role, asked.scopes, method, identity.device_id, None)
        reason = self._pairings.upgrade_needed(identity, role.value, asked.scopes if role is Role.OPERATOR else ())
        if reason is not None:
            if not _is_silent(asked, facts, reason, method):
                raise self._pairing_required(identity, asked, facts, reason)
            self._pairings.pair(identity, role.value, asked.scopes, facts.now_ms)
        self._pairings.seen(
            identity.device_id, "device-token-auth" if method == "device-token" else "connect", facts.now_ms
        )
        if method == "device-token":
            self._pairings.used(identity.device_id, role.value, facts.now_ms)
        issued = self._pairings.issue(identity.device_id, role.value, facts.now_ms)
        return Admitted(role, asked.scopes if role is Role.OPERATOR else (), method, identity.device_id, issued)

    def _deviceless_scopes(self, asked: Asked, facts: Facts, method: str) -> tuple[str, ...]:
        """Scopes are bound to a device; only our own command line and backend on this machine go without."""
        own_cli = (asked.client_id, asked.client_mode) == ("cli", "cli") and facts.is_local and facts.origin is None
        if _is_own_backend(asked, facts) or own_cli or method == "none":
            return asked.scopes
        return ()

    def _pairing_required(self, identity: Identity, asked: Asked, facts: Facts, reason: str) -> ConnectRefused:
        pending = self._pairings.request(identity, asked.role, asked.scopes, reason, facts.now_ms)
        known = self._pairings.paired(identity.device_id)
        requirement, remedy = REMEDIES[reason]
        message = f"pairing required: {requirement}"
        details: dict[str, object] = {
            "code": "PAIRING_REQUIRED",
            "reason": reason,
            "requestId": pending.request_id,
            "remediationHint": remedy,
            "deviceId": identity.device_id,
            "requestedRole": asked.role,
            "requestedScopes": list(asked.scopes),
        }
        if known is not None:
            details |= {"approvedRoles": list(known.roles), "approvedScopes": sorted(known.scopes)}
        return ConnectRefused(
            NotPaired(message, details=details), reason=f"{message} (requestId: {pending.request_id})"
        )


def unauthorized(reason: str, asked: Asked, facts: Facts) -> ConnectRefused:
    """The refusal for a failed login, with the advice its client understands."""
    retry_with_device = reason == "token_mismatch" and asked.device is not None and not asked.device_token
    next_step = {
        "token_missing": "update_auth_configuration",
        "password_missing": "update_auth_configuration",
        "token_mismatch": "update_auth_credentials",
        "password_mismatch": "update_auth_credentials",
        "device_token_mismatch": "update_auth_credentials",
        "rate_limited": "wait_then_retry",
    }.get(reason, "review_auth_configuration")
    code = {"device_token_mismatch": "AUTH_DEVICE_TOKEN_MISMATCH", "unauthorized": "AUTH_UNAUTHORIZED"}
    return ConnectRefused(
        InvalidRequest(
            _login_message(reason, asked, facts),
            details={
                "code": code.get(reason, f"AUTH_{reason.upper()}"),
                "authReason": reason,
                "canRetryWithDeviceToken": retry_with_device,
                "recommendedNextStep": "retry_with_device_token" if retry_with_device else next_step,
            },
        )
    )


def _login_message(reason: str, asked: Asked, facts: Facts) -> str:
    fixed = {
        "rate_limited": "too many failed authentication attempts (retry later)",
        "device_token_mismatch": "device token mismatch (rotate/reissue device token)",
        "scope_mismatch": "device token scope mismatch (re-pair or approve scope upgrade)",
        "unauthorized": "authentication is required from other machines (set auth.mode to token or password)",
    }
    if reason in fixed:
        return f"unauthorized: {fixed[reason]}"
    kind, _, what = reason.partition("_")
    if asked.client_mode == "cli":
        hint = (
            f"use this gateway's gateway.auth.{kind}" + (" or pair the device" if kind == "token" else "")
            if facts.is_local
            else f"set gateway.remote.{kind} to match gateway.auth.{kind}"
        )
    elif asked.client_id in OPERATOR_SCREENS or asked.client_mode == "webchat":
        hint = (
            "enter the password in Control UI settings"
            if kind == "password"
            else "open the dashboard URL and paste the token in Control UI settings"
        )
    else:
        hint = f"provide gateway auth {kind}"
    return f"unauthorized: gateway {kind} {what} ({hint})"


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise ConnectRefused(InvalidRequest("invalid role")) from None


def _is_own_backend(asked: Asked, facts: Facts) -> bool:
    """A program on this machine that shows the shared secret; it needs no pairing, with or without a device."""
    is_backend = (asked.client_id, asked.client_mode) == ("gateway-client", "backend")
    return is_backend and facts.is_local and facts.origin is None


def _is_silent(asked: Asked, facts: Facts, reason: str, method: str) -> bool:
    """Whether approval goes without saying: whoever reaches loopback with the secret has full authority anyway."""
    if not facts.is_local or reason == "metadata-upgrade":
        return False
    is_page = asked.client_id in OPERATOR_SCREENS or asked.client_mode == "webchat"
    if facts.origin is not None and not is_page:
        return False
    return reason != "scope-upgrade" or method in ("token", "password", "none")


def _identity(asked: Asked, device: Device, facts: Facts) -> Identity:
    key = devices.public_key(device.public_key)
    assert key is not None  # the proof was checked
    return Identity(
        device_id=device.id,
        public_key=devices.encode_base64url(key),
        client_id=asked.client_id,
        client_mode=asked.client_mode,
        platform=asked.platform,
        device_family=asked.device_family,
        display_name=asked.display_name,
        remote=None if facts.is_local else facts.remote,
    )


def _first(*texts: str | None) -> str:
    return next((text for text in texts if text is not None), "")
