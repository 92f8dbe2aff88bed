"""Two hundred patterns like those of a real rule set, and texts to search: ordinary ones, and ones made to be slow.

Knows nothing of engines. Everything is composed from the tables below, so it is the same on every machine.
"""

import random
import re

TABLES = {
    "verb": "ignore disregard forget bypass override skip neglect discard suspend drop",
    "quality": "previous prior earlier above preceding existing original former initial built-in",
    "noun": "instructions? rules? directives? guidelines? prompts? restrictions? policies constraints? orders? limits?",
    "tell": "reveal print show repeat display output leak expose dump recite",
    "send": "send post upload forward exfiltrate transmit email submit deliver copy",
    "key": "sk pk ghp xoxb AKIA glpat hf npm shpat dop",
}
PHRASE_TABLES = {
    "secret": "system prompt, hidden instructions?, initial prompt, api keys?, passwords?, credentials?, "
    "secret tokens?, private keys?, environment variables?, session cookies?",
    "mode": "developer mode, admin mode, jailbreak mode, god mode, unrestricted mode, debug mode, maintenance mode, "
    "root mode, sandbox escape, evil twin",
    "place": "to this (?:url|address), to https?://, to the following (?:server|address), by e-?mail, to my server, "
    "to an external (?:host|site), outside the network, to attacker, to pastebin, to a public gist",
    "persona": "an? unrestricted (?:ai|assistant), DAN, an? evil (?:ai|bot), my late grandmother, a hacker, root, "
    "the administrator, the developer, an? amoral (?:ai|assistant), a terminal",
}

# {i} is a different row of the tables in each of ten copies.
TEMPLATES = (
    r"(?i)\b(?:{verb}|{verb1}|{verb2})\b[^\n]{{0,40}}\b(?:{quality}|{quality1})\b[^\n]{{0,40}}\b{noun}\b",
    r"(?i)\b{verb}\s+(?:all|any|every|the)\s+(?:of\s+)?(?:your|the|my)\s+{noun}",
    r"(?i)\b(?:{tell}|{tell1})\b[^\n]{{0,80}}\b{secret}\b",
    r"(?i)\b{tell}\b[^\n]{{0,200}}\b(?:verbatim|word for word|in full|exactly as written)\b",
    r"(?i)\byou are (?:now|currently) (?:in )?{mode}\b",
    r"(?i)\b(?:enter|enable|activate|switch to)\b[^\n]{{0,40}}\b{mode}",
    r"(?i)\b{send}\b[^\n]{{0,80}}\b{secret3}\b[^\n]{{0,80}}{place}",
    r"(?i)\b(?:act|behave|respond|pretend)\b[^\n]{{0,40}}\b(?:as|like|to be)\s+{persona}",
    r"(?i)\bdo not (?:tell|inform|notify|mention)\b.{{0,60}}\b(?:the )?(?:user|owner|operator)\b.{{0,60}}{noun}",
    r"(?i)\bfrom now on\b[^\n]{{0,200}}\b{verb}\b",
    r"(?i)<\|?(?:system|assistant|im_start|tool_{i})\|?>",
    r"(?i)^\s*#+\s*(?:new|updated|revised)\s+{noun}\s*:",
    r"(?i)\bthe (?:user|owner|admin) (?:has )?(?:approved|authori[sz]ed|allowed)\b[^\n]{{0,80}}\b{send}\b",
    r"(?i)\bif (?:you|the assistant) (?:refuse|decline|cannot)\b[^\n]{{0,200}}\b{tell}\b",
    r"(?i)\bhypothetical(?:ly)?\b[^\n]{{0,200}}\b{secret}",
    r"(?i)\btranslate\b[^\n]{{0,80}}\b{secret}\b[^\n]{{0,80}}\binto\b",
    r"(?i)\bbase64\b[^\n]{{0,80}}\b(?:decode|encode)\b[^\n]{{0,80}}\b{verb}",
    r"\b{key}[-_][A-Za-z0-9_-]{{16,}}",
    r"(?i)\bcurl\b[^\n]{{0,200}}\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b[^\n]{{0,{i}}}",
    r"(?i)\b{persona}\b.{{0,60}}\bwithout (?:any )?(?:filters?|limits?|restrictions?|ethics)\b",
)
COMMON = (
    "the a to of and in that is for it with as on be this was are have from or an by not but what all were when we "
    "there can more if out so about which their will each how other them then these some her would make like him "
    "into time has look two write go see number no way could people my than first water been call who its now find "
    "long down day did get come made may part over new sound take only little work know place year live back give "
    "most very after thing our just name good sentence man think say great where help through much before line "
    "right too mean old any same boy follow came want also around form three small set put end does another well "
    "large must big even such because turn here why ask went men read need land different home move try kind hand "
    "picture again change off play spell air away animal house point page letter mother answer found study still "
    "learn should system user server code file test please instructions message email print display "
)
GAP = r"(?:\[\^\\n\]|\.)\{\d+,\d*\}"


def make_patterns() -> list[str]:
    """Ten of each template. `{verb}` is the row of the copy, `{verb1}` the next one, and so on."""
    tables = {name: words.split() for name, words in TABLES.items()}
    tables |= {name: phrases.split(", ") for name, phrases in PHRASE_TABLES.items()}

    def row(i: int) -> dict[str, object]:
        shifted = {f"{name}{k or ''}": table[(i + k) % 10] for name, table in tables.items() for k in range(4)}
        return {"i": i, **shifted}

    return [template.format(**row(i)) for template in TEMPLATES for i in range(10)]


def ordinary(size: int, seed: int) -> str:
    """Sentences of common words, some of which the patterns use too."""
    source, words = random.Random(seed), COMMON.split()
    text = ""
    while len(text) < size:
        sentence = " ".join(source.choices(words, k=source.randint(5, 18)))
        text += sentence.capitalize() + source.choice([". ", ". ", ", ", "? ", ".\n"])
    return text[:size]


def hostile(size: int, seed: int) -> str:
    """The patterns' own words, in any order, on one line."""
    return _joined(WORDS, size, seed)


def phrases(size: int, seed: int) -> str:
    """Whatever stands between the patterns' gaps, whole: every pattern is nearly there all the time."""
    return _joined(PHRASES, size, seed)


def _joined(parts: list[str], size: int, seed: int) -> str:
    source = random.Random(seed)
    return " ".join(source.choices(parts, k=size))[:size]


def _phrases(patterns: list[str]) -> list[str]:
    """One spelling of each part of each pattern."""
    found = []
    for part in (part for pattern in patterns for part in re.split(GAP, pattern.replace("(?i)", ""))):
        part = re.sub(r"\\b|\^|\[[^\]]*\]\{\d+,\}", "", part)
        while "(?:" in part:
            part = re.sub(r"\(\?:([^()|]*)(?:\|[^()]*)?\)\??", r"\1", part)
        part = re.sub(r"\\s[*+]", " ", part).replace("[sz]", "s").replace("[-_]", "-")
        found.append(re.sub(r"\\|[?+*]", "", part))
    return [part for part in dict.fromkeys(found) if part.strip()]


PATTERNS = make_patterns()
PHRASES = _phrases(PATTERNS)
WORDS = sorted({word for phrase in PHRASES for word in phrase.split()})
