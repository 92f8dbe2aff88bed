"""Builds the compiled core: each pyx/<name>.pyx becomes gw._native.<name>.

Environment switches, all off by default:
  GW_BUILD_DEBUG=1      -O0 -g, for a debugger
  GW_BUILD_SANITIZE=1   AddressSanitizer and UndefinedBehaviorSanitizer, for the fuzzers
  GW_BUILD_TRACE=1      Cython line tracing, for coverage of the .pyx files
  GW_RE2_PREFIX=DIR     a static RE2 to link instead of the system's libre2 (the .deb does this)
"""

import os
import subprocess

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG, SANITIZE, TRACE = (os.environ.get(f"GW_BUILD_{name}") == "1" for name in ("DEBUG", "SANITIZE", "TRACE"))
RE2_PREFIX = os.environ.get("GW_RE2_PREFIX")

compile_args = ["-O0", "-g"] if DEBUG else ["-O2"]
link_args: list[str] = []
if SANITIZE:
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"]
    compile_args += flags
    link_args += flags
macros = [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")] if TRACE else []


def re2() -> dict[str, list[str]]:
    """Compiler and linker arguments for RE2: a static archive when given, pkg-config otherwise."""
    if RE2_PREFIX:
        return {
            "extra_compile_args": [*compile_args, "-std=c++17", f"-I{RE2_PREFIX}/include"],
            "extra_link_args": [*link_args, f"{RE2_PREFIX}/lib/libre2.a", "-lpthread"],
        }
    query = subprocess.run(["pkg-config", "--cflags", "--libs", "re2"], capture_output=True, text=True, check=False)
    found = query.stdout.split() if query.returncode == 0 else ["-lre2"]
    return {
        "extra_compile_args": [*compile_args, "-std=c++17", *(f for f in found if not f.startswith(("-l", "-L")))],
        "extra_link_args": [*link_args, *(f for f in found if f.startswith(("-l", "-L")))],
    }


def module(name: str, **special: object) -> Extension:
    arguments = {"extra_compile_args": compile_args, "extra_link_args": link_args, **special}
    return Extension(f"gw._native.{name}", [f"pyx/{name}.pyx"], define_macros=macros, **arguments)


setup(
    ext_modules=cythonize(
        [
            module("wsframe"),
            module("wsstream"),
            module("envelope"),
            module("patterns", language="c++", **re2()),
            module("filehash"),
            module("textscan"),
            module("textfold"),
            module("ngrams"),
        ],
        language_level=3,
        include_path=["pyx"],
        compiler_directives={"linetrace": TRACE, "embedsignature": False, "warn.undeclared": False},
    )
)
