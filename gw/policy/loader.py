"""Policy files on disk to documents in order: includes, overlays, digest.

Knows nothing of rules. Invariant: the order depends on names and includes alone, never on the file system, and the
digest covers every byte that took part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import gw
from gw._native.filehash import sha256
from gw.errors import PolicyError
from gw.model.problem import Problem, closest
from gw.policy.compile import PatternFactory, compile_policy
from gw.policy.compiled import CompiledPolicy
from gw.policy.reader import Entry, Reader
from gw.policy.signing import Trust, verify
from gw.policy.source import MAX_BYTES, Node, parse

INSTALLED: Final = Path("/usr/share/clawgate/policies")
LOCAL: Final = Path("/etc/clawgate/policies.d")
DEFAULT: Final = "default/default.yaml"
MAX_FILES: Final = 500
TEST_SUFFIX: Final = "_test.yaml"
OVERLAY_SUFFIX: Final = ".local.yaml"

Fingerprint = tuple[tuple[str, int, int, int], ...]  # path, time of change, size and inode of each file


class PolicyFiles(NamedTuple):
    """Documents in evaluation order (included ones first) with what went wrong while finding them."""

    roots: tuple[Node, ...]
    files: tuple[Path, ...]
    digest: str
    problems: tuple[Problem, ...]


def shipped() -> Path:
    """Where the policies that come with clawgate are: beside the package in a checkout, else as installed."""
    beside = Path(gw.__file__).parent.parent / "policies"
    return beside if (beside / "default").is_dir() else INSTALLED


def default_paths() -> list[Path]:
    """The operator's folder when it holds a policy, else the shipped default."""
    if LOCAL.is_dir() and any(LOCAL.glob("*.yaml")):
        return [LOCAL]
    return [shipped() / "default"]


def load(
    paths: Sequence[Path] = (),
    *,
    generation: int = 0,
    factory: PatternFactory | None = None,
    trust: Trust | None = None,
) -> tuple[CompiledPolicy, list[Problem]]:
    """Read and compile; returns the policy and its warnings. Raises PolicyError with every problem.

    With *trust*, folders that are not the shipped ones must carry a good signature if they carry one or need one.
    """
    files = read_files(paths or default_paths(), trust=trust)
    policy, problems = compile_policy(files.roots, digest=files.digest, generation=generation, factory=factory)
    problems = sorted([*files.problems, *problems], key=lambda problem: problem[:3])
    if policy is None or any(problem.severity == "error" for problem in files.problems):
        raise PolicyError(problems)
    return policy, problems


def seen_at(paths: Sequence[Path]) -> Fingerprint:
    """Changes whenever what `load(paths)` would read may have changed; reads no content."""
    found = []
    named = list(paths) or default_paths()
    files = {file for path in named for file in (path.rglob("*.yaml") if path.is_dir() else (path,))}
    for path in sorted(files):
        try:
            status = path.stat()
        except OSError:
            found.append((str(path), 0, 0, 0))
        else:
            found.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)


def read_files(paths: Sequence[Path], search: Sequence[Path] = (), trust: Trust | None = None) -> PolicyFiles:
    """Read *paths* (files or folders) and what they include; ids are looked for beside them and in the shipped set."""
    walk = _Walk([*(path if path.is_dir() else path.parent for path in paths), *search, shipped()])
    files = [file for path in paths for file in _roots_of(path)]
    if files and not any(_is_policy(file) for file in files):
        walk.read(shipped() / DEFAULT, ())  # packs bring rules; somebody has to decide
    for file in files:
        walk.read(file, ())
    for path in paths:
        if not path.exists():
            walk.problems.append(Problem(str(path), 0, 0, "file.missing", "no such file or folder"))
    if not walk.order and not walk.problems:
        place = str(paths[0]) if paths else ""
        walk.problems.append(Problem(place, 0, 0, "file.none", "no policy here", hint="expected *.yaml"))
    if trust is not None:
        for path in paths:
            walk.problems.extend(_untrusted(path, trust, walk.seen))
    return PolicyFiles(tuple(walk.order), tuple(walk.seen), walk.digest.hexdigest(), tuple(walk.problems))


def _untrusted(path: Path, trust: Trust, read: Mapping[Path, str]) -> list[Problem]:
    if path.resolve().is_relative_to(shipped().resolve()):
        return []  # came with the package, which has a signature of its own
    if path.is_dir():
        return verify(path, trust, read)
    return verify(path.parent, trust, read) if trust.required else []


