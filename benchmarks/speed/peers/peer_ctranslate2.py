"""CTranslate2: `generate_batch` on the model as its own converter writes it.

settings: `compute_type`, of the products; `batch`, most prompts of one.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ctranslate2
from serving import Job, Written, of_ids, serve


def converted(job: Job) -> Path:
    """The model in the library's own form, made by whoever needs it first."""
    form = Path(job["scratch"]) / "ctranslate2"
    if not form.is_dir():
        converter = Path(sys.executable).with_name("ct2-transformers-converter")
        words = [str(converter), "--model", job["folder"], "--output_dir", str(form)]
        subprocess.run(words, check=True)
    return form


def load(job: Job) -> Callable[[int], Written]:
    """The generator, and its prompts as the tokens that it wants."""
    form, told, n_new = converted(job), job["settings"], job["new_tokens"]
    generator = ctranslate2.Generator(
        str(form),
        compute_type=told["compute_type"],
        inter_threads=1,
        intra_threads=job["threads"],
    )
    words = json.loads((form / "vocabulary.json").read_text("utf-8"))
    prompts = [[words[i] for i in row] for row in job["prompts"]]

    def run(number: int) -> Written:
        results = generator.generate_batch(
            prompts[:number],
            max_batch_size=told["batch"],
            max_length=n_new,
            min_length=n_new,
            sampling_topk=1,
            include_prompt_in_result=False,
        )
        return of_ids([list(result.sequences_ids[0]) for result in results])

    return run


if __name__ == "__main__":
    serve(load, ("ctranslate2",))
