"""What people type, see, say and send."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("screencapture -V 60 x.mov", "captures"),
    ("mitmdump -w /srv/f", "captures"),
    ("bpftrace -e 'uprobe:/lib/libpam.so.0:pam_get_authtok { }'", "captures"),
    ("sox -d x.wav", "captures"),
    ("xinput --test 11", "captures"),
    ("tcpdump -i eth0 -w o.pcap", "captures"),
    ("tshark -i any", "captures"),
    ("tcpdump -z /tmp/x -r a", "shell-escape"),
    ("scrot s.png", "captures"),
    ("import -window root s.png", "captures"),
    ("xwd -root -out x", "captures"),
    ("arecord -d 9 x.wav", "captures"),
    ("xinput test 8", "captures"),
    ("xinput --test-xi2", "captures"),
    ("logkeys --start", "captures"),
    ("showkey", "captures"),
    ("ffmpeg -f x11grab -i :0 o.mp4", "captures"),
    ("cat /dev/input/event3", "captures"),
]
MISSES = [
    ("sox a.wav b.mp3", "captures"),
    ("bpftrace -l", "captures"),
    ("screencapture -h", "captures"),
    ("tcpdump -r o.pcap", "captures"),
    ("tcpdump -D", "captures"),
    ("arecord -l", "captures"),
    ("import logo.png", "captures"),
    ("xinput list", "captures"),
    ("ffmpeg -i a.mp4 -f mp3 b.mp3", "captures"),
    ("ls /dev/input", "captures"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
