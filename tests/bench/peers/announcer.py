"""The whole gateway as `clawgate serve` builds it, which also broadcasts one event on SIGUSR1 and two on SIGUSR2.

No request makes a gateway broadcast one event of a chosen size and nothing else; a signal does. Takes the state folder
and the event's text, prints what `serve --json` prints.
"""

import json
import os
import signal
import sys
from pathlib import Path

from gw import hub
from gw.cli.options import load_settings
from gw.modes.standalone import Standalone
from gw.observe.log import setup

EVENT = "task"  # any event that every reader gets

folder, text = Path(sys.argv[1]), sys.argv[2]
flags = {"gateway__state": str(folder), "gateway__listen": "127.0.0.1:0"}
loaded = load_settings(None, flags)
logs = setup("warning", "logfmt", queue_lines=1024, history_lines=0)
service = Standalone(loaded, logs, lambda: loaded)
address = service.start()


def announce(count: int) -> None:
    for _ in range(count):
        service.gateway.bus.publish(EVENT, {"text": text})


hub.on_signal(signal.SIGUSR1, lambda: announce(1))
hub.on_signal(signal.SIGUSR2, lambda: announce(2))
token = str(service.gateway.secret.path)
print(json.dumps({"url": address.url, "tokenFile": token, "pid": os.getpid()}), flush=True)
while True:
    hub.sleep(3600)
