"""The engine for GPUs: vLLM's own loop, in this process, on a folder with the adapter merged in.

    Request ──ids──▶ add_request ─┐
            ──ids──▶ add_request ─┴─ step, step, ... ─▶ Completion, as soon as all before it ended

vLLM is not batch-invariant, so what is promised is bytes per call: `complete` enters an empty
engine and admits requests in their order, and the scheduler runs in this process, one step after
the other, so the same requests give the same completions on the same versions and device.

Where prompts share their beginnings (`Schedule.sharing`), vLLM reads each beginning once, also for
requests that enter together. What an earlier call left in its cache is forgotten first.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from katsuo.errors import ModelError
from katsuo.models.automatic import on_gpu
from katsuo.models.grammars import ebnf
from katsuo.models.schedule import SCHEDULE, Schedule
from katsuo.models.tokens import Tokens
from katsuo.protocols import Completion, Request

_SEED_BITS: Final = 2**63 - 1
_IN_PROCESS: Final = "VLLM_ENABLE_V1_MULTIPROCESSING"
"""With a scheduler in a process of its own, what is batched with what would be chance."""
_MANNERS: Final = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_HOST_IP": "127.0.0.1",  # it would look which address the machine has
    "VLLM_CPU_KVCACHE_SPACE": "2",  # GiB; else a processor's build takes most of the memory
}
"""What the user may have set otherwise."""
_ENDS: Final = {"stop": True, "length": False}
"""Reasons to end that leave a completion, and whether the model ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What is used of vLLM; tests bring a stand-in."""

    engine: Callable[..., Any]
    """Makes an `LLMEngine` from the settings of `EngineArgs`."""
    params: Callable[..., Any]
    """Makes `SamplingParams` that ask for one output, at the end."""
    prompt: Callable[[list[int]], Any]
    """Makes a prompt from token ids."""
    held: Callable[[str], Any]
    """Makes what holds a completion to a grammar."""
    refusal: type[Exception]
    """What it raises when one request cannot be served."""
    unusable: tuple[type[Exception], ...]
    """What it raises when no request can be served."""

    @classmethod
    def installed(cls) -> Library:
        """The vLLM of this machine, told to work in this process and to say nothing.

        Raises:
            ModelError: If it cannot be imported.
        """
        os.environ[_IN_PROCESS] = "0"
        for name, value in _MANNERS.items():
            os.environ.setdefault(name, value)
        try:
            from vllm import EngineArgs, LLMEngine, SamplingParams
            from vllm.exceptions import VLLMClientError, VLLMError
            from vllm.inputs import tokens_input
            from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
        except (ImportError, RuntimeError, OSError) as error:
            raise ModelError(
                f"vLLM is installed and cannot be imported ({_first_line(error)}); install it in "
                "an environment of its own, or take generate.engine: hf"
            ) from error

        return cls(
            engine=lambda **settings: LLMEngine.from_engine_args(EngineArgs(**settings)),
            params=lambda **how: SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY, **how),
            prompt=tokens_input,
            held=lambda grammar: StructuredOutputsParams(grammar=grammar),
            refusal=VLLMClientError,
            unusable=(VLLMError, RuntimeError, ValueError, OSError, AssertionError),
        )


@dataclass(frozen=True, kw_only=True)
class VllmModel:
    """A model in vLLM; implements `Completes`."""

    engine: Any
    """The library's own loop."""
    library: Library
    tokens: Tokens
    window: int
    """Most tokens of prompt and completion together."""
    sharing: bool = False
    """Whether the engine has a prefix cache."""

    @classmethod
    def load(
        cls,
        folder: Path,
        tokens: Tokens,
        *,
        window: int,
        schedule: Schedule = SCHEDULE,
        library: Library | None = None,
    ) -> VllmModel:
        """The engine on the model folder `folder`; it gives its memory back when it is let go.

        Raises:
            ModelError: If vLLM cannot be imported, does not know the model, or finds too little
                memory.
        """
        library = library or Library.installed()
        room = min(window, schedule.kv_tokens)
        try:
            engine = library.engine(**_settings(folder, room, schedule))
        except library.unusable as error:
            raise ModelError(
                f"vLLM cannot serve {folder}: {_first_line(error)}; where memory is short, set "
                "generate.vllm (memory_fraction, tensor_parallel), else generate.engine: hf"
            ) from error
        model = cls(
            engine=engine, library=library, tokens=tokens, window=room, sharing=schedule.sharing
        )
        weakref.finalize(model, engine.engine_core.shutdown)
        return model

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Continue every prompt; all of them are one unit, in the order given.

        A request whose prompt leaves no room for a token fails as `prompt-too-long`, one whose
        prompt has no token as `prompt-empty`, one that vLLM turns away as `engine-refused`. A
        completion is cut where the window ends, as it is at `max_tokens`.

        Raises:
            ModelError: If vLLM breaks down; what is finished is kept.
        """
        assert not self.engine.has_unfinished_requests(), "two calls would share one batch"
        if self.sharing:
            self.engine.reset_prefix_cache()
        done = {number: self._entered(number, request) for number, request in enumerate(requests)}
        try:
            for number in range(len(requests)):
                while (completion := done[number]) is None:
                    self._step(requests, done)
                yield completion
        finally:
            self.engine.abort_request([str(number) for number, one in done.items() if one is None])

    def _entered(self, number: int, request: Request) -> Completion | None:
        """None once the request is in the engine, else why it is not."""
        ids = self.tokens.of(request)
        if not ids:
            return _failed(request, "prompt-empty")
        if len(ids) >= self.window:
            return _failed(request, "prompt-too-long")
        params = self.library.params(**self._how(request))
        try:
            self.engine.add_request(str(number), self.library.prompt(ids), params)
        except self.library.refusal:
            return _failed(request, "engine-refused")
        return None

    def _how(self, request: Request) -> dict[str, Any]:
        """The request in vLLM's words."""
        sampling = request.sampling
        how: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            # Our end token, and none that the folder's files name beside it.
            "ignore_eos": True,
            "stop_token_ids": [self.tokens.end_id],
            "detokenize": bool(request.stop),
        }
        if sampling.temperature > 0:
            how["seed"] = request.seed & _SEED_BITS
        if request.stop:
            how["stop"] = list(request.stop)
            how["skip_special_tokens"] = False
        if request.hold is not None:
            how["structured_outputs"] = self.library.held(ebnf(request.hold))
        return how

    def _step(self, requests: Sequence[Request], done: dict[int, Completion | None]) -> None:
        """Let every running request draw a token, and note those that end."""
        if not self.engine.has_unfinished_requests():
            for number, completion in done.items():
                done[number] = completion or _failed(requests[number], "engine-lost")
            return
        try:
            ended = self.engine.step()
        except self.library.unusable as error:
            raise ModelError(
                f"vLLM broke down: {_first_line(error)}; what is finished is kept, and the same "
                "command goes on; where memory is short, lower generate.vllm.memory_fraction"
            ) from error
        for output in ended:
            if output.finished:
                number = int(output.request_id)
                done[number] = self._completion(requests[number], output.outputs[0])

    def _completion(self, request: Request, output: Any) -> Completion:  # noqa: ANN401 -- untyped library
        if output.finish_reason not in _ENDS:
            return _failed(request, f"engine-{output.finish_reason}")
        ids = list(output.token_ids)
        text = self.tokens.text(ids)
        cut = min((at for stop in request.stop if (at := text.find(stop)) >= 0), default=len(text))
        return Completion(
            id=request.id,
            text=text[:cut],
            finished=_ENDS[output.finish_reason],
            n_tokens=len(ids),
        )


def _settings(folder: Path, window: int, schedule: Schedule) -> dict[str, Any]:
    """The engine in the words of vLLM's `EngineArgs`; what is not named is vLLM's own choice."""
    placement = schedule.placement
    return {
        "model": str(folder),
        "dtype": placement.dtype,
        "tensor_parallel_size": placement.tensor_parallel,
        "gpu_memory_utilization": placement.memory_fraction,
        "max_model_len": window,
        "enable_prefix_caching": schedule.sharing,
        "enforce_eager": not on_gpu(),  # on a processor compiling takes minutes
        "async_scheduling": False,  # an engine that looks empty is empty
        "generation_config": "vllm",  # no sampling settings of the folder's own
        "trust_remote_code": False,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "seed": 0,
    }


def _failed(request: Request, reason: str) -> Completion:
    return Completion(id=request.id, text="", finished=False, failure=reason)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
