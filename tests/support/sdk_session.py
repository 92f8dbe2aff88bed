"""A provider's usual Python library against an address: `python sdk_session.py NAME URL TOKEN...`.

A program of its own, because these libraries (slack_sdk, aiogram, discord.py) bring asyncio and codecs of their own. It
does what a bot does (who am I, receive, answer, edit) and prints what it saw as one line of JSON.
"""

import asyncio
import json
import sys
import threading
from importlib import import_module
from typing import Any

WAIT_S = 15.0


def library(name: str) -> Any:
    """Imported when used: each session's interpreter need not have all of them."""
    return import_module(name)


def slack(http: str, bot_token: str, app_token: str) -> Any:
    web = library("slack_sdk").WebClient(token=bot_token, base_url=f"{http}/api/")
    seen: dict[str, Any] = {"me": web.auth_test()["user_id"]}
    over = threading.Event()

    def listen(client: Any, request: Any) -> None:
        answer = library("slack_sdk.socket_mode.response").SocketModeResponse(envelope_id=request.envelope_id)
        client.send_socket_mode_response(answer)
        event = request.payload["event"]
        seen["heard"] = [request.type, event["text"], event["channel"]]
        posted = web.chat_postMessage(channel=event["channel"], text="re", thread_ts=event["ts"])
        seen["posted"] = posted["ts"]
        seen["edited"] = web.chat_update(channel=event["channel"], ts=posted["ts"], text="better")["ok"]
        over.set()

    client = library("slack_sdk.socket_mode").SocketModeClient(app_token=app_token, web_client=web)
    client.socket_mode_request_listeners.append(listen)
    client.connect()
    assert over.wait(WAIT_S)
    client.close()
    return seen


async def telegram(http: str, token: str) -> Any:
    server = library("aiogram.client.telegram").TelegramAPIServer.from_base(http)
    session = library("aiogram.client.session.aiohttp").AiohttpSession(api=server)
    async with library("aiogram").Bot(token, session=session) as bot:
        seen: dict[str, Any] = {"me": (await bot.get_me()).username}
        await bot.delete_webhook()
        updates = await bot.get_updates(timeout=2)
        message = updates[0].message
        assert message is not None
        seen["heard"] = [message.text, message.chat.type]
        again = await bot.get_updates(offset=updates[0].update_id + 1, timeout=0)
        seen["again"] = len(again)
        reply = library("aiogram.types").ReplyParameters(message_id=message.message_id)
        posted = await bot.send_message(message.chat.id, "re", reply_parameters=reply)
        seen["posted"] = posted.message_id
        edited = await bot.edit_message_text("better", chat_id=message.chat.id, message_id=posted.message_id)
        seen["edited"] = edited is not True and edited.text
        topic = await bot.send_message(-1001, "re", message_thread_id=5)
        seen["topic"] = topic.message_thread_id
    return seen


async def discord(http: str, token: str) -> Any:
    py = library("discord")
    py.http.Route.BASE = f"{http}/v10"
    py.gateway.DiscordWebSocket.DEFAULT_GATEWAY = library("yarl").URL(http.replace("http", "ws"))
    intents = py.Intents.none()
    intents.guilds = intents.messages = intents.message_content = True
    client = py.Client(intents=intents, max_messages=None)
    seen: dict[str, Any] = {}

    async def on_message(message: Any) -> None:
        if message.author.id == client.user.id:
            return
        seen["me"] = client.user.name
        seen["heard"] = [message.content, str(message.author.id)]
        posted = await message.channel.send("re", reference=message, nonce="n1")
        seen["posted"] = posted.content
        seen["edited"] = (await posted.edit(content="better")).content
        await client.close()

    client.event(on_message)
    await asyncio.wait_for(client.start(token), WAIT_S)
    return seen


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    sessions: dict[str, Any] = {"slack": slack, "telegram": telegram, "discord": discord}
    found = sessions[name](*arguments)
    sys.stdout.write(json.dumps(asyncio.run(found) if asyncio.iscoroutine(found) else found) + "\n")