def _roots_of(path: Path) -> list[Path]:
    """A folder's own policies, overlays last; not its sub-folders (those are included) and not its tests."""
    if not path.is_dir():
        return [path] if path.exists() else []
    files = sorted(file for file in path.glob("*.yaml") if not file.name.endswith(TEST_SUFFIX))
    return sorted(files, key=lambda file: file.name.endswith(OVERLAY_SUFFIX))


@dataclass(slots=True)
class _Walk:
    search: list[Path]
    order: list[Node] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: dict[Path, str] = field(default_factory=dict)  # resolved path -> SHA-256 of what was read
    digest: sha256 = field(default_factory=sha256)
    _ids: dict[str, Path] | None = None

    def read(self, file: Path, chain: tuple[Path, ...]) -> None:
        """Append *file* after what it includes, once."""
        real = file.resolve()
        if real in chain:
            self.problems.append(Problem(str(file), 0, 0, "include.cycle", "includes itself, directly or by others"))
            return
        if real in self.seen:
            return
        if len(self.seen) >= MAX_FILES:
            self.problems.append(Problem(str(file), 0, 0, "include.many", f"more than {MAX_FILES} files"))
            return
        self.seen[real] = ""
        try:
            content = _read_bounded(file)
            text = content.decode("utf-8")
        except (OSError, ValueError) as error:
            self.problems.append(Problem(str(file), 0, 0, "file.unreadable", str(error)))
            return
        self.seen[real] = sha256(content).hexdigest()
        root, problems = parse(text, str(file))
        self.problems.extend(problems)
        if root is None:
            return
        for place in _included(root):
            for included in self._resolve(place, file):
                self.read(included, (*chain, real))
        self.digest.update(sha256(content).digest())
        self.order.append(root)

    def _resolve(self, place: Node, file: Path) -> list[Path]:
        name = str(place.value)
        if name.endswith(".yaml"):
            if Path(name).is_absolute() or ".." in Path(name).parts:
                self.problems.append(
                    place.problem("include.path", "paths stay below the including file", path="include")
                )
                return []
            found = sorted(path for path in file.parent.glob(name) if not path.name.endswith(TEST_SUFFIX))
        else:
            known = self._index().get(name)
            found = [] if known is None else [known]
        if not found and "*" not in name:
            near = closest(name, self._index())
            hint = f"did you mean {near[0]}?" if near else "looked in " + ", ".join(map(str, self.search))
            self.problems.append(
                place.problem("include.unknown", f"nothing is called {name!r}", path="include", hint=hint)
            )
        return found

    def _index(self) -> dict[str, Path]:
        """Ids of every policy file that could be meant; earlier folders win."""
        if self._ids is None:
            self._ids = {}
            for folder in self.search:
                for file in sorted(folder.rglob("*.yaml"))[: MAX_FILES * 4]:
                    if (name := _first_word(file, "id:")) is not None:
                        self._ids.setdefault(name, file)
        return self._ids


def _read_bounded(file: Path) -> bytes:
    """Raises ValueError for a file that is too large to be a policy, without reading it."""
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes; a policy file has at most {MAX_BYTES}")
    return file.read_bytes()


def _is_policy(file: Path) -> bool:
    """Whether the file decides; one that cannot be told counts as one that does."""
    return _first_word(file, "kind:") != "pack"


def _included(root: Node) -> Iterator[Node]:
    """What the document builds on: its profile (by id `profile/<name>`), then its includes."""
    if (profile := root.get("profile")) is not None:
        yield profile._replace(value=f"profile/{profile.value}")
    if (include := root.get("include")) is not None:
        yield from include.elements()


def _first_word(file: Path, key: str) -> str | None:
    """The value of *key* at the left edge among the first lines; reading it does not parse the file."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for _, line in zip(range(40), lines, strict=False):
                if line.startswith(key):
                    return line[len(key) :].split("#")[0].strip().strip("'\"") or None
    except OSError:
        return None
    return None


def read_tests(paths: Sequence[Path]) -> tuple[list[Entry], list[Problem]]:
    """The scenarios of every `*_test.yaml` at or below *paths*."""
    tests: list[Entry] = []
    problems: list[Problem] = []
    reader = Reader(problems)
    for path in paths:
        found = sorted(path.rglob("*" + TEST_SUFFIX)) if path.is_dir() else [path]
        for file in (one for one in found if one.name.endswith(TEST_SUFFIX)):
            try:
                root, bad = parse(file.read_text(encoding="utf-8"), str(file))
            except (OSError, UnicodeDecodeError) as error:
                problems.append(Problem(str(file), 0, 0, "file.unreadable", str(error)))
                continue
            problems.extend(bad)
            if root is not None:
                tests.extend(reader.entry(root, "test_file", "").get("tests", ()))
    return tests, problems
