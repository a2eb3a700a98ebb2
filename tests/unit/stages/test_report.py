"""Tests of the report: its JSON, its words, and a page that is safe and complete."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from katsuo.stages.report import PageExtras, ReportFacts, measured, page, report
from katsuo.types import Dropped, Origin, Span, Task, TaskType

PASSAGE = (
    "7.2 Termination. Either party may end this agreement by giving the other thirty (30) days' "
    "written notice. Sections 4 and 9 remain in force after the end. "
)
ORIGIN = Origin(generator="smollm2-135m-bonito 0f3a9c", format="bonito-v1", seed=11)


def task(type: TaskType = TaskType.EXQA, **changes: Any) -> Task:  # noqa: ANN401 -- any field
    made = Task(
        id="t1",
        document_id="d1",
        context_id="c1",
        context=PASSAGE,
        type=type,
        instruction=f"{PASSAGE.strip()}\n\nHow much notice must a party give?",
        response="thirty (30) days",
        origin=ORIGIN,
        evidence=(Span(start=PASSAGE.index("thirty"), end=PASSAGE.index("days") + 4),),
        scores={"grounded": 1.0, "agreed": 0.83},
    )
    return replace(made, **changes)


def f1(value: float, n: int = 103) -> dict[str, Any]:
    return {"value": value, "low": value - 5.5, "high": value + 5.1, "n": n, "unscored": 0}


def on_set(value: float, metric: str = "macro_f1") -> dict[str, Any]:
    ranked = metric == "macro_f1"
    return {
        "f1": {**f1(value), "n_documents": 40},
        "metric": metric,
        "by_prompt": [value - 4.2, value - 1.0, value + 0.4, value + 1.3, value + 3.5],
        "sd": 2.9,
        "mean_rank": value - 1.1 if ranked else None,
        "calibrated": value + 2.2 if ranked else None,
    }


def gain(value: float, low: float, high: float, n: int = 120) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


def all_gains() -> dict[str, dict[str, Any]]:
    return {
        "tasks-zero_shot": {
            **gain(12.3, 6.1, 18.0),
            "by_set": {
                "contract_nli": gain(15.2, 7.9, 22.4),
                "pubmed_qa": gain(2.1, -4.0, 8.3),
                "handbook_spans": gain(19.6, 11.0, 27.9),
            },
        },
        "tapt-zero_shot": {
            **gain(-0.8, -2.9, 1.4),
            "by_set": {
                "contract_nli": gain(-4.6, -8.9, -0.4),
                "pubmed_qa": gain(1.1, -2.0, 4.3),
                "handbook_spans": gain(1.2, -2.0, 4.1),
            },
        },
        "tasks-tapt": {**gain(13.1, 6.8, 19.2), "by_set": {}},
        "tasks-tasks_elsewhere": {**gain(1.9, -2.2, 6.1), "by_set": {}},
    }


def all_arms() -> dict[str, dict[str, Any]]:
    values = {
        "zero_shot": (31.2, 40.1, 22.8),
        "tapt": (26.6, 41.2, 24.0),
        "tasks": (46.4, 42.2, 42.4),
        "tasks_elsewhere": (44.0, 41.0, 40.3),
    }
    return {
        arm: {
            "contract_nli": on_set(nli),
            "pubmed_qa": on_set(qa),
            "handbook_spans": on_set(spans, "squad_f1"),
            "mean": {"f1": f1((nli + qa + spans) / 3, 309), "metric": "mean_f1"},
        }
        for arm, (nli, qa, spans) in values.items()
    }


def losses(first: float, last: float) -> list[tuple[int, float]]:
    return [
        (step, last + (first - last) / (1 + step / 25) + 0.08 * ((step * 37) % 11 - 5) / 5)
        for step in range(1, 421)
    ]


def samples() -> tuple[Task, ...]:
    arabic = "\u064a\u062c\u0648\u0632 \u0644\u0643\u0644 \u0637\u0631\u0641"
    hostile = f"<script>alert('x')</script> & \u202eevil\u202c {arabic}. The fee is <b>$40</b>."
    long = PASSAGE * 9
    at = long.rindex("thirty (30)")
    return (
        task(),
        task(
            TaskType.NLI,
            id="t2",
            instruction=f"{PASSAGE}Does it follow that a telephone call will do? Yes, no or maybe?",
            response="No",
            evidence=(),
            scores={"agreed": 1.0},
        ),
        task(
            TaskType.YNQA,
            id="t3",
            context=hostile,
            instruction=f"{hostile}\nIs the fee $40?",
            response="Yes",
            evidence=(Span(start=hostile.index("The"), end=len(hostile)),),
        ),
        task(
            TaskType.SUMMARIZATION,
            id="t4",
            context=long,
            instruction=f"Sum up: {long.strip()}",
            response="Either side may leave on thirty days' written notice.",
            evidence=(Span(start=at, end=at + 16),),
            scores={},
        ),
    )


def facts(**changes: Any) -> ReportFacts:  # noqa: ANN401 -- any field
    made = ReportFacts(
        name="contracts-01",
        version="0.1.0",
        seed=7,
        base={"name": "smollm2-135m-instruct", "sha256": "9b" * 32, "note": "bundled; 135 M"},
        generator="smollm2-135m-bonito 0f3a9c",
        recipe={"name": "contracts-01", "generate": {"task_types": ["ynqa", "exqa", "nli"]}},
        machine={
            "cpu": "x86-64, AVX-512",
            "cores": 2,
            "memory_gib": 23.5,
            "python": "3.11.9",
            "libraries": {"openvino": "2026.4.0", "torch": "2.9.1"},
        },
        n_documents=42,
        n_contexts=1240,
        n_tasks=1507,
        funnel=[
            {"stage": "ingest", "arrived": 1258, "passed": 1240, "unit": "passage",
             "dropped": {"context-too-short": 18}},
            {"stage": "generate", "arrived": 3720, "passed": 2410,
             "dropped": {"pipe-missing": 902, "response-empty": 310, "prompt-too-long": 98}},
            {"stage": "curate", "arrived": 2410, "passed": 1507,
             "dropped": {"answer-not-in-context": 512, "near-duplicate": 287, "too-short": 104}},
            {"stage": "adapt", "arrived": 1507, "passed": 1507, "unit": "example", "dropped": {}},
        ],
        arms=all_arms(),
        gains=all_gains(),
        seconds={"ingest": 3.2, "generate": 2544.0, "curate": 88.5, "adapt": 1630, "evaluate": 960},
        peak_mib={"ingest": 310, "generate": 1120, "curate": 640, "adapt": 4310, "evaluate": 1890},
        samples=samples(),
        losses={"tapt": losses(3.6, 2.9), "tasks": losses(2.4, 0.7)},
    )  # fmt: skip
    return replace(made, **changes)


def extras() -> PageExtras:
    return PageExtras(
        dropped=(
            Dropped(item_id="x1", stage="generate", by="bonito-v1", reason="pipe-missing",
                    excerpt="Who may end the agreement, and how? Who may end the agreement, and"),
            Dropped(item_id="x2", stage="curate", by="grounded", reason="answer-not-in-context",
                    excerpt="How long is the notice? <img src=x onerror=alert(1)> sixty days"),
        ),
        recipe_yaml="name: contracts-01\nseed: 7\ngenerate:\n  task_types: [ynqa, exqa, nli]\n",
        places={"c1": "contracts/lease-2019.pdf, page 3"},
        made_at="2026-11-23 15:01",
    )  # fmt: skip


@pytest.fixture(scope="module")
def html() -> str:
    return page(report(facts()), extras())


class Outline(HTMLParser):
    """What a browser would meet: tags with attributes, in order, and unclosed ones."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "wbr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_report_is_plain_json_and_repeats_itself() -> None:
    made = report(facts())
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert report(facts()) == made


