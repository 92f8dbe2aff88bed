"""Shell-equivalent rewrites: other spellings of a command that a shell runs the same.

Words (quoting, escapes, expansions), flags, whole commands (variables, wrappers, lists, functions), and the ways a text
reaches a shell (arguments, inputs, files, encodings, other interpreters). Everything is drawn from the generator that
is handed in, so a seed repeats a rewrite.
"""

import base64
import codecs
import random
import shlex
from collections.abc import Callable

Rewrite = Callable[[random.Random, str], str]

# --- one word: the shell sees the same characters ---------------------------------------------------------------------


def quoted(rng: random.Random, word: str) -> str:
    return rng.choice((shlex.quote(word), "'" + word.replace("'", "'\\''") + "'"))


def pieces(rng: random.Random, word: str) -> str:
    """`r''m`, `r""m`, `r\\m`: quoting inside the word."""
    at = rng.randrange(1, len(word)) if len(word) > 1 else 0
    head, tail = shlex.quote(word[:at]) if at else "", word[at:]
    if tail[0].isalnum() and rng.random() < 0.5:
        return head + "\\" + tail[0] + (shlex.quote(tail[1:]) if tail[1:] else "")
    return head + rng.choice(("''", '""', "$''")) + shlex.quote(tail)


def letters(_rng: random.Random, word: str) -> str:
    """Every character by itself."""
    return "".join(f"'{c}'" if c != "'" else "\\'" for c in word)


def ansi(rng: random.Random, word: str) -> str:
    spell = rng.choice((lambda c: f"\\x{ord(c):02x}", lambda c: f"\\{ord(c):03o}", lambda c: f"\\u{ord(c):04x}"))
    return "$'" + "".join(map(spell, word)) + "'" if word.isascii() else shlex.quote(word)


def substituted(rng: random.Random, word: str) -> str:
    if word.startswith("-") or "%" in word or "\\" in word:
        return shlex.quote(word)
    inner = f"printf %s {shlex.quote(word)}"
    forms = (f'"$({inner})"', f'"$( {inner} )"', f'"$(echo {shlex.quote(word)})"')
    return rng.choice(forms if "`" in word or "$" in word or '"' in word else (*forms, f'"`{inner}`"'))


def defaulted(rng: random.Random, word: str) -> str:
    """The default of a variable that is not set."""
    if not word.isalnum():
        return shlex.quote(word)
    return rng.choice((f"${{unset_here:-{word}}}", f'"${{unset_here-{word}}}"'))


def joined(rng: random.Random, word: str) -> str:
    """A line continuation inside the word."""
    at = rng.randrange(1, len(word)) if len(word) > 1 else 0
    plain = word.replace("-", "").replace("/", "").replace(".", "").isalnum()
    return f"{word[:at]}\\\n{word[at:]}" if at and plain else shlex.quote(word)


WORDS: list[Rewrite] = [quoted, pieces, letters, ansi, substituted, defaulted, joined]

# --- flags: a set, wherever they stand --------------------------------------------------------------------------------

_LONG = {"-r": "--recursive", "-R": "--recursive", "-f": "--force"}
_TAKES_LONG = ("rm", "chmod", "chown")
_ANY_ORDER = ("rm", "shred")


def reordered(rng: random.Random, words: list[str]) -> list[str]:
    """Clusters split, spelled out, and moved where the program does not care."""
    program, rest = words[0], list(words[1:])
    if program in _TAKES_LONG and rng.random() < 0.5:
        cluster = [w for w in rest if w[:1] == "-" and w[1:].isalpha() and len(w) > 2]
        for word in cluster:
            at = rest.index(word)
            rest[at : at + 1] = [f"-{letter}" for letter in rng.sample(word[1:], len(word) - 1)]
        if rng.random() < 0.5:
            rest = [_LONG.get(w, w) for w in rest]
    if program in _ANY_ORDER:
        rng.shuffle(rest)
    return [program, *rest]


# --- a whole command --------------------------------------------------------------------------------------------------


