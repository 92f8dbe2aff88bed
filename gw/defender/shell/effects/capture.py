"""Programs that record: network traffic, keys, the screen, the camera, the microphone.

Adds facts to drafts. Invariant: reading a recording made earlier is never taken for making one.
"""

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names

_LISTS_OR_READS = ("-D", "--list-interfaces", "-r", "--read-file", "-h", "--help", "--version", "-v", "-V", "-l", "-L")
_GRABBERS = ("x11grab", "avfoundation", "alsa", "pulse", "v4l2", "gdigrab", "dshow", "kmsgrab", "fbdev")


def traffic(draft: Draft) -> None:
    if draft.has("-z"):
        draft.facts.add("shell-escape")
    if not draft.has("-D", "--list-interfaces", "-r", "--read-file", "-h", "--help", "--version"):
        draft.facts.add("captures")


def record(draft: Draft) -> None:
    if not draft.has(*_LISTS_OR_READS):
        draft.facts.add("captures")


def screen(draft: Draft) -> None:
    """macOS: `-V` is a length, not a version."""
    if draft.operands or draft.has("-c", "-P"):
        draft.facts.add("captures")


def microphone(draft: Draft) -> None:
    """sox: the default device as its first file."""
    if draft.argv[1:2] in (["-d"], ["--default-device"]):
        draft.facts.add("captures")


def picture(draft: Draft) -> None:
    """`import` of ImageMagick takes a picture of a window; `xwd` of the screen."""
    if "root" in draft.after("-window") or draft.has("-root"):
        draft.facts.add("captures")


def probe(draft: Draft) -> None:
    """bpftrace, where passwords and lines that are typed go by."""
    if any(place in word for word in draft.argv[1:] for place in ("libpam", "readline", "SSL_", "getpass", "tty_")):
        draft.facts.add("captures")


def keys(draft: Draft) -> None:
    if "test" in draft.operands[:1] or draft.has("--start", "-s", "--test", "--test-xi2") or draft.program == "showkey":
        draft.facts.add("captures")


def video(draft: Draft) -> None:
    if not {*draft.after("-f"), draft.value("-f")}.isdisjoint(_GRABBERS):
        draft.facts.add("captures")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(
        names(
            "tcpdump tshark dumpcap ngrep tcpflow mitmproxy mitmdump mitmweb ecapture ttysnoop ttysnoop-bpfcc"
            " bashreadline bashreadline-bpfcc sslsniff sslsniff-bpfcc justniffer httpry driftnet"
            " urlsnarf mailsnarf webmitm"
        ),
        traffic,
    ),
    "bpftrace": probe,
    **dict.fromkeys(
        names(
            "arecord parecord parec rec scrot gnome-screenshot maim grim flameshot spectacle evtest"
            " imagesnap fswebcam streamer screenshot recordmydesktop wf-recorder"
        ),
        record,
    ),
    **dict.fromkeys(("import", "xwd"), picture),
    **dict.fromkeys(("xinput", "logkeys", "showkey", "xspy", "xkbcat"), keys),
    "ffmpeg": video,
    "screencapture": screen,
    "sox": microphone,
}
