"""transformers: `generate` on static batches in bfloat16, prompts of similar length together.

settings: `batch`, most prompts of one.
"""

from collections.abc import Callable

import torch
import transformers
from serving import Job, Written, of_ids, serve


def load(job: Job) -> Callable[[int], Written]:
    """The model, and its prompts padded in front."""
    torch.set_num_threads(job["threads"])
    model = transformers.AutoModelForCausalLM.from_pretrained(
        job["folder"], dtype=torch.bfloat16
    ).eval()
    prompts, size, n_new = job["prompts"], job["settings"]["batch"], job["new_tokens"]

    def run(number: int) -> Written:
        order = sorted(range(number), key=lambda i: len(prompts[i]))
        found: dict[int, list[int]] = {}
        for start in range(0, number, size):
            some = order[start : start + size]
            width = max(len(prompts[i]) for i in some)
            ids = torch.tensor([[0] * (width - len(prompts[i])) + prompts[i] for i in some])
            mask = torch.tensor(
                [[0] * (width - len(prompts[i])) + [1] * len(prompts[i]) for i in some]
            )
            with torch.inference_mode():
                out = model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    max_new_tokens=n_new,
                    min_new_tokens=n_new,
                    do_sample=False,
                )
            found |= dict(zip(some, out[:, width:].tolist(), strict=True))
        return of_ids([found[i] for i in range(number)])

    return run


if __name__ == "__main__":
    serve(load, ("transformers", "torch"))