def in_variable(rng: random.Random, words: list[str]) -> str:
    """The program's name, or all of it, in variables."""
    name, quoted_words = words[0], [shlex.quote(w) for w in words]
    rest = " ".join(quoted_words[1:])
    whole = " ".join(quoted_words)
    at = rng.randrange(1, len(name)) if len(name) > 1 else 1
    forms = [
        f"v={name}; $v {rest}",
        f'v={name}; "${{v}}" {rest}',
        f'a={name[:at]}; b={name[at:]}; "$a$b" {rest}',
        f"v=x{name}; ${{v:1}} {rest}",
        f"v=x{name}x; v=${{v#x}}; ${{v%x}} {rest}",
        f"v={name.upper()}; ${{v,,}} {rest}" if name.islower() else f"v={name}; $v {rest}",
        f"n=v; v={name}; ${{!n}} {rest}",
        f"read -r v <<< {name}; $v {rest}",
        f"printf -v v %s {name}; $v {rest}",
        f"export v={name}; $v {rest}",
        f"v={name[:at]}; v+={name[at:]}; $v {rest}",
        f'c=({whole}); "${{c[@]}}"',
        f'set -- {whole}; "$@"',
        f'f() {{ {name} "$@"; }}; f {rest}',
        f"for v in {name}; do $v {rest}; done",
        f"hash -p /bin/{name} v; v {rest}",
        f"alias v={name}; v {rest}",
        f"mapfile -t v <<< {name}; $v {rest}",
    ]
    if all(word.replace("-", "").replace("/", "").isalnum() for word in words):
        forms.append(f"IFS=,; v={','.join(words)}; $v")
    return rng.choice(forms)


PREFIXES = [
    "sudo", "sudo -u root", "sudo -n --", "sudo -E", "env", "env A=1 B=2", "env -i", "env -u A", "nohup", "nice",
    "nice -n 10", "ionice -c3", "setsid", "setsid -w", "timeout 10", "timeout -s KILL 5s", "stdbuf -oL", "command",
    "command -p", "time", "time -p", "doas", "A=1 B=2", "busybox", "unshare -r", "chrt -i 0", "taskset 1", "exec",
    "exec -a x", "builtin command", "sudo env A=1 nice", "strace -f", "setpriv --reuid 0", "runuser -u root --",
    "systemd-run --scope", "prlimit --nproc=9", "firejail", "docker exec c", "kubectl exec p --",
    "chroot /srv", "flock /tmp/l", "xvfb-run", "dbus-run-session", "pkexec", "nsenter -t 9 -m", "script -qec",
]  # fmt: skip
FRAMES = [
    "({})", "{{ {}; }}", "true && {}", "false || {}", ": ; {}", "{} &", "{} 2>/dev/null", "{} > /tmp/out 2>&1",
    "if true; then {}; fi", "if false; then :; else {}; fi", "for i in 1; do {}; done",
    "while true; do {}; break; done", "f() {{ {}; }}; f", "function f {{ {}; }}; f", "  {}  ", "{} # done",
    "cd /srv; {}", "! {}", "echo start; {}; echo end", "case x in *) {} ;; esac", "echo $({})", 'echo "$({})"',
    "cat <({})", "{} | cat", "{} |& cat", "set -e\n{}", "until {}; do :; done", "exec 3>&1; {}", "x=$({})",
    "# a comment\n{}", "{}\n", "coproc {{ {}; }}", "[ -d / ] && {}", "(({} ) )", "{{ {}\n}}",
    "select i in a; do {}; done", "trap - INT; {}", "({} &) &", "wait; {}",
]  # fmt: skip

# --- a text on its way to a shell -------------------------------------------------------------------------------------


def _octal(text: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in text.encode())


