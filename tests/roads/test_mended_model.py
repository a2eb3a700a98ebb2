"""The bundled generator in OpenVINO: every mended draft of every type is a task."""

from __future__ import annotations

import pytest

from katsuo import engines, offers
from katsuo.mending import Decoding
from katsuo.models import shelf
from katsuo.stages.generate import GenerateSettings, generate
from katsuo.types import Context, Dropped, Task, TaskType, digest

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shelf.home() / "models" / shelf.BASE_NAME).is_dir(),
        reason="the base model is not in the cache: katsuo models pull smollm2-135m",
    ),
]

EACH = 5
"""Drafts of each type from each passage."""
PASSAGES = (
    "A vessel that waits for a pilot keeps a listening watch on channel 12 and shows one white "
    "light above a red one. A closed basin is marked by a black ball by day.",
    "Nobody may take fuel on board between sunset and sunrise without a written permit. The "
    "permit costs 40 crowns and is valid for one night; whoever spills fuel pays for the cleaning.",
    'The keeper, Ann Odd, said: "I don\'t mind the fog (much)." She opened the gate at 6:30, as '
    "on every morning since 1998, and the ferry left with 12 % of its seats taken.",
    "Berths are given out in the order of arrival. A boat longer than 15 metres pays double.",
)
CONTEXTS = [
    Context(id=digest(text), document_id="d", text=text, start=0, end=len(text))
    for text in PASSAGES
]


@pytest.mark.parametrize("decoding", ["mended", "held"])
def test_twenty_drafts_of_every_type_are_tasks_that_keep_their_promise(decoding: Decoding) -> None:
    named = engines.find(shelf.GENERATOR_NAME)
    engine = engines.engine_of(named, "openvino")
    settings = GenerateSettings(
        generator=named.name,
        format=engines.wire_format(named, "auto"),
        task_types=tuple(TaskType),
        seed=33,
        per_context=EACH,
        decoding=decoding,
    )
    model = engines.open_completes(named, engine, "F16")
    made = list(generate(CONTEXTS, model, settings))
    assert len(made) == len(CONTEXTS) * EACH * len(TaskType)
    assert [item for item in made if isinstance(item, Dropped)] == []
    assert [task for task in made if isinstance(task, Task) and not _keeps(task)] == []


def _keeps(task: Task) -> bool:
    """Whether a response is an extract or a label as its type promises."""
    question = task.instruction.replace(task.context, "\n")
    if task.type.extractive:
        blank = offers.blank(question)
        return task.response in task.context or (bool(blank) and blank in task.response)
    found = offers.offers(task.type, question) if task.type.closed_choice else []
    return not found or any(offer.has(task.response) for offer in found)
