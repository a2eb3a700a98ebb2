"""The local CPU engine: OpenVINO GenAI's continuous batching on a GGUF form.

Settings follow measurement (benchmarks/results): bf16, split-fuse, and the limits
of `Schedule`. The engine is not batch-invariant, so what
is promised is bytes per call: `complete` enters an empty engine and admits requests
in their order, so the same requests give the same completions on the same versions,
CPU class and thread count.

Where prompts share their beginnings (`Schedule.sharing`), a prefix cache reads each beginning once.
What an earlier call left in that cache would change the bytes of a later one, so a call whose
prompts begin like those of an earlier one gets a new engine.

What a completion must be (`Request.hold`) is a grammar of its own for each request (note 0033).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino
import openvino_genai

from katsuo.models.families import Admission, families
from katsuo.models.grammars import ebnf
from katsuo.models.schedule import BLOCK_TOKENS, SCHEDULE, Schedule
from katsuo.models.tokens import Tokens
from katsuo.protocols import Completion, Request

_SEED_BITS: Final = 2**63 - 1
_WORTH_SHARING: Final = 2 * BLOCK_TOKENS
"""Fewest first tokens in common for which a request waits; the cache knows whole blocks only."""


@dataclass(slots=True, kw_only=True)
class _Engine:
    """The library's pipeline, and what its prefix cache may hold."""

    build: Callable[[], Any]
    pipeline: Any = None
    seen: set[tuple[int, ...]] = field(default_factory=set)
    """First blocks of all prompts that entered; a prompt with another one finds nothing cached."""

    def emptied(self, prompts: Sequence[Sequence[int]]) -> Any:  # noqa: ANN401 -- untyped library
        """The pipeline, with nothing in its cache that `prompts` begin with."""
        firsts = {tuple(prompt[:BLOCK_TOKENS]) for prompt in prompts}
        if not self.seen.isdisjoint(firsts):
            self.pipeline = None  # two at once would take twice the memory
            self.pipeline = self.build()
            self.seen.clear()
        self.seen |= firsts
        return self.pipeline


@dataclass(frozen=True, kw_only=True)
class OpenVinoModel:
    """A model in OpenVINO; implements `Completes`."""

    engine: _Engine
    tokens: Tokens
    window: int
    """Most tokens of prompt and completion together."""
    schedule: Schedule = SCHEDULE

    @property
    def pipeline(self) -> Any:  # noqa: ANN401 -- untyped library
        """The library's own object, as it is now."""
        return self.engine.pipeline

    @classmethod
    def load(
        cls,
        gguf: Path,
        tokens: Tokens,
        *,
        window: int,
        schedule: Schedule = SCHEDULE,
    ) -> OpenVinoModel:
        """The engine on the GGUF file `gguf`, checked by its caller: a damaged one would crash."""
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.dynamic_split_fuse = True
        scheduler.max_num_batched_tokens = schedule.batch_tokens
        scheduler.enable_prefix_caching = schedule.sharing
        scheduler.num_kv_blocks = schedule.kv_blocks
        hints = {"INFERENCE_PRECISION_HINT": schedule.precision} if schedule.precision else {}

        def build() -> Any:  # noqa: ANN401 -- untyped library
            return openvino_genai.ContinuousBatchingPipeline(str(gguf), scheduler, "CPU", hints)

        return cls(
            engine=_Engine(build=build, pipeline=build()),
            tokens=tokens,
            window=min(window, schedule.kv_tokens),
            schedule=schedule,
        )

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Continue every prompt; all of them are one unit, in the order given."""
        ids = [self.tokens.of(request) for request in requests]
        queue = self._queue(ids, requests)
        # A handle that is let go cancels its request without a word: every one is kept here.
        handles: dict[int, Any] = {}
        done: dict[int, Completion] = {}
        while queue or handles:
            while len(handles) < self.schedule.in_flight and (number := queue.take()) is not None:
                handles[number] = self._submit(number, ids[number], requests[number])
            self.pipeline.step()
            for number, handle in list(handles.items()):
                runs = _runs(handle)
                if queue.leads(number) and (not runs or handle.can_read()):
                    queue.was_read(number)
                if not runs:
                    done[number] = self._completion(requests[number], handles.pop(number))
        for number, request in enumerate(requests):
            yield done.get(number) or Completion(
                id=request.id, text="", finished=False, failure="prompt-too-long"
            )

    def _queue(self, ids: list[list[int]], requests: Sequence[Request]) -> Admission:
        """The requests that fit, those that begin alike as families; the engine ready for them."""
        fitting = [
            number
            for number, request in enumerate(requests)
            if len(ids[number]) + request.sampling.max_tokens <= self.window
        ]
        if not self.schedule.sharing:
            return Admission([number] for number in fitting)
        prompts = [ids[number] for number in fitting]
        self.engine.emptied(prompts)
        groups = families(prompts, least=_WORTH_SHARING)
        return Admission([fitting[place] for place in group] for group in groups)

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
        if request.hold is not None:
            config.structured_output_config = openvino_genai.StructuredOutputConfig(
                grammar=ebnf(request.hold)
            )
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
