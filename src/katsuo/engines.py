"""Which engine opens which model: names of a recipe become models, tokenizers and trainers.

Everything heavy is imported when it is first needed, so that a run whose stages
are all done loads no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from katsuo import wire
from katsuo.errors import ModelError, RecipeError
from katsuo.models import automatic
from katsuo.models.schedule import SCHEDULE, Schedule
from katsuo.prompted import PROMPTED_V1
from katsuo.protocols import Completes, Embeds, Tunes, Weighs
from katsuo.training import LOSSES, TRAINER, Step, TuneSettings
from katsuo.types import Pair, digest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from katsuo.models.endpoint import Endpoint
    from katsuo.models.hf import HfModel
    from katsuo.models.shelf import Model
    from katsuo.models.tokens import Tokens

FAKE: Final = "fake"
ENDPOINT: Final = "endpoint"
VLLM: Final = "vllm"
_ENGINES: Final = ("auto", "openvino", "hf", VLLM)
_TRAIN_PARTS: Final = ("torch", "transformers", "peft", "accelerate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A model as a recipe names it, found but not yet opened."""

    name: str
    identity: str
    """Decides its answers: sha256 of the weights, and of the adapter."""
    note: str = ""
    format: str = ""
    model: Model | None = None
    """None for the fake, and behind an endpoint."""
    endpoint: Endpoint | None = None
    """The server that has it."""

    @property
    def sha256(self) -> str:
        """Of the base's weights."""
        return self.model.sha256 if self.model else FAKE

    @property
    def is_fake(self) -> bool:
        """Whether it is the deterministic stand-in."""
        return self.model is None and self.endpoint is None


def find(name: str) -> Named:
    """The model called `name`.

    Raises:
        ModelError: If there is none.
    """
    if name == FAKE:
        return Named(name=FAKE, identity=FAKE, format=wire.BONITO_V1)
    from katsuo.models import shelf

    return _named(shelf.find(name))


def at_endpoint(endpoint: Endpoint) -> Named:
    """The model behind a server; nothing is asked of it yet."""
    identity = digest("endpoint", endpoint.url, endpoint.model)
    note = f"behind {endpoint.url}; what it answers tomorrow is its owner's affair"
    return Named(name=endpoint.model, identity=identity, note=note, endpoint=endpoint)


def with_adapter(base: Named, adapter: Path) -> Named:
    """The model `base` with the adapter in the folder `adapter` on it."""
    if base.model is None:
        weights = (adapter / "adapter_model.safetensors").read_bytes()
        return Named(name=FAKE, identity=f"{FAKE}+{weights.hex()}", format=wire.BONITO_V1)
    from dataclasses import replace

    from katsuo.models import shelf

    changed = replace(
        base.model,
        adapter=adapter,
        adapter_sha256=shelf.sha256(adapter / "adapter_model.safetensors"),
    )
    return _named(changed)


def _named(model: Model) -> Named:
    return Named(
        name=model.name,
        identity=model.identity,
        note=model.note,
        format=model.format,
        model=model,
    )


def wire_format(named: Named, wanted: str) -> str:
    """The wire format to speak to a generator: `wanted`, or what it was taught, or prompts."""
    if wanted != "auto":
        return wanted
    return named.format or PROMPTED_V1


def engine_of(named: Named, wanted: str, *, drafts: bool = False) -> str:
    """The engine of a model; `auto` is what suits the machine (`models/automatic.py`).

    Args:
        named: The model.
        wanted: As a recipe names it.
        drafts: Whether it is to write drafts. vLLM serves those alone: it takes most of a GPU's
            memory and a minute to start, and models that are measured come one after the other.

    Raises:
        ModelError: If the engine needs an extra that is missing.
        RecipeError: If `wanted` is no engine for this model.
    """
    if named.endpoint is not None:
        return ENDPOINT
    if named.is_fake:
        return FAKE
    if wanted not in _ENGINES:
        raise RecipeError(
            f"engine is {wanted!r} and the model {named.name}; it must be one of "
            f"{', '.join(_ENGINES)} (the engine fake serves the model fake alone)"
        )
    if wanted == "auto" or (wanted == VLLM and not drafts):
        machine = automatic.Machine.here()
        wanted = automatic.choice(_architecture(named), machine, drafts=drafts).engine
    if wanted == "hf":
        need_train("the transformers engine")
    if wanted == VLLM and not automatic.vllm_version():
        raise ModelError(
            "the engine vllm needs vLLM; on a machine with a CUDA device install it with: "
            "pip install 'katsuo[vllm]'; elsewhere leave generate.engine: auto"
        )
    return wanted