@pytest.mark.parametrize(
    ("gpu", "said"), [("", "15 GiB memory</dd>"), ("A1 80GB", "15 GiB memory; A1 80GB</dd>")]
)
def test_the_page_names_the_gpu_where_there_is_one(gpu: str, said: str) -> None:
    machine = {**facts().machine, "memory_gib": 15, "gpu": gpu}
    assert said in page(report(facts(machine=machine)), extras())


def test_the_page_is_the_same_from_facts_and_from_the_file() -> None:
    made = report(facts())
    assert page(json.loads(json.dumps(made)), extras()) == page(made, extras())


def test_the_page_says_what_was_mended() -> None:
    funnel = [dict(row) for row in facts().funnel]
    funnel[1]["mended"] = {"exqa": {"held": 2, "snapped": 1}, "nli": {"held": 1}}
    shown = page(report(facts(funnel=funnel)), extras())
    assert "exqa 2 held, 1 snapped; nli 1 held" in " ".join(shown.split())


@pytest.mark.parametrize("stage", range(4))
def test_a_funnel_row_that_does_not_add_up_is_a_bug(stage: int) -> None:
    funnel = [dict(row) for row in facts().funnel]
    funnel[stage]["passed"] += 1
    with pytest.raises(AssertionError, match=funnel[stage]["stage"]):
        report(facts(funnel=funnel))


