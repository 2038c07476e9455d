# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""``run.py TARGET FOLDER [OPTION ...]`` runs one target with libFuzzer and its options.

The seeds are written to FOLDER/seeds, interesting inputs to FOLDER/corpus, and an input that makes the target fail to
FOLDER/findings.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import sys
import typing as t

TESTS: t.Final = pathlib.Path(__file__).parent.parent
# instead of this folder, whose modules have the names of others
sys.path[:1] = [str(TESTS), str(TESTS.parent / os.environ.get("VENV", sys.prefix) / "collections")]

import atheris  # noqa: E402

# instrumenting the standard library would make it slow
with atheris.instrument_imports(include=["ansible_collections", "winhost"]):
    from fuzz.targets import TARGETS


def main(name: str, folder: str, *options: str) -> None:
    target = TARGETS[name]
    seeds, corpus, findings = (pathlib.Path(folder) / part for part in ("seeds", "corpus", "findings"))
    for path in (seeds, corpus, findings):
        path.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (seeds / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = pathlib.Path(folder) / "dictionary"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.WORDS), "ascii")
    # libFuzzer refuses an empty dictionary
    known = [f"-dict={words}"] if target.WORDS else []
    arguments = [sys.argv[0], *known, f"-artifact_prefix={findings}/", *options, str(corpus), str(seeds)]
    atheris.Setup(arguments, target.check)
    atheris.Fuzz()


def _escaped(word: str | bytes) -> str:
    data = word if isinstance(word, bytes) else word.encode()
    return "".join(f"\\x{byte:02x}" for byte in data)


if __name__ == "__main__":
    main(*sys.argv[1:])