def can_hold(engine: str) -> bool:
    """Whether an engine can hold a completion to what it must be; a server is not asked to."""
    return engine != ENDPOINT


def engine_version(engine: str) -> str:
    """What else decides an engine's answers: its library's version, its schedule, its device."""
    if engine == "openvino":
        return f"{metadata.version('openvino-genai')} {SCHEDULE.name}"
    if engine == VLLM:
        return f"{automatic.vllm_version()} {'cuda' if automatic.on_gpu() else 'cpu'}"
    if engine != "hf":
        return ""
    version = metadata.version("transformers")
    return f"{version} cuda" if automatic.on_gpu() else version


def trainer_version() -> list[str]:
    """What else decides an adapter: the trainer, and the versions of its libraries."""
    there = [part for part in ("torch", "peft") if find_spec(part) is not None]
    return [TRAINER, *map(metadata.version, there)]


def open_completes(
    named: Named,
    engine: str,
    weights: str,
    *,
    forms: Path | None = None,
    schedule: Schedule = SCHEDULE,
) -> Completes:
    """The model, ready to continue prompts.

    Args:
        named: The model.
        engine: As `engine_of` gives it.
        weights: Form of the weights in OpenVINO, `F16` or `Q8_0`.
        forms: Where an engine form of a model with an adapter goes; the cache where it is None.
        schedule: How OpenVINO and vLLM work.
    """
    if named.endpoint is not None:
        from katsuo.models.endpoint import EndpointModel

        return EndpointModel(named.endpoint)
    if named.model is None:
        from katsuo.models.fake import FakeModel

        return FakeModel()
    if engine == "hf":
        return _open_hf(named.model)
    own = forms if _is_tuned(named.model) else None
    if engine == VLLM:
        from katsuo.models.merged_form import merged_form
        from katsuo.models.vllm import VllmModel

        return VllmModel.load(
            merged_form(named.model, forms=own),
            open_tokens(named),
            window=_window(named.model),
            schedule=schedule,
        )
    from katsuo.models import shelf
    from katsuo.models.openvino import OpenVinoModel

    form = shelf.gguf_form(named.model, weights, forms=own)
    return OpenVinoModel.load(
        form, open_tokens(named), window=_window(named.model), schedule=schedule
    )


def _is_tuned(model: Model) -> bool:
    """Whether the model came of somebody's text: its engine form must not stay in the cache."""
    return model.adapter is not None or (model.folder / LOSSES).is_file()


def open_ranks(named: Named) -> Weighs:
    """The model, ready to rank choices and to weigh texts.

    Raises:
        ModelError: If the train extra is missing.
    """
    assert named.endpoint is None, "a server's model generates, and does nothing else"
    if named.model is None:
        from katsuo.models.fake import FakeModel

        return FakeModel(seed=sum(named.identity.encode()))
    return _open_hf(named.model)


def open_embeds(named: Named) -> Embeds:
    """The model, ready to say where texts lie by meaning.

    Raises:
        ModelError: If the train extra is missing, or the model is no embedder.
    """
    if named.model is None:
        from katsuo.models.fake import FakeModel

        return FakeModel()
    need_train("comparing texts by meaning")
    from katsuo.models.embedding import HfEmbedder

    return HfEmbedder.load(named.model.folder)


