"""llama.cpp: its server inside this process, one caller for each of its slots.

settings: `weights`, a kind of GGUF; `slots`, requests at once.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import xllamacpp
from serving import Job, Written, serve

SLOT_TOKENS = 512


def load(job: Job) -> Callable[[int], Written]:
    """The server, with continuous batching."""
    told, n_new = job["settings"], job["new_tokens"]
    params = xllamacpp.CommonParams()
    params.model.path = job["gguf"][told["weights"]]
    params.n_parallel = told["slots"]
    params.n_ctx = told["slots"] * SLOT_TOKENS
    params.n_batch = 2048
    params.cpuparams.n_threads = job["threads"]
    params.cpuparams_batch.n_threads = job["threads"]
    params.cache_ram_mib = 0
    server = xllamacpp.Server(params)
    callers = ThreadPoolExecutor(told["slots"])

    def continued(prompt: list[int]) -> tuple[int, str]:
        said = server.handle_completions(
            {
                "prompt": prompt,
                "n_predict": n_new,
                "ignore_eos": True,
                "temperature": 0,
                "top_k": 1,
                "cache_prompt": False,
            }
        )
        assert said["timings"]["cache_n"] == 0, "llama.cpp kept its prompts"
        return said["usage"]["completion_tokens"], said["choices"][0]["text"]

    def run(number: int) -> Written:
        counts, texts = zip(*callers.map(continued, job["prompts"][:number]), strict=True)
        return {"n_tokens": sum(counts), "texts": texts}

    return run


if __name__ == "__main__":
    serve(load, ("xllamacpp",))