def in_shell(rng: random.Random, text: str) -> str:
    """Handed to a shell as an argument, its input, a file, or encoded."""
    plain = shlex.quote(text)
    encoded = base64.b64encode(text.encode()).decode()
    file = f"/tmp/s{rng.randrange(1000)}.sh"
    thirty_two = base64.b32encode(text.encode()).decode()
    forms = [
        f"bash -c {plain}",
        f"sh -c {plain}",
        f"zsh -lc {plain}",
        f"bash --norc -ec {plain}",
        f"/bin/sh -c {plain} x",
        f"eval {plain}",
        f'eval "$(printf %s {plain})"',
        f"bash <<< {plain}",
        f"bash -s <<< {plain}",
        f"bash /dev/fd/3 3<<< {plain}",
        f"exec 3<<< {plain}; bash <&3",
        f"printf %s {plain} | dd of={file}; sh {file}",
        f"sh -c {plain}" if {"'", "\n", "%"} & {*text} else f"xargs -I% sh -c % <<< {shlex.quote(plain)}",
        f"printf '%s\\n' {plain} | sh",
        f"echo {encoded} | base64 -d | bash",
        f"base64 --decode <<< {encoded} | sh",
        f"echo {encoded} | openssl base64 -d -A | sh",
        f'eval "$(echo {encoded} | base64 -d)"',
        f'bash -c "$(base64 -d <<< {encoded})"',
        f"bash <(echo {encoded} | base64 -d)",
        f"echo {encoded} | base64 -d > {file}; sh {file}",
        f"echo {thirty_two} | base32 -d | sh",
        f"printf '{_octal(text)}' | sh",
        f"echo -e '{_octal(text)}' | bash",
        f"echo {shlex.quote(text[::-1])} | rev | sh" if "\n" not in text else f"sh -c {plain}",
        f"echo {shlex.quote(codecs.encode(text, 'rot13'))} | tr A-Za-z N-ZA-Mn-za-m | sh",
        f"bash <(printf '%s' {plain})",
        f'x={plain}; bash -c "$x"',
        f'x={plain}; eval "$x"',
        f'x={plain}; echo "$x" | sh',
        f"su -c {plain}",
        f"su root -c {plain}",
        f"ssh localhost {plain}",
        f"printf '%s' {plain} > {file}; sh {file}",
        f"printf '%s' {plain} | tee {file}; chmod +x {file}; {file}",
        f"echo {text.encode().hex()} | xxd -r -p | bash",
        f"trap {plain} EXIT",
        f"find . -maxdepth 0 -exec sh -c {plain} \\;",
        f"xargs -0 sh -c {plain} < /dev/null",
        f"printf '%s\\0' {plain} | xargs -0 -I{{}} sh -c {{}}",
        f"parallel ::: {plain}",
        f"watch -n 1 {plain}",
        f"flock /tmp/l -c {plain}",
        f"script -qc {plain} /dev/null",
        f"tmux new -d {plain}",
        f"screen -dm sh -c {plain}",
        f"docker exec c sh -c {plain}",
        f"kubectl exec p -- bash -c {plain}",
        f"env -S {shlex.quote('sh -c ' + plain)}",
        f"python3 -c {shlex.quote(f'import os; os.system({text!r})')}",
        f"python3 -c {shlex.quote(f'import subprocess; subprocess.run({text!r}, shell=True)')}",
        f"git -c alias.x={shlex.quote('!' + text)} x",
        f"timeout 9 bash -c {plain}",
        f"source /dev/stdin <<< {plain}",
        f". <(printf '%s' {plain})",
    ]
    if "\nEOF" not in text:
        forms += [
            f"bash <<'EOF'\n{text}\nEOF\n",
            f"cat <<'EOF' | sh\n{text}\nEOF\n",
            f"cat > {file} <<'EOF'\n{text}\nEOF\nbash {file}",
        ]
    return rng.choice(forms)


def rewrite(rng: random.Random, words: list[str]) -> str:
    """One spelling of *words*, up to three layers deep."""
    words = reordered(rng, words)
    if rng.random() < 0.2 and words[0].isalnum():
        text = in_variable(rng, words)
    else:
        program = words[0] if rng.random() < 0.7 or "/" in words[0] else rng.choice(("/bin/", "/usr/bin/")) + words[0]
        spelled = [rng.choice(WORDS)(rng, w) if rng.random() < 0.4 else shlex.quote(w) for w in [program, *words[1:]]]
        text = rng.choice((" ", "  ", "\t", " \\\n")).join(spelled)
        if rng.random() < 0.5:
            prefix = rng.choice(PREFIXES)
            text = f"{prefix} {shlex.quote(text)}" if prefix.endswith("ec") and " " in prefix else f"{prefix} {text}"
        text = rng.choice(("", "", "", "2>&1 ", ">/tmp/out ", "</dev/null ")) + text
    for _ in range(rng.randrange(4)):
        text = rng.choice(FRAMES).format(text) if rng.random() < 0.5 else in_shell(rng, text)
    return text
