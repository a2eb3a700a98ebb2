"""The real vLLM, built for processors, with the bundled generator: run by `make test-vllm`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from katsuo import engines, wire
from katsuo.models import shelf
from katsuo.models.schedule import SCHEDULE
from katsuo.protocols import Completes, Completion, Request, Sampling
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
LEAST_EQUAL = 6
"""Of the greedy answers: in bfloat16 two first words may nearly tie."""
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


@pytest.fixture(scope="module")
def model() -> Completes:
    """The bundled generator in vLLM, as `katsuo generate` opens it."""
    named = engines.find(GENERATOR)
    engine = engines.engine_of(named, "vllm", drafts=True)
    return engines.open_completes(named, engine, "F16", schedule=replace(SCHEDULE, sharing=True))


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


def test_a_prompt_that_does_not_fit_is_a_value_and_the_others_are_served(model: Completes) -> None:
    long = replace(asked(0, GREEDY), id="long", prompt="harbour " * 9000)
    failed, served = model.complete([long, asked(1, GREEDY)])
    assert failed == Completion(id="long", text="", finished=False, failure="prompt-too-long")
    assert served.text


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_greedy_drafts_are_mostly_those_of_transformers(model: Completes, dtype: str) -> None:
    from katsuo.models.hf import HfModel
    from katsuo.models.merged_form import merged_form

    found = engines.find(GENERATOR).model
    assert found is not None
    requests = [asked(number, GREEDY) for number in range(N_GREEDY)]
    ours = [completion.text for completion in model.complete(requests)]
    reference = HfModel.load(merged_form(found), dtype=dtype)
    theirs = [completion.text for completion in reference.complete(requests)]
    equal = sum(a == b for a, b in zip(ours, theirs, strict=True))
    differing = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    assert equal >= LEAST_EQUAL, f"{equal} of {N_GREEDY} equal; such as {differing[:2]}"


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
