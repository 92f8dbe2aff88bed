"""Who is heard in a chat, and by which agents: from a message of a channel to the turns it becomes.

Knows the rules (gw.routing) and the order they are asked in; no provider, no transcript. Invariant: access is decided
before activation, and activation before anything is kept; what is not for an agent stays in a bounded memory of its
group alone.

Source: openclaw/ROUTING.md section 1.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from gw.channels.base import Inbound
from gw.errors import GwError
from gw.methods.broadcasts import Broadcasts
from gw.methods.chat_turn import ChatTurns, Turned, label_of
from gw.methods.outlet import Outlet, Target
from gw.methods.session_desk import SessionDesk
from gw.routing import access, activation, bindings, broadcast, debounce, mentions, replies, tool_policy
from gw.routing.access import Access
from gw.routing.activation import Facts
from gw.routing.bindings import Peer, Place, Route
from gw.routing.bot_loops import BotLoops
from gw.routing.mentions import Names
from gw.routing.pairing import PairedSenders
from gw.routing.rules import Rules, Table
from gw.routing.tool_policy import Layer
from gw.routing.unmentioned import Unmentioned
from gw.session import commands, keys

logger = logging.getLogger(__name__)

SPOKEN: Final = frozenset({"message", "command"})  # an edit or a reaction is no new message
PAIRING: Final = (
    "You are not paired with this agent yet.\n\n"
    "Your id here: {sender}\nPairing code: {code}\n\n"
    "Ask the operator to run: clawgate pairing approve {channel} {code}{account}"
)

Count = Callable[[str, str], object]  # channel, outcome


class Inbox:
    def __init__(
        self,
        rules: Rules,
        desk: SessionDesk,
        turns: ChatTurns,
        broadcasts: Broadcasts,
        outlet: Outlet,
        paired: PairedSenders,
        count: Count,
    ) -> None:
        self.follow(rules)
        self._desk = desk
        self._turns = turns
        self._broadcasts = broadcasts
        self._outlet = outlet
        self._paired = paired
        self._count = count
        self._unmentioned = Unmentioned()
        self._loops = BotLoops()

    def follow(self, rules: Rules) -> None:
        """Take messages by these rules from now on."""
        self._rules = rules
        self._names = {name: mentions.names_of(agent, rules.messages) for name, agent in rules.agents.items()}

    def wait_s(self, message: Inbound) -> float:
        """How long it waits before `handle`, for more of its sender; only what is plainly said waits, and albums."""
        if message.album:
            return debounce.ALBUM_MS / 1000
        is_plain = message.kind == "message" and not (message.media or message.is_forwarded or message.sender.is_bot)
        if not is_plain or message.commands or _command(self._names.values(), message.text):
            return 0.0
        settings = self._rules.messages.get("inbound") or {}
        return debounce.wait_ms(settings, message.channel, len(message.text)) / 1000

    def handle(self, message: Inbound) -> None:
        """Take one message to its end or to its turn. Raises Overloaded, Unavailable or StoreError: again, later."""
        self._count(message.channel, self._outcome(message))
        for _ in range(message.parts - 1):
            self._count(message.channel, "joined")

    def shed(self) -> None:
        """Give memory back."""
        self._unmentioned.clear()

    def _outcome(self, message: Inbound) -> str:
        if message.kind not in SPOKEN or not (message.text.strip() or message.media):
            return "ignored"
        settings = self._rules.settings(message.channel, message.account)
        if not self._heeds(message, settings):
            return "ignored"
        found, mention = self._access(message, settings)
        if found.decision == "pairing":
            return self._offer_pairing(message)
        if not found.is_allowed:
            logger.info("channel.denied", extra={"channel": message.channel, "reason": found.reason})
            return "denied"
        return self._to_agents(message, settings, mention)

    # --- access -----------------------------------------------------------------------------------------------

    def _heeds(self, message: Inbound, settings: Table) -> bool:
        """Other bots are nobody unless they are allowed, and no endless talk even then."""
        if not message.sender.is_bot:
            return True
        if settings.get("allowBots") is not True:
            return False
        me = f"{message.channel}:{message.account}"
        return self._loops.admit(me, f"{message.channel}:{message.sender.id}", self._desk.clock.now_ms())

    def _access(self, message: Inbound, settings: Table) -> tuple[Access, bool]:
        """May they, and must they mention the agent?"""
        channel, ids = message.channel, names_of(message)
        if not settings:
            return Access("block", "channel_not_configured"), True
        policy, rules = settings.get("groupPolicy"), self._rules
        allow_from = rules.listed(settings, "allowFrom", channel)
        if message.chat_type == "direct":
            paired = self._paired.paired(channel, message.account)
            found = access.direct(ids, policy=settings.get("dmPolicy"), allow_from=allow_from, paired=paired)
            return found, False
        if message.guild_id and settings.get("guilds"):
            return access.guild(settings, message.guild_id, places_of(message), ids, message.sender.roles)
        senders = rules.listed(settings, "groupAllowFrom", channel)
        group = access.group(settings, listed_group(message, settings), has_senders=bool(senders))
        if not group.allowed:
            return Access("block", "group_policy_not_allowlisted"), group.require_mention
        found = access.group_sender(ids, policy=policy, group_allow_from=senders, allow_from=allow_from)
        return found, group.require_mention

    def _offer_pairing(self, message: Inbound) -> str:
        account = self._outlet.find(message.channel, message.account)
        if account is None or not account.capabilities.pairing:
            return "denied"
        now_ms, who = self._desk.clock.now_ms(), message.sender.id
        request = self._paired.ask(
            message.channel, message.account, who, label_of(message)[:100], message.chat_id, now_ms
        )
        if request is not None:
            other = "" if message.account == "default" else f" --account {message.account}"
            text = PAIRING.format(sender=who, code=request.code, channel=message.channel, account=other)
            self._outlet.say(target_of(message, {}), text, f"pair-{request.request_id}")
        return "pairing"

    # --- to whom ----------------------------------------------------------------------------------------------

    def _to_agents(self, message: Inbound, settings: Table, mention: bool) -> str:
        routes = self._routes(message)
        names = [self._names.get(route.agent, Names()) for route in routes]
        switch = activation.patterns_enabled(settings.get("mentionPatterns"), message.peer.id)
        if not switch.enabled:
            names = [Names() for _ in routes]
        is_owner = self._rules.is_owner(message.channel, names_of(message))
        own = "" if message.is_forwarded else message.text  # what others wrote commands and mentions nobody
        command = _command(names, own)
        if not self._is_meant(message, settings, mention, routes[0], names, is_command=bool(command), owner=is_owner):
            self._unmentioned.add(group_of(message), label_of(message), message.text)
            return "unmentioned"
        history = [] if command or message.chat_type == "direct" else self._unmentioned.take(group_of(message))
        turned = [
            Turned(
                message,
                route,
                session_of(message, route),
                target_of(message, settings),
                is_owner,
                command,
                history,
                self._pins_route(message, route, settings),
                *self._tools(message, route, settings),
            )
            for route in routes
        ]
        try:
            return self._start(message, turned, [route.agent for route in routes])
        except GwError:  # it comes again, and then what was said before must still be there
            for said in history:
                self._unmentioned.add(group_of(message), said.sender, said.text)
            raise

    def _start(self, message: Inbound, turned: Sequence[Turned], agents: Sequence[str]) -> str:
        several = broadcast.find(self._rules.broadcast, message.channel, message.peer.id)
        if several is None or turned[0].command:
            return self._turns.start(turned[0])
        return self._broadcasts.start(several, turned, {agent: self._names[agent] for agent in agents})

    def _is_meant(
        self,
        message: Inbound,
        settings: Table,
        mention: bool,
        route: Route,
        names: Sequence[Names],
        *,
        is_command: bool,
        owner: bool,
    ) -> bool:
        group = message.chat_type != "direct"
        entry = self._desk.book.get(session_of(message, route)) or {}
        said = message.mentions
        account = self._outlet.find(message.channel, message.account)
        own = "" if message.is_forwarded else message.text
        mentioned = any(mentions.matches(one, own, mentioned=said.bot) for one in names)
        detects = account is None or account.capabilities.detects_mentions
        facts = Facts(
            can_detect=detects or any(one != Names() for one in names),
            was_mentioned=mentioned,
            has_any_mention=said.any and not mentioned,
            implicit=said.implicit,
            is_group=group,
            require_mention=group and activation.must_be_mentioned(mention, entry.get("groupActivation")),
            is_command=is_command,
            may_command=owner,
        )
        return not activation.gate(facts, settings.get("implicitMentions")).skip

    def _routes(self, message: Inbound) -> list[Route]:
        """The agents this conversation is for: those of a broadcast, else the one its bindings choose."""
        rules = self._rules
        place = Place(
            message.channel,
            message.account,
            Peer(*message.peer),
            Peer(*message.parent_peer) if message.parent_peer is not None else None,
            message.guild_id,
            message.team_id,
            message.sender.roles,
        )
        several = broadcast.find(rules.broadcast, message.channel, message.peer.id)
        if several is None:
            return [bindings.select(rules.bindings, place, rules.keys, rules.session)]
        return [bindings.select((), place, rules.keys, rules.session, agent) for agent in several.agents]

    def _tools(self, message: Inbound, route: Route, settings: Table) -> tuple[list[Layer], bool]:
        """The layers, and whether one of them is this group's or sender's own."""
        rules, sender = self._rules, message.sender
        names = {"id": sender.id, "e164": sender.e164, "username": sender.username}
        own = None
        if message.chat_type != "direct":
            group = listed_group(message, settings)
            own = tool_policy.for_group(settings.get("groups") or {}, group, message.channel, names)
        agent = rules.agents.get(route.agent, {}).get("tools") or {}
        return tool_policy.layers(rules.tools, agent, own), own is not None

    def _pins_route(self, message: Inbound, route: Route, settings: Table) -> bool:
        """Groups never redirect the main session, and where it is one person's, others do not either."""
        if not route.is_main:
            return True
        if message.chat_type != "direct":
            return False
        allowed = self._rules.listed(settings, "allowFrom", message.channel)
        only = allowed[0].lower() if len(allowed) == 1 and allowed[0] != access.ANY else None
        return only is None or only in {one.lower() for one in names_of(message)}