def test_a_loss_that_is_no_number_becomes_null() -> None:
    made = report(facts(losses={"tasks": [(1, 2.0), (2, float("nan")), (3, 1.5)]}))
    assert made["losses"] == {"tasks": [[1, 2.0], [2, None], [3, 1.5]]}
    assert "<polyline" in page(made, PageExtras())


def test_lone_surrogates_do_not_cost_the_page() -> None:
    made = report(facts(samples=(task(context="half \ud83d of one", evidence=()),)))
    assert made["samples"][0]["context"] == "half \N{REPLACEMENT CHARACTER} of one"
    page(made, PageExtras(made_at="\udc00")).encode("utf-8")


def test_hostile_text_is_shown_and_never_obeyed(html: str) -> None:
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    tags = Outline(html).tags
    assert {"script", "img", "link", "iframe", "b", "base"}.isdisjoint(tag for tag, _ in tags)
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]


def test_the_page_asks_nothing_of_the_network(html: str) -> None:
    assert not re.search(r"https?:|<script|@import|url\(|\bsrc=(?!x )", html)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in html
    links = [attrs["href"] for _, attrs in Outline(html).tags if "href" in attrs]
    assert links == ["#results"]


def test_users_texts_are_isolated_from_the_direction_of_the_page(html: str) -> None:
    texts = [
        attrs for _, attrs in Outline(html).tags if "text" in (attrs.get("class") or "").split()
    ]
    assert len(texts) >= 4 * 3
    assert {attrs.get("dir") for attrs in texts} == {"auto"}
    assert re.search(r"\.text \{[^}]*unicode-bidi: isolate", html)


def test_evidence_is_marked_and_the_repeated_passage_is_not_repeated(html: str) -> None:
    assert "<mark>thirty (30) days</mark>" in html
    assert '<span class="slot">the passage</span>\nHow much notice' in html


def test_the_page_is_well_formed_and_its_headings_are_in_order(html: str) -> None:
    outline = Outline(html)
    assert outline.open == []
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_single_and_every_label_points_to_one(html: str) -> None:
    tags = Outline(html).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["aria-labelledby"] for _, attrs in tags if "aria-labelledby" in attrs} <= set(ids)


def test_every_drawing_has_a_name_or_is_hidden_and_every_header_cell_a_scope(html: str) -> None:
    tags = Outline(html).tags
    for i, (tag, attrs) in enumerate(tags):
        if tag == "svg" and "viewbox" not in attrs:
            named = attrs.get("role") == "img" and tags[i + 1][0] == "title"
            assert named != (attrs.get("aria-hidden") == "true")
        if tag == "th":
            assert attrs.get("scope") in {"col", "row"}


