"""The local CPU engine: OpenVINO GenAI's continuous batching on a GGUF form.

Settings follow measurement (benchmarks/results): bf16, split-fuse, and the limits
of `Schedule`. The engine is not batch-invariant, so what
is promised is bytes per call: `complete` enters an empty engine, admits requests
in their order and keeps no prefix cache, so the same requests give the same
completions on the same versions, CPU class and thread count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino
import openvino_genai

from katsuo.models.schedule import SCHEDULE, Schedule
from katsuo.models.tokens import Tokens
from katsuo.protocols import Completion, Request

_SEED_BITS: Final = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class OpenVinoModel:
    """A model in OpenVINO; implements `Completes`."""

    pipeline: Any
    tokens: Tokens
    window: int
    """Most tokens of prompt and completion together."""
    schedule: Schedule = SCHEDULE

    @classmethod
    def load(
        cls,
        gguf: Path,
        tokens: Tokens,
        *,
        window: int,
        precision: str = "",
        schedule: Schedule = SCHEDULE,
    ) -> OpenVinoModel:
        """The engine on the GGUF file `gguf`, checked by its caller: a damaged one would crash.

        `precision` is that of the products, such as `f32`; the engine's own choice where it is
        empty, which is bfloat16 on processors that have it.
        """
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.dynamic_split_fuse = True
        scheduler.max_num_batched_tokens = schedule.batch_tokens
        scheduler.enable_prefix_caching = False
        scheduler.num_kv_blocks = schedule.kv_blocks
        pipeline = openvino_genai.ContinuousBatchingPipeline(
            str(gguf),
            scheduler,
            "CPU",
            {"INFERENCE_PRECISION_HINT": precision} if precision else {},
        )
        held = min(window, schedule.kv_tokens)
        return cls(pipeline=pipeline, tokens=tokens, window=held, schedule=schedule)

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Continue every prompt; all of them are one unit, in the order given."""
        ids = [self.tokens.of(request) for request in requests]
        waiting = deque(
            number
            for number, request in enumerate(requests)
            if len(ids[number]) + request.sampling.max_tokens <= self.window
        )
        # A handle that is let go cancels its request without a word: every one is kept here.
        handles: dict[int, Any] = {}
        flying: set[int] = set()
        done: dict[int, Completion] = {}
        while waiting or flying:
            while waiting and len(flying) < self.schedule.in_flight:
                number = waiting.popleft()
                handles[number] = self._submit(number, ids[number], requests[number])
                flying.add(number)
            self.pipeline.step()
            for number in [n for n in flying if not _runs(handles[n])]:
                flying.discard(number)
                done[number] = self._completion(requests[number], handles.pop(number))
        for number, request in enumerate(requests):
            yield done.get(number) or Completion(
                id=request.id, text="", finished=False, failure="prompt-too-long"
            )

    def _submit(self, number: int, ids: list[int], request: Request) -> Any:  # noqa: ANN401 -- untyped library
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = request.sampling.max_tokens
        config.do_sample = request.sampling.temperature > 0
        if config.do_sample:
            config.temperature = request.sampling.temperature
            config.top_p = request.sampling.top_p
            config.rng_seed = request.seed & _SEED_BITS
        config.eos_token_id = self.tokens.end_id
        config.stop_token_ids = {self.tokens.end_id}
        if request.stop:
            config.stop_strings = set(request.stop)
        tensor = openvino.Tensor(np.array([ids], dtype=np.int64))
        return self.pipeline.add_request(number, tensor, config)

    def _completion(self, request: Request, handle: Any) -> Completion:  # noqa: ANN401 -- untyped library
        status = handle.get_status()
        if status != openvino_genai.GenerationStatus.FINISHED:
            return Completion(
                id=request.id, text="", finished=False, failure=f"engine-{status.name.lower()}"
            )
        outputs = handle.read_all()
        if not outputs:  # a stop string came first: then the engine hands out nothing
            return Completion(id=request.id, text="", finished=True)
        output = outputs[0]
        text = self.tokens.text(output.generated_ids)
        cut = min((at for stop in request.stop if (at := text.find(stop)) >= 0), default=len(text))
        return Completion(
            id=request.id,
            text=text[:cut],
            finished=output.finish_reason == openvino_genai.GenerationFinishReason.STOP,
            n_tokens=len(output.generated_ids),
        )


def _runs(handle: Any) -> bool:  # noqa: ANN401 -- untyped library
    return bool(handle.get_status() == openvino_genai.GenerationStatus.RUNNING)
