"""Runs inputs through the targets in this process, which was started by `run` under the sanitizers.

Prints one JSON object a line: progress, a failure, or the end. The input under way stands in a shared file, so that
the parent can tell which one killed us.
"""

import argparse
import faulthandler
import json
import mmap
import os
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.mutate import MOST_BYTES, Mutator

TURN_S = 0.5  # of one target before the next has its turn
HANG_S = 60  # of one turn
LAST_BYTES = 8 + MOST_BYTES + 1024


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def check_origin(native: str | None) -> None:
    """Fail when a module came from the tree or the sanitizers are away: such a run would prove nothing."""
    if native and "libasan" not in Path("/proc/self/maps").read_text():
        raise RuntimeError("AddressSanitizer is not loaded")
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if native and name.startswith("gw._native.") and file.endswith(".so") and not file.startswith(native):
            raise RuntimeError(f"{name} was loaded from {file}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--native", help="folder of the compiled modules to load instead of the tree's")
    parser.add_argument("--last", type=Path, required=True, help="file that holds the input under way")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--compare-every", type=int, required=True)
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args()
    if options.native:
        import gw._native

        gw._native.__path__.insert(0, options.native)
    from tests.fuzz.targets import TARGETS

    check_origin(options.native)
    targets = [target for target in TARGETS if target.name in options.targets or not options.targets]
    sources = [iter(Mutator(target.seeds, target.words, options.seed + i)) for i, target in enumerate(targets)]
    options.last.write_bytes(bytes(LAST_BYTES))
    with options.last.open("r+b") as file, mmap.mmap(file.fileno(), 0) as last:
        done, turn, deadline = 0, 0, time.monotonic() + options.seconds
        while done < options.count and time.monotonic() < deadline:
            target, source = targets[turn % len(targets)], sources[turn % len(targets)]
            turn += 1
            turn_end = time.monotonic() + TURN_S
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            while done < options.count and time.monotonic() < turn_end:
                data = next(source)
                last[:8] = len(data).to_bytes(8, "big")
                last[8 : 8 + len(data)] = data
                try:
                    (target.compare if done % options.compare_every == 0 else target.run)(data)
                except BaseException:
                    tell(failed=target.name, input=data.hex(), error=traceback.format_exc())
                    return 1
                done += 1
            faulthandler.cancel_dump_traceback_later()
            tell(done=done, resident=resident_bytes())
    tell(end=done, resident=resident_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
