"""Where packages come from: public registries and forges, and the settings that make it somewhere else.

Text only. Invariant: what is on no list and has an address is somebody's own place, whoever that is.
"""

import re

from gw.defender.shell.names import names

MAX_TEXT = 4096  # characters of a settings file that are looked at

# Forges and indexes that publish what they hand out, their mirrors, and this machine.
_PUBLIC = (
    "https://github.com/", "https://gitlab.com/", "https://codeberg.org/", "https://bitbucket.org/",
    "https://raw.githubusercontent.com/", "https://pypi.org/", "https://test.pypi.org/", "https://files.pythonhosted.org/",
    "https://download.pytorch.org/", "https://pypi.nvidia.com", "https://registry.npmjs.org", "https://rubygems.org",
    "https://conda.anaconda.org/", "https://static.crates.io/", "https://registry.yarnpkg.com", "https://proxy.golang.org",
    "https://goproxy.io", "https://goproxy.cn", "https://registry.npmmirror.com", "https://index.crates.io/",
    "https://npm.pkg.github.com", "https://packagist.org", "https://repo.packagist.org", "https://repo.maven.apache.org/",
    "https://api.nuget.org/", "https://pypi.tuna.tsinghua.edu.cn/", "https://mirrors.aliyun.com/", "http://mirrors.aliyun.com/",
    "http://localhost", "http://127.0.0.1",
)  # fmt: skip
FORGE_SHORTHANDS = ("github:", "gitlab:", "bitbucket:", "gist:")
_REMOTE = ("http://", "git+", "git://", "ssh://", "svn+", "hg+")
_SETTING = re.compile(r"registry|index|mirror|repositor|goproxy|\bsources?\b", re.I)
_SETTING_VERBS = names("config set env sources source registry")
SOURCE_OPTIONS = (
    "--registry", "--index-url", "-i", "--extra-index-url", "--index", "--default-index", "--find-links", "--source",
    "-s", "--git", "--from", "--package", "-p",
)  # fmt: skip
_VARIABLES = names(
    "PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS UV_INDEX_URL UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL"
    " npm_config_registry NPM_CONFIG_REGISTRY YARN_NPM_REGISTRY_SERVER BUN_CONFIG_REGISTRY GOPROXY"
    " BUNDLE_MIRROR__ALL RUBYGEMS_HOST"
)
_FILES = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", "bunfig.toml", "pip.conf", "pip.ini", "uv.toml", ".condarc", ".gemrc",
    ".cargo/config", ".cargo/config.toml", ".bundle/config", ".m2/settings.xml", "nuget.config", "NuGet.Config",
)  # fmt: skip
_ADDRESS = re.compile(r"https?://[^\s'\"<>,]{1,256}")


def is_elsewhere(word: str) -> bool:
    """Whether *word* is an address that is on no list."""
    word = word.removeprefix("git+").removeprefix("sparse+")
    return word.startswith((*_REMOTE, "https://")) and not word.startswith(_PUBLIC)


def sets_registry(operands: list[str]) -> bool:
    """`config set registry https://x`, `sources --add http://x`, `env -w GOPROXY=https://x`: from now on."""
    if not operands or operands[0] not in _SETTING_VERBS or not _SETTING.search(" ".join(operands[:3])[:256]):
        return False
    return any(_names_one(word) for word in operands[1:])


def _names_one(word: str) -> bool:
    return any(is_elsewhere(part) for value in (word, word.partition("=")[2]) for part in value.split(",")[:8])


def is_source_variable(name: str, value: str) -> bool:
    """`PIP_INDEX_URL=http://x`, `GOFLAGS=-insecure`."""
    return (name in _VARIABLES and _names_one(value)) or (name == "GOFLAGS" and "-insecure" in value)


def is_foreign_settings(path: str, text: str) -> bool:
    """Whether settings of a package manager, as *text* for *path*, name another place."""
    return path.endswith(_FILES) and any(is_elsewhere(found) for found in _ADDRESS.findall(text[:MAX_TEXT]))