@pytest.mark.parametrize(
    "said",
    [
        "raised F1 by +12.3 points (95 % interval +6.1 to +18.0)",
        "Gain shown",
        "pipe-missing",
        "natural language inference",
        "contracts/lease-2019.pdf, page 3",
        "x86-64, AVX-512, 2 cores, 23.5 GiB memory",
        "3,720 drafts arrived, 2,410 passed (64.8\xa0%)",
        "each asked in 5 wordings",
        "1 h 27 min",
        "task_types: [ynqa, exqa, nli]",
        "bundled; 135 M",
        "torch 2.9.1",
    ],
)
def test_the_page_says(html: str, said: str) -> None:
    assert said in html


def test_a_run_without_scores_still_has_a_page() -> None:
    bare = facts(arms={}, gains={}, losses={}, samples=(), seconds={}, peak_mib={})
    html = page(report(bare), PageExtras())
    assert Outline(html).open == []
    assert "Not measured" in html
    assert "Name held-out questions under evaluate.sets" in html


def harm(*, rejected: bool) -> dict[str, Any]:
    change = {**gain(-12.0, -16.0, -8.0), "n_documents": 80, "reliable": True}
    return {
        "tasks": {
            "arm": "tasks",
            "rejected": rejected,
            "reasons": ["It fell <far>."] if rejected else [],
            "notes": ["Mind the gap."],
            "sets": {"general_logic": {"before": 60.0, "after": 48.0, "change": change}},
            "mean": change,
            "perplexity_before": 20.0,
            "perplexity_after": 22.0,
            "perplexity_ratio": 1.1,
            "template_intact": True,
            "thinking_kept": None,
            "tolerance": {"points": 5.0, "perplexity_ratio": 1.25},
        }
    }


def test_a_rejected_model_is_said_so_at_the_top_and_in_the_json() -> None:
    made = report(facts(harm=harm(rejected=True)))
    assert made["headline"]["rejected"] == {"tasks": ["It fell <far>."]}
    html = page(made, PageExtras())
    top, _, rest = html.partition("What to do next")
    assert "Adapted model rejected" in top
    assert "It fell &lt;far&gt;." in top
    assert "Do not use the adapter in 4-adapters/tasks" in rest
    assert "Use the adapter in" not in rest
    assert Outline(html).open == []


def test_a_model_that_did_no_harm_is_shown_with_what_was_checked() -> None:
    made = report(facts(harm=harm(rejected=False)))
    assert made["headline"]["rejected"] == {}
    html = page(made, PageExtras())
    assert "Adapted model rejected" not in html
    assert "20.00 before, 22.00 after: 1.10 times" in html
    assert "Use the adapter in 4-adapters/tasks" in html


def test_what_was_not_checked_for_harm_says_so(html: str) -> None:
    assert "Not measured: this run did not ask" in html


MANY = [
    "zero_shot", "few_shot", "tapt", "tasks_elsewhere", "remix_only", "tasks", "tasks_50",
    "tasks_100", "tasks_400", "tasks_1600", "tasks@pubmed_qa", "tasks@contract_nli", "tasks@c",
    "mine",
]  # fmt: skip


def many() -> ReportFacts:
    """Fourteen arms on seven sets."""
    names = ["pubmed_qa", "contract_nli", *(f"set_{i}" for i in range(5))]
    arms = {
        arm: {name: {**on_set(30.0 + i + j), "by_seed": {"7": 30.0, "8": 31.0}}
              for j, name in enumerate(names)} | {"mean": {"f1": f1(33.0 + i), "metric": "mean_f1"}}
        for i, arm in enumerate(MANY)
    }  # fmt: skip
    by_set = {name: {**gain(4.0, 1.0, 7.0), "p": 0.01, "p_holm": 0.07} for name in names}
    whole = {**gain(4.0, 2.0, 6.0), "p": 0.001, "detectable": 2.9, "by_set": by_set}
    pairs = [f"{arm}-zero_shot" for arm in MANY[1:]]
    pairs += [f"tasks-{arm}" for arm in MANY if arm not in ("tasks", "zero_shot")]
    best = {name: {**one, "rule": "calibrated"} for name, one in by_set.items()}
    return facts(
        arms=arms,
        gains=dict.fromkeys(pairs, whole),
        over_best={"tasks": {**whole, "by_set": best}},
        resampling={"draws": 2000, "level": 0.95, "seed": 7, "least_p": 2 / 2001},
        n_tasks=3000,
    )