def embedder_identity(named: Named) -> str:
    """What decides where texts lie: weights and tokenizer, the pooling, the library.

    Raises:
        ModelError: If the train extra is missing, or the model is an adapter or no embedder.
    """
    if named.model is None:
        return named.identity
    if named.model.adapter is not None:
        raise ModelError(
            f"model {named.name!r} is an adapter, which cannot embed; name its base, or the folder "
            "of a sentence encoder"
        )
    need_train("comparing texts by meaning")
    from katsuo.models.pooling import pooling_of

    how = pooling_of(named.model.folder)
    return f"{named.identity} {how} {metadata.version('transformers')}"


def open_tuner(
    base: Named,
    settings: TuneSettings,
    *,
    held_out: Mapping[str, Sequence[Pair]] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Tunes:
    """A trainer on `base`; where that is an adapter on a model, its tuning goes on.

    Raises:
        ModelError: If the train extra is missing.
    """
    if base.model is None:
        from katsuo.models.fake import FakeTuner

        return FakeTuner(max_steps=settings.max_steps)
    need_train("adapting a model")
    from katsuo.models.tune import LoraTuner

    return LoraTuner(
        base=base.model.folder,
        base_name=_whole_name(base),
        start=base.model.adapter,
        tokens=open_tokens(base),
        settings=settings,
        held_out=held_out or {},
        on_step=on_step,
    )


def _whole_name(named: Named) -> str:
    """What an adapter tuned on this model names as its base: the whole model below."""
    if named.model is None or named.model.adapter is None:
        return named.name
    from katsuo.models import shelf

    stated = shelf.json_object(named.model.adapter / "adapter_config.json")
    return str(stated["base_model_name_or_path"])


def open_tokens(named: Named) -> Tokens:
    """The model's tokens; never asked of the fake, which has none."""
    from katsuo.models.tokens import Tokens

    assert named.model is not None
    return Tokens.load(named.model.folder)


def template_kept(adapted: Named) -> bool | None:
    """Whether a chat template that the adapter brings is its base's; none where it brings none.

    A program that loads the adapter's folder takes the template from there, and would then
    ask the model in other words than it was measured in.
    """
    if adapted.model is None or adapted.model.adapter is None:
        return None
    from katsuo.models.tokens import own_template

    brought = own_template(adapted.model.adapter)
    return None if brought is None else brought == open_tokens(adapted).chat_template


def tokenizer_of(named: Named) -> Tokenizer | None:
    """The model's tokenizer, or None for the fake, whose tokens are words."""
    return None if named.is_fake else open_tokens(named).tokenizer


def pair_sizes(named: Named, pairs: Sequence[Pair]) -> dict[Pair, tuple[int, int]]:
    """Tokens of each of `pairs` that are read only, and that are learned."""
    if named.is_fake:
        return {pair: (len(pair.prompt.split()), len(pair.target.split())) for pair in pairs}
    found = open_tokens(named).pairs_ids(pairs)
    return {pair: (len(p), len(t)) for pair, (p, t) in zip(pairs, found, strict=True)}


def need_train(what: str) -> None:
    """Check that the train extra is there.

    Raises:
        ModelError: If a part of it is missing.
    """
    missing = [part for part in _TRAIN_PARTS if find_spec(part) is None]
    if missing:
        raise ModelError(
            f"{what} needs {', '.join(missing)}; install them with: pip install 'katsuo[train]'"
        )


def _open_hf(model: Model) -> HfModel:
    need_train("ranking answers")
    from katsuo.models.hf import HfModel
    from katsuo.models.tokens import Tokens

    return HfModel.load(model.folder, Tokens.load(model.folder), adapter=model.adapter)


def _config(model: Model) -> dict[str, Any]:
    from katsuo.models import shelf

    return shelf.json_object(model.folder / "config.json")


def _architecture(named: Named) -> str:
    assert named.model is not None
    kinds = _config(named.model).get("architectures")
    return str(kinds[0]) if isinstance(kinds, list) and kinds else ""


def _window(model: Model) -> int:
    window = _config(model).get("max_position_embeddings")
    if not isinstance(window, int) or window < 1:
        raise ModelError(
            f"{model.folder}/config.json: max_position_embeddings is {window!r}; "
            "it must say how many tokens the model can read"
        )
    return window
