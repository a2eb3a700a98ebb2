"""The real vLLM, built for processors, with the bundled generator: run by `make test-vllm`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from katsuo import engines, wire
from katsuo.mending import response_of
from katsuo.models import shelf
from katsuo.models.schedule import SCHEDULE, Placement
from katsuo.protocols import Completes, Completion, Hold, Request, Sampling
from katsuo.seeds import derive
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.types import Flaw, TaskType

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed: make test-vllm"),
    pytest.mark.skipif(
        not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
        reason="the base model is not in the cache: katsuo models pull smollm2-135m",
    ),
    # vLLM and what it stands on warn of themselves.
    pytest.mark.filterwarnings("default"),
]

GENERATOR = "smollm2-135m-katsuo"
KINDS = (TaskType.YNQA, TaskType.EXQA, TaskType.NLI)
WARM = Sampling(temperature=0.5, top_p=0.95, max_tokens=96)
GREEDY = Sampling(temperature=0, top_p=1, max_tokens=24)
N_GREEDY = 8
LEAST_EQUAL = 7
"""Of the greedy drafts in float32; measured: all eight (note 0034)."""
NEAR_TIE_NATS = 0.3
"""How far apart two words may be where bfloat16 takes the other one; measured: 0.14 at most."""
PASSAGES = (
    "A vessel that waits for a pilot keeps a listening watch on channel 12 and shows one white "
    "light above a red one. The harbour master may close the eastern basin when the wind exceeds "
    "twelve metres a second for more than ten minutes. A closed basin is marked by a black ball "
    "by day and by three red lights at night.",
    "Nobody may take fuel on board between sunset and sunrise without a written permit. The "
    "permit costs 40 crowns and is valid for one night. Whoever spills fuel reports it to the "
    "harbour office at once and pays for the cleaning, unless the spill came from a hose of the "
    "harbour itself.",
    "Berths are given out in the order of arrival. A boat longer than 15 metres pays double, and "
    "a boat that stays longer than 14 days pays half from the fifteenth day on. Fishing boats "
    "that are registered in the harbour pay nothing between November and March.",
)


def opened(dtype: str) -> Completes:
    """The bundled generator in vLLM, as `katsuo generate` opens it."""
    named = engines.find(GENERATOR)
    engine = engines.engine_of(named, "vllm", drafts=True)
    schedule = replace(SCHEDULE, sharing=True, placement=Placement(dtype=dtype))
    return engines.open_completes(named, engine, "F16", schedule=schedule)


@pytest.fixture(scope="module")
def model() -> Completes:
    """In bfloat16, the default."""
    return opened("bfloat16")


@pytest.fixture(scope="module")
def exact() -> Completes:
    """In float32."""
    return opened("float32")


@pytest.fixture(scope="module")
def reference() -> Completes:
    """The same weights in transformers, in float32."""
    from katsuo.models.hf import HfModel
    from katsuo.models.merged_form import merged_form

    found = engines.find(GENERATOR).model
    assert found is not None
    return HfModel.load(merged_form(found), dtype="float32")


def greedy(model: Completes) -> list[str]:
    requests = [asked(number, GREEDY) for number in range(N_GREEDY)]
    return [completion.text for completion in model.complete(requests)]


def asked(number: int, sampling: Sampling = WARM) -> Request:
    wish = wire.Wish(type=KINDS[number % len(KINDS)])
    return Request(
        id=str(number),
        prompt=wire.katsuo_prompt(PASSAGES[number // len(KINDS) % len(PASSAGES)], wish),
        sampling=sampling,
        seed=derive(0, "test", str(number)),
    )


def test_the_same_seeds_give_the_same_drafts_and_most_can_be_parsed(model: Completes) -> None:
    requests = [asked(number) for number in range(9)]
    first = list(model.complete(requests))
    assert list(model.complete(requests)) == first
    assert [completion.id for completion in first] == [request.id for request in requests]
    assert all(completion.failure == "" for completion in first)
    flawed = [one.text for one in first if isinstance(wire.parse(one.text, ""), Flaw)]
    assert len(flawed) <= 2, flawed


def test_another_seed_gives_another_draft(model: Completes) -> None:
    hot = replace(WARM, temperature=1.5)
    one, other = (replace(asked(0, hot), seed=seed) for seed in (1, 2))
    texts = [completion.text for completion in model.complete([one, other, one])]
    assert texts[0] == texts[2] != texts[1]


def test_a_stop_string_ends_the_draft_and_is_no_part_of_it(model: Completes) -> None:
    (whole,) = model.complete([asked(0, GREEDY)])
    stop = whole.text[6:9]
    (cut,) = model.complete([replace(asked(0, GREEDY), stop=(stop,))])
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finished
    assert cut.n_tokens < whole.n_tokens


def test_a_draft_is_what_it_is_held_to(model: Completes) -> None:
    holds = (Hold(only=("Yes", "naïve")), Hold(within=PASSAGES[0]), Hold())
    requests = [replace(asked(number), hold=holds[number % len(holds)]) for number in range(9)]
    for request, said in zip(requests, model.complete(requests), strict=True):
        assert request.hold is not None
        assert response_of(request.hold, said.text, finished=said.finished), said


def test_a_prompt_that_does_not_fit_is_a_value_and_the_others_are_served(model: Completes) -> None:
    long = replace(asked(0, GREEDY), id="long", prompt="harbour " * 9000)
    failed, served = model.complete([long, asked(1, GREEDY)])
    assert failed == Completion(id="long", text="", finished=False, failure="prompt-too-long")
    assert served.text


def test_in_float32_greedy_drafts_are_those_of_transformers(
    exact: Completes, reference: Completes
) -> None:
    pairs = list(zip(greedy(exact), greedy(reference), strict=True))
    differing = [pair for pair in pairs if pair[0] != pair[1]]
    assert N_GREEDY - len(differing) >= LEAST_EQUAL, differing


def test_in_bfloat16_greedy_drafts_leave_those_of_transformers_where_two_words_nearly_tie(
    model: Completes,
    reference: Any,  # noqa: ANN401 -- its tensors are looked at
) -> None:
    import torch

    tokens = reference.tokens
    pairs = zip(greedy(model), greedy(reference), strict=True)
    for number, (ours, theirs) in enumerate(pairs):
        if ours == theirs:
            continue
        one, other = (tokens.target_ids(text) for text in (ours, theirs))
        at = next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
        ids = torch.tensor([tokens.of(asked(number, GREEDY)) + other[:at]])
        with torch.inference_mode():
            nats = reference.model(input_ids=ids).logits[0, -1].log_softmax(-1)
        assert nats[other[at]] - nats[one[at]] <= NEAR_TIE_NATS, (ours, theirs)


def test_vllm_is_told_not_to_report_its_use(model: Completes) -> None:
    from vllm.usage.usage_lib import is_usage_stats_enabled

    assert model
    assert not is_usage_stats_enabled()


def test_the_command_generates_tasks_about_the_harbour(tmp_path: Path) -> None:
    recipe = tmp_path / "harbour.yaml"
    recipe.write_text(
        "name: harbour\nlimit: 4\n"
        f"ingest: {{paths: [{Path('examples/harbour/documents').resolve()}], max_tokens: 120}}\n"
        f"generate: {{generator: {GENERATOR}, engine: vllm, task_types: [ynqa, exqa], "
        "max_tokens: 96}\n",
        "utf-8",
    )
    run = Run.at(tmp_path / "run")
    for stage in ("ingest", "generate"):
        words = [sys.executable, "-m", "katsuo.cli", stage, str(recipe), "--run", str(run.folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    stated = run.stage("generate").manifest
    assert stated["settings"]["engine"] == "vllm"
    assert stated["settings"]["engine_version"] == engines.engine_version("vllm")
    assert stated["counts"]["arrived"] == 8
    tasks = [row for part in run.stage("generate").parts() for row in tables.read(part)]
    assert len(tasks) >= 5
