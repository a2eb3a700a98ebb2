"""What we write is what the programs that it is for read: each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from katsuo import recipe as recipes
from katsuo.outgoing import Wanted, export_tasks
from katsuo.road import travel
from katsuo.store import tables
from katsuo.store.runs import Run
from katsuo.types import Task

HERE: Final = Path(__file__).parent
ENVIRONMENTS: Final = os.environ.get("KATSUO_EXPORTS", "")
"""Beginning of the environments' names, such as `.venv-exports-`."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ENVIRONMENTS, reason="KATSUO_EXPORTS is not set: make test-exports"),
]
END: Final = "<|im_end|>"
CHAT: Final = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n'"
    " + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
HOSTILE: Final = '\u2028"it\'s" \0 {{context}} \x85 港 <|pipe|> \\n'


def python_of(library: str) -> str:
    if library == "trl":
        return sys.executable
    python = Path(f"{ENVIRONMENTS}{library}") / "bin" / "python"
    assert python.exists(), f"{python} is not there: make test-exports builds it"
    return str(python.absolute())


def by_peer(library: str, **asked: str) -> Any:  # noqa: ANN401 -- JSON
    quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "DO_NOT_TRACK": "1",
             "AXOLOTL_DO_NOT_TRACK": "1", "UNSLOTH_DISABLE_STATISTICS": "1",
             "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false"}  # fmt: skip
    unset = {"PYTHONPATH", "WORLD_SIZE"}
    peer = subprocess.run(
        [python_of(library), str(HERE / f"peer_{library}.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        cwd=asked["folder"],
        env={**{k: v for k, v in os.environ.items() if k not in unset}, **quiet},
    )
    assert peer.returncode == 0, peer.stderr[-4000:]
    answer = json.loads(peer.stdout)
    print("versions:", json.dumps(answer["versions"]))  # noqa: T201 -- what a result holds for
    return answer


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small model with a chat template, as transformers saves it."""
    import transformers

    alphabet = {sign: i for i, sign in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(alphabet, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(
        [AddedToken(word, special=True) for word in ("<|pad|>", "<|im_start|>", END)]
    )
    tokens = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=END, pad_token="<|pad|>", chat_template=CHAT
    )
    config = transformers.LlamaConfig(
        vocab_size=len(tokens), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=4096, eos_token_id=tokens.eos_token_id,
        pad_token_id=tokens.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    folder = tmp_path / "model"
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


@pytest.fixture
def run(fake_recipe: Path, model: Path, tmp_path: Path) -> Run:
    """A run on the fakes, its last task full of signs that break files."""
    found = Run.at(tmp_path / "runs" / "harbour")
    changes = ["generate.task_types=[exqa, ynqa]", f"adapt.base={model}"]
    travel(recipes.load(fake_recipe, changes), found, until="curate", listen=lambda _: None)
    last = found.stage("curate").parts()[-1]
    *others, task = tables.tasks([last])
    spoilt = replace(task, instruction=f"{task.instruction} {HOSTILE}?", response=HOSTILE + "!")
    tables.write(last, tables.TASKS, map(tables.task_row, [*others, spoilt]))
    return found


def learned_from(run: Run, folder: Path) -> Iterator[Task]:
    """The tasks in the training file, in its order."""
    known = {task.id: task for task in tables.tasks(run.stage("curate").parts())}
    for line in (folder / "lineage.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["file"].endswith("train.jsonl"):
            yield known[row["task_id"]]


def check(rows: list[list[str]], run: Run, folder: Path) -> None:
    """Each row is the conversation of its task, and all that is learned is its answer."""
    tasks = list(learned_from(run, folder))
    assert len(rows) == len(tasks) > 10
    for (read, learned), task in zip(rows, tasks, strict=True):
        asked = f"<|im_start|>user\n{task.instruction}{END}\n<|im_start|>assistant\n"
        assert learned.rstrip("\n") == f"{task.response}{END}"
        # Behind the answer some add the line feed of the template, or another end.
        assert read.startswith(asked)
        assert read.removeprefix(asked).strip("\n") in ("", END)


@pytest.mark.parametrize(
    ("library", "form", "config"),
    [
        pytest.param("trl", "trl", "train.yaml", id="trl"),
        pytest.param("axolotl", "axolotl", "train.yaml", id="axolotl"),
        pytest.param("axolotl", "sharegpt", "axolotl.yaml", id="axolotl-reads-sharegpt"),
        pytest.param("llamafactory", "llama-factory", "train.yaml", id="llama-factory"),
        pytest.param(
            "llamafactory", "alpaca", "llama-factory.yaml", id="llama-factory-reads-alpaca"
        ),
        pytest.param(
            "llamafactory", "sharegpt", "llama-factory.yaml", id="llama-factory-reads-sharegpt"
        ),
        pytest.param("unsloth", "unsloth", "train.py", id="unsloth"),
    ],
)
def test_the_trainer_sees_the_conversations_and_learns_the_answers(
    run: Run, tmp_path: Path, library: str, form: str, config: str
) -> None:
    out = tmp_path / "out"
    export_tasks(run, Wanted(format=form, split=0.2), out)
    check(by_peer(library, folder=str(out), config=config)["rows"], run, out)


def test_axolotl_learns_the_answers_of_alpaca_rows(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_tasks(run, Wanted(format="alpaca", split=0.2), out)
    rows = by_peer("axolotl", folder=str(out), config="axolotl.yaml")["rows"]
    for (read, learned), task in zip(rows, learned_from(run, out), strict=True):
        assert task.instruction.strip() in read
        assert learned.removesuffix(END).strip() == task.response.strip()


def test_the_harness_asks_what_was_kept_out(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported = export_tasks(run, Wanted(format="lm-eval", split=0.5), out)
    names = [f"harbour_{file.removesuffix('.jsonl')}" for file in exported.counts]
    answer = by_peer("lmeval", folder=str(out), tasks=",".join(names))
    for file, name in zip(exported.counts, names, strict=True):
        lines = (out / file).read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        assert answer["tasks"][name] == [
            [row["question"], row.get("choices"), row["answer"]] for row in rows
        ]
        metric = "acc,none" if file == "choice.jsonl" else "exact_match,none"
        assert metric in answer["scored"][name]