def test_fourteen_arms_and_seven_sets_make_a_whole_page() -> None:
    made = report(many())
    html = page(json.loads(json.dumps(made)), extras())
    assert Outline(html).open == []
    for said in (
        "Do tasks from one source help on another?",
        "How many tasks are enough?",
        "tasks of one source, asked everywhere",
        "Could it be chance?",
        "from 2,000 draws, so never below 0.0010",
        "this run shows a true gain of about 2.9 points or more",
        "0.070",
        "Small dots below: single tunings",
        "human-written",
    ):
        assert said in html
    assert made["power"].startswith("With 120 documents this run shows")
    assert made["over_best"]["tasks"]["by_set"]["set_0"]["rule"] == "calibrated"
    assert any("best way of ranking" in note for note in made["headline"]["notes"])


def test_an_older_report_can_still_be_shown() -> None:
    made = report(facts())
    for key in ("harm", "over_best", "power", "resampling"):
        del made[key]
    del made["headline"]["rejected"]
    assert "Did it do harm?" in page(made, PageExtras())


def scores_json() -> dict[str, Any]:
    spread = {"n_documents": 12, "reliable": True}
    on_one = {**f1(40.0, 30), **spread, "metric": "macro_f1", "kind": "nli", "sd": 1.0,
              "by_prompt": {"p1": 39.0, "p2": 41.0}, "by_seed": {"0": 40.0},
              "mean_rank": f1(38.0, 30), "calibrated": f1(42.0, 30)}  # fmt: skip
    sets = {"one": on_one, "two": on_one}
    arm = {"sets": sets, "mean": {**f1(40.0, 60), "metric": "mean_f1", "reliable": True}}
    control = {**gain(-2.0, -5.0, 1.0), "n_documents": 24, "reliable": True}
    return {
        "arms": {"tasks": arm, "tasks_elsewhere": arm},
        "gains": [
            {"arm": "tasks_elsewhere", "over": "tasks", "sets": {"one": control}, "mean": control}
        ],
    }


def test_scores_as_evaluated_become_arms_and_a_gain_the_right_way_round() -> None:
    made = measured(scores_json())
    turned = made.gains["tasks-tasks_elsewhere"]
    assert (turned["value"], turned["low"], turned["high"]) == (2.0, -1.0, 5.0)
    assert turned["by_set"]["one"]["high"] == 5.0
    assert list(made.arms["tasks"]) == ["one", "two", "mean"]
    one = made.arms["tasks"]["one"]
    assert (one["f1"]["value"], one["f1"]["n_documents"], one["metric"]) == (40.0, 12, "macro_f1")
    assert (made.over_best, made.resampling) == ({}, {})
    assert one["by_prompt"] == [{"prompt": "p1", "value": 39.0}, {"prompt": "p2", "value": 41.0}]


def test_gains_over_the_best_ranking_are_known_by_their_arm() -> None:
    one = {**gain(2.0, 1.0, 3.0), "rule": "mean_rank"}
    best = {"arm": "tasks", "over": "zero_shot", "sets": {"one": one}, "mean": gain(2.0, 1.0, 3.0)}
    scores = {**scores_json(), "gains_over_best": [best], "resampling": {"draws": 500}}
    made = measured(scores)
    assert made.over_best == {"tasks": {**gain(2.0, 1.0, 3.0), "by_set": {"one": one}}}
    assert made.resampling == {"draws": 500}


def test_scores_as_evaluated_can_be_shown() -> None:
    made = measured(scores_json())
    html = page(report(facts(arms=made.arms, gains=made.gains)), PageExtras())
    assert "macro f1, 30 probes, 12 documents" in html
    assert "39.0, 41.0" in html
    assert "<dd>7; tuned with 0</dd>" in html