def _command(names: Iterable[Names], text: str) -> str:
    """The command a text is, without the mentions around it; empty: none."""
    return next((bare for one in names if commands.parse(bare := mentions.strip(one, text))), "")


def names_of(message: Inbound) -> list[str]:
    """What a list may call the sender by; never the display name, which anybody may choose."""
    sender = message.sender
    return [one for one in (sender.id, sender.username, sender.username and f"@{sender.username}", sender.e164) if one]


def places_of(message: Inbound) -> list[str]:
    """What a list may call the group by: its own id, then the chat's, then that of the channel a thread is in."""
    parent = message.parent_peer.id if message.parent_peer is not None else ""
    return [one for one in dict.fromkeys((message.peer.id, message.chat_id, parent)) if one]


def listed_group(message: Inbound, settings: Table) -> str:
    """The name under which `groups` has this group; its chat's when it has none of them."""
    listed = settings.get("groups") or {}
    return next((one for one in places_of(message) if one in listed), message.chat_id)


def group_of(message: Inbound) -> str:
    return f"{message.channel}:{message.account}:{message.peer.kind}:{message.peer.id}:{message.thread_id}"


def session_of(message: Inbound, route: Route) -> str:
    """A thread has its own session, unless the provider's peer id names it already."""
    thread, peer = message.thread_id, message.peer.id
    if not thread or message.chat_type == "direct" or route.is_main:
        return route.session_key
    if peer == thread or peer.endswith(f":topic:{thread}"):
        return route.session_key
    return keys.thread_key(route.session_key, thread)


def target_of(message: Inbound, settings: Table) -> Target:
    return Target(
        message.channel,
        message.account,
        message.chat_id,
        message.thread_id,
        message.message_id,
        replies.mode_of(settings.get("replyToMode")),
        message.reply_token,
    )
