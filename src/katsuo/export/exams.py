"""lm-evaluation-harness: what was kept out of learning, as questions.

closed types with known answers  ─▶ choice.jsonl   multiple_choice: the likeliest answer
extractive answers               ─▶ extract.jsonl  generate_until: the same words
"""

from __future__ import annotations

from typing import Any, Final

from katsuo.export.chats import dumped
from katsuo.export.choices import ranked
from katsuo.export.formats import Facts, Format, Shaped, Split, as_code
from katsuo.export.rows import Row
from katsuo.types import Flaw

CHOICE: Final = "choice.jsonl"
EXTRACT: Final = "extract.jsonl"
_LONGEST_ANSWER_TOKENS: Final = 64


def _shape(row: Row, _split: Split) -> Shaped | Flaw:
    if row.task.type.extractive and row.task.answerable:
        asked = {"id": row.id, "question": row.pair.prompt, "answer": row.pair.target.strip()}
        return Shaped(file=EXTRACT, columns=asked)
    if not row.task.type.closed_choice:
        return Flaw(reason="type-not-scored")
    match ranked(row.task):
        case Flaw() as flaw:
            return flaw
        case found:
            columns = {"id": row.id, "question": row.pair.prompt, "choices": list(found.choices)}
            return Shaped(file=CHOICE, columns={**columns, "answer": found.answer})


def _beside(facts: Facts) -> dict[str, str]:
    made: dict[str, str] = {}
    if CHOICE in facts.counts:
        made["choice.yaml"] = _yaml(
            f"{facts.name}_choice",
            CHOICE,
            output_type="multiple_choice",
            doc_to_choice="choices",
            metric_list=[_mean("acc"), _mean("acc_norm")],
        )
    if EXTRACT in facts.counts:
        made["extract.yaml"] = _yaml(
            f"{facts.name}_extract",
            EXTRACT,
            output_type="generate_until",
            generation_kwargs={
                "until": ["\n\n"],
                "do_sample": False,
                "max_gen_toks": _LONGEST_ANSWER_TOKENS,
            },
            metric_list=[{**_mean("exact_match"), "ignore_case": True, "ignore_punctuation": True}],
        )
    return made


def _yaml(task: str, file: str, **more: Any) -> str:  # noqa: ANN401 -- YAML
    config = {
        "task": task,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": file}},
        "test_split": "test",
        "doc_to_text": "question",
        "doc_to_target": "answer",
        "num_fewshot": 0,
        **more,
        "metadata": {"version": 1.0},
    }
    return dumped(config, "For lm-evaluation-harness: run it in this folder.")


def _mean(metric: str) -> dict[str, Any]:
    return {"metric": metric, "aggregation": "mean", "higher_is_better": True}


def _use(facts: Facts) -> str:
    kinds = {CHOICE: "choice", EXTRACT: "extract"}
    tasks = ",".join(f"{facts.name}_{kinds[file]}" for file in sorted(facts.counts))
    return (
        "Questions for lm-evaluation-harness. **A generator made them**: they ask how well a\n"
        "model does that generator's tasks, not whether these are right. Ask a model only about\n"
        "documents that it has not learned from: `--split`, or `evaluate.held_out` in the\n"
        "recipe.\n\n"
        + as_code(
            f"lm-eval run --model hf --model_args pretrained=MODEL --tasks {tasks} \\",
            "  --include_path . --apply_chat_template",
        )
    )


LM_EVAL: Final = Format(shape=_shape, beside=_beside, use=_use, exam=True)
