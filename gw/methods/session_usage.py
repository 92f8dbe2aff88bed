"""The session methods that count: usage over days and models, one session's timeseries and log.

Knows transcripts and sums. Invariant: an answer covers exactly the sessions it lists, the newest ones in the range.
"""

from collections.abc import Mapping
from typing import Final

from gw.errors import InvalidRequest
from gw.methods.router import Call, rpc
from gw.methods.session_desk import SessionDesk
from gw.ports import Json
from gw.session import entries, keys, transcript, usage
from gw.session.entries import Entry
from gw.session.transcript import Numbered
from gw.session.usage import Span, Tally

DEFAULT_SESSIONS: Final = 50
MOST_SESSIONS: Final = 500  # transcripts read for one answer
POINTS: Final = 200
LOGS: Final = 200
MOST_LOGS: Final = 1000


class SessionUsage:
    def __init__(self, desk: SessionDesk) -> None:
        self._desk = desk

    @rpc("sessions.usage")
    def usage(self, call: Call) -> Json:
        params = call.params
        if params.get("key") and params.get("agentScope"):
            raise InvalidRequest("use either key or agentScope, not both")
        span = usage.span_of(params, self._desk.clock.now_ms())
        report = Report(self._desk, span)
        for key, entry in self._chosen(params, span):
            report.add(key, entry)
        return report.answer()

    @rpc("sessions.usage.timeseries")
    def timeseries(self, call: Call) -> Json:
        key, entry = self._one(call.params)
        shown = transcript.messages(self._desk.book.shown(key, entry))
        return {"sessionId": entry["sessionId"], "points": usage.timeseries(shown, POINTS)}

    @rpc("sessions.usage.logs")
    def logs(self, call: Call) -> Json:
        key, entry = self._one(call.params)
        limit = min(int(call.params.get("limit") or LOGS), MOST_LOGS)
        shown = transcript.messages(self._desk.book.shown(key, entry))[-limit:]
        return {"logs": [_log(one) for one in shown]}

    def _one(self, params: Mapping[str, Json]) -> tuple[str, Entry]:
        """These two have no published parameter shape, so they look for themselves."""
        asked = params.get("key")
        if not isinstance(asked, str) or not asked:
            raise InvalidRequest("key required")
        key = self._desk.key(params)
        return key, self._desk.need(key, asked)

    def _chosen(self, params: Mapping[str, Json], span: Span) -> list[tuple[str, Entry]]:
        desk = self._desk
        if params.get("key"):
            key = desk.key(params)
            return [(key, desk.need(key, params["key"]))]
        agent = params.get("agentId") or (None if params.get("agentScope") else desk.config.rules.default_agent)
        prefix = f"agent:{keys.agent_id(agent)}:" if agent else ""
        limit = min(params.get("limit") or DEFAULT_SESSIONS, MOST_SESSIONS)
        found: list[tuple[str, Entry]] = []
        for card in desk.book.newest_first():
            if span.day(card.updated_at) < span.first or len(found) == limit:
                break
            if card.key.startswith(prefix) and not card.flags & entries.HIDDEN:
                found.append((card.key, card.entry()))
        return found


class Report:
    """Sums while sessions are added."""

    def __init__(self, desk: SessionDesk, span: Span) -> None:
        self._desk = desk
        self._span = span
        self._total = Tally()
        self._rows: list[dict[str, Json]] = []
        self._by: dict[str, dict[str, Tally]] = {name: {} for name in ("model", "provider", "agent", "channel", "day")}
        self._tools: dict[str, int] = {}

    def add(self, key: str, entry: Entry) -> None:
        tally, desk = Tally(), self._desk
        agent_id = desk.agent_of(key)
        channel = (entry.get("delivery") or {}).get("channel") or "webchat"
        shown = [one for one in transcript.messages(desk.book.shown(key, entry)) if self._span.holds(one.record["at"])]
        for one in shown:
            message = one.record["message"]
            place = {
                "model": message.get("model"),
                "provider": message.get("provider"),
                "agent": agent_id,
                "channel": channel,
                "day": self._span.day(one.record["at"]).isoformat(),
            }
            for one_tally in (tally, self._total, *self._tallies(place)):
                one_tally.add(message)
            for name in usage.tool_names(message):
                self._tools[name] = self._tools.get(name, 0) + 1
        self._rows.append(self._row(key, entry, agent_id, channel, tally, shown))

    def _tallies(self, place: Mapping[str, str | None]) -> list[Tally]:
        return [self._by[name].setdefault(value, Tally()) for name, value in place.items() if value]

    def _row(
        self, key: str, entry: Entry, agent_id: str, channel: str, tally: Tally, shown: list[Numbered]
    ) -> dict[str, Json]:
        row = {
            "key": key,
            "sessionId": entry["sessionId"],
            "scope": "instance",
            "agentId": agent_id,
            "channel": channel,
            "chatType": entry.get("chatType", "direct"),
            "updatedAt": entry.get("updatedAt"),
            "usage": {**tally.tokens(), "messageCounts": tally.message_counts()} if shown else None,
        }
        if entry.get("label"):
            row["label"] = entry["label"]
        return row

    def answer(self) -> dict[str, Json]:
        by = self._by
        return {
            "updatedAt": self._desk.clock.now_ms(),
            "startDate": self._span.first.isoformat(),
            "endDate": self._span.last.isoformat(),
            "sessions": self._rows,
            "totals": self._total.tokens(),
            "aggregates": {
                "messages": self._total.message_counts(),
                "tools": {
                    "totalCalls": sum(self._tools.values()),
                    "uniqueTools": len(self._tools),
                    "tools": [{"name": name, "count": count} for name, count in _most(self._tools)],
                },
                "byModel": _parts("model", by["model"]),
                "byProvider": _parts("provider", by["provider"]),
                "byAgent": _parts("agentId", by["agent"]),
                "byChannel": _parts("channel", by["channel"]),
                "daily": [
                    {"date": day, **tally.tokens(), "messages": tally.messages}
                    for day, tally in sorted(by["day"].items())
                ],
            },
            "creatorOptions": [],
            "cacheStatus": {"status": "fresh", "cachedFiles": len(self._rows), "pendingFiles": 0, "staleFiles": 0},
        }


def _parts(name: str, tallies: Mapping[str, Tally]) -> list[dict[str, Json]]:
    found = [{name: key, "count": tally.messages, "totals": tally.tokens()} for key, tally in tallies.items()]
    return sorted(found, key=lambda part: -part["totals"]["totalTokens"])


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _log(one: Numbered) -> dict[str, Json]:
    message = one.record["message"]
    spent = transcript.usage_of(message)
    return {
        "timestamp": one.record["at"],
        "role": message.get("role"),
        "content": entries.preview(transcript.text_of(message), entries.PREVIEW_CHARS),
        "tokens": spent["totalTokens"],
        "cost": spent["cost"],
    }
