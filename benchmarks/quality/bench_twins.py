"""Which embedding tells that two questions mean the same, and from which cosine on?

python benchmarks/quality/bench_twins.py MODEL ...    (KATSUO_DATA names the data)

MODEL is a folder or a name of the shelf. Beside the models stand character n-grams (TF-IDF), which
need none. Pairs with a known truth: PAWS, QQP, MRPC (labelled by their makers); questions about one
passage of SQuAD and XQuAD with one answer (`twins_read.json`: read by one of us, by digest); about
one passage with different answers (never twins); minimal contrasts of ROPES with one answer; claims
about one SNLI premise with other labels. The last three only have false alarms.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from filing import file, share

from katsuo import engines
from katsuo.models.embedding import HfEmbedder
from katsuo.store import tables
from katsuo.types import digest

N: Final = 500
N_FRAMED: Final = 200
SEED: Final = 31
COSINES: Final = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
DIRECTIONS: Final = 128
"""Principal directions that are made equally long where a model's vectors are whitened."""
WIDTH: Final = 2**15
"""Places of the runs of characters."""
LABELLED: Final = {
    "PAWS": ("sources/paws/test", "sentence1", "sentence2"),
    "QQP": ("sources-restricted/qqp/test", "question1", "question2"),
    "MRPC": ("sources-restricted/mrpc/train", "sentence1", "sentence2"),
}
QUESTION_FRAMES: Final = (
    "You file documents and fill in what is asked, never in your own words. Document: To fill in: "
    "{}",
    'In the margin of this paragraph somebody has written "{}" Which words of the paragraph settle '
    "it?",
)
CLAIM_FRAME: Final = (
    "Known: To judge: {} Taking what is known for granted, what is to be judged is True, False or "
    "Inconclusive. Which one?"
)

Pair = tuple[str, str, bool]
Embed = Callable[[Sequence[str]], Any]


def drawn(name: str, pairs: Iterable[Pair], n: int = N) -> list[Pair]:
    """`n` of `pairs`, by chance."""
    found = sorted(set(pairs))
    random.Random(f"{SEED} {name}").shuffle(found)
    return found[:n]


def answer_of(row: Mapping[str, Any]) -> str:
    """The first answer to a question."""
    answers = row["answers"]
    return str(answers["text"][0] if isinstance(answers, Mapping) else answers[0])


def about_one_passage(paths: Sequence[Path], passage: str) -> tuple[set[Pair], set[Pair]]:
    """Pairs of questions about one passage: with one answer, with different ones."""
    asked: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in paths:
        for row in tables.rows_of(path):
            asked[row[passage]].append((row["question"].strip(), answer_of(row).strip().casefold()))
    same, other = set(), set()
    for group in asked.values():
        for (one, said), (two, said_too) in combinations(sorted(set(group)), 2):
            if one.casefold() != two.casefold():
                (same if said == said_too else other).add((one, two, False))
    return same, other


def sets_of(data: Path) -> dict[str, list[Pair]]:
    """Name -> pairs of texts, each with whether they mean the same."""
    found: dict[str, list[Pair]] = {}
    for name, (place, one, two) in LABELLED.items():
        rows = tables.rows_of(data / f"{place}.parquet")
        found[name] = drawn(name, ((r[one], r[two], r["label"] == 1) for r in rows))
    squad = [data / "sources" / "squad" / f"{split}.parquet" for split in ("train", "validation")]
    squad.append(data / "sources" / "xquad_en" / "validation.parquet")
    same, other = about_one_passage(squad, "context")
    read = json.loads(Path(__file__).with_name("twins_read.json").read_text("utf-8"))
    keys = {digest(*sorted((one, two))): (one, two) for one, two, _ in same}
    found["one answer"] = [(*keys[key], bool(twin)) for key, twin in read.items() if key in keys]
    found["other answer"] = drawn("other", other)
    contrasts, _ = about_one_passage([data / "sources" / "ropes" / "train.parquet"], "situation")
    found["contrasts"] = drawn("contrasts", contrasts)
    found["other label"] = claims(data / "sources" / "snli" / "validation.parquet")
    frame, other_frame = QUESTION_FRAMES
    found["one answer, one frame"] = framed(found["one answer"], frame, frame)
    found["one answer, two frames"] = framed(found["one answer"], frame, other_frame)
    found["other answer, one frame"] = framed(found["other answer"], frame, frame)[:N_FRAMED]
    claimed = framed(found["other label"], CLAIM_FRAME, CLAIM_FRAME)
    found["other label, one frame"] = claimed[:N_FRAMED]
    return found


