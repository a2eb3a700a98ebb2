"""What the runner of every engine does: load, say so, and continue prompts when it is told to.

stdin: the job, a JSON line; then lines with a number: continue so many of the prompts, from the
first on. stdout: a JSON line when all is loaded and warm, and one for every number.
Nothing but the standard library, since it runs in environments of others.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

WARM_PROMPTS = 8
Job = dict[str, Any]
"""prompts: token ids of each; new_tokens: of each draft; threads; folder: the merged model;
gguf: files by kind of weights; part: the passages as a shard; scratch: a folder; settings: the
runner's own."""
Written = dict[str, Any]
"""n_tokens: new ones; ids of every draft, or texts."""


def serve(load: Callable[[Job], Callable[[int], Written]], packages: tuple[str, ...]) -> None:
    """Answer until stdin ends.

    Args:
        load: Makes of the job what continues so many prompts.
        packages: What the answer names the versions of.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    job = json.loads(sys.stdin.readline())
    run = load(job)
    run(min(WARM_PROMPTS, len(job["prompts"])))
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    print(json.dumps({"versions": versions}), file=answers, flush=True)
    while line := sys.stdin.readline():
        began = time.perf_counter()
        written = run(int(line))
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, **written}), file=answers, flush=True)


def of_ids(ids: list[list[int]]) -> Written:
    """The answer of a runner that has token ids."""
    return {"n_tokens": sum(map(len, ids)), "ids": ids}
