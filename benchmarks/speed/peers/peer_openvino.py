"""Bare OpenVINO GenAI: its pipeline, every request added at once, token ids ready made."""

from collections.abc import Callable

import numpy as np
import openvino
import openvino_genai
from serving import Job, Written, of_ids, serve

KV_BLOCKS = 1024
"""Of 32 tokens: room for all requests at once."""


def load(job: Job) -> Callable[[int], Written]:
    """The pipeline, with the settings that were found to be the fastest."""
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.dynamic_split_fuse = True
    scheduler.max_num_batched_tokens = 2048
    scheduler.num_kv_blocks = KV_BLOCKS
    pipeline = openvino_genai.ContinuousBatchingPipeline(job["gguf"]["F16"], scheduler, "CPU", {})
    tensors = [openvino.Tensor(np.array([row], dtype=np.int64)) for row in job["prompts"]]
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = job["new_tokens"]
    config.ignore_eos = True

    def run(number: int) -> Written:
        handles = [pipeline.add_request(i, tensors[i], config) for i in range(number)]
        while pipeline.has_non_finished_requests():
            pipeline.step()
        return of_ids([list(handle.read_all()[0].generated_ids) for handle in handles])

    return run


if __name__ == "__main__":
    serve(load, ("openvino-genai",))