def claims(path: Path) -> list[Pair]:
    """Pairs of claims about one premise that have different labels."""
    made: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in tables.rows_of(path):
        made[row["premise"]].append((row["hypothesis"], row["label"]))
    pairs = (
        (one, two, False)
        for group in made.values()
        for (one, label), (two, other) in combinations(sorted(set(group)), 2)
        if label != other
    )
    return drawn("claims", pairs)


def framed(pairs: Sequence[Pair], first: str, second: str) -> list[Pair]:
    """`pairs` inside the words that a generator puts around a question."""
    return [(first.format(one), second.format(two), twin) for one, two, twin in pairs]


def n_grams(texts: Sequence[str]) -> Any:  # noqa: ANN401 -- rows that multiply like arrays
    """TF-IDF of runs of three to five characters within words, hashed into a wide row each."""
    counted = [
        Counter(
            hash_of(f" {word} "[at : at + size])
            for word in re.findall(r"\w+", text.casefold())
            for size in (3, 4, 5)
            for at in range(max(1, len(word) + 3 - size))
        )
        for text in texts
    ]
    spread = np.zeros(WIDTH)
    for each in counted:
        spread[list(each)] += 1
    rareness = np.log((1 + len(texts)) / (1 + spread)) + 1
    rows = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for row, each in zip(rows, counted, strict=True):
        row[list(each)] = [1 + np.log(n) for n in each.values()]
    rows *= rareness.astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def hash_of(gram: str) -> int:
    """A place for a run of characters, the same on every machine."""
    return int(digest("n-gram", gram)[:8], 16) % WIDTH


def whitened(vectors: Any) -> Any:  # noqa: ANN401
    """`vectors` without their mean, their principal directions made equally long."""
    centred = vectors - vectors.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    turned = centred @ directions[:DIRECTIONS].T / lengths[:DIRECTIONS]
    return turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)


def measured(cosines: Any, twins: Any) -> dict[str, Any]:  # noqa: ANN401
    """At each cosine: how many of the pairs that it calls twins are, how many twins it finds."""
    figures: dict[str, Any] = {}
    for least in COSINES:
        called = cosines >= least
        right = int((called & twins).sum())
        if not twins.any():
            figures[f"called from {least}"] = share(int(called.sum()), len(twins))
        elif called.any():
            figures[f"precision from {least}"] = share(right, int(called.sum()))
            figures[f"recall from {least}"] = round(right / int(twins.sum()), 3)
    if twins.any() and not twins.all():
        yes, no = cosines[twins], cosines[~twins]
        above = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
        figures["a twin lies nearer than another pair"] = round(float(above), 3)
        figures["twins"] = share(int(twins.sum()), len(twins))
    return figures


def opened(name: str) -> tuple[HfEmbedder, bool]:
    """A model, and whether it is one that continues texts; such are large, and read in bfloat16."""
    embedder = engines.open_embeds(engines.find(name))
    assert isinstance(embedder, HfEmbedder), "the fake is not measured"
    causal = "CausalLM" in str(embedder.model.config.architectures)
    if causal:
        embedder.model.bfloat16()
    return embedder, causal


def main(models: Sequence[str]) -> None:
    """Measure `models` and n-grams, and file the result."""
    sets = sets_of(Path(os.environ["KATSUO_DATA"]))
    texts = sorted(
        {text for pairs in sets.values() for one, two, _ in pairs for text in (one, two)}
    )
    at = {text: number for number, text in enumerate(texts)}
    vectors = {"character n-grams": n_grams(texts)}
    figures: dict[str, Any] = {"texts": len(texts)}
    for name in models:
        embedder, causal = opened(name)
        began = time.process_time()
        shown = Path(name).name
        vectors[shown] = embedder.embed(texts)
        figures[f"{shown}, texts for each second of the processor"] = round(
            len(texts) / (time.process_time() - began)
        )
        if causal:
            vectors[f"{shown}, whitened"] = whitened(vectors[shown])
    for shown, rows in vectors.items():
        for name, pairs in sets.items():
            one, two = (rows[[at[pair[place]] for pair in pairs]] for place in (0, 1))
            twins = np.array([pair[2] for pair in pairs])
            figures[f"{shown}: {name}"] = measured((one * two).sum(axis=1), twins)
    file("twins", figures, READING)


READING: Final = (
    f"At most {N} pairs a set ({N_FRAMED} of the framed ones that can only be false alarms), seed "
    f"{SEED}. Precision is of the pairs that are called twins from that cosine on, at the set's "
    "own share of twins; where no pair is a twin, what is called one is a false alarm. `one "
    "answer` was read by one of us, who saw the cosines. Models that continue texts were read in "
    f"bfloat16 and whitened on the texts of this measurement, {DIRECTIONS} directions."
)

if __name__ == "__main__":
    main(sys.argv[1:])
