"""Runs in the peers' environment: log-likelihoods of choices by lm-evaluation-harness.

stdin: {"model": folder, "questions": [[context, [choice]]]}    stdout: [[nats]]

The harness moves white space from the end of a context to the continuation, so
the context's last line feed is taken off and its own nats are taken away again.
"""

import json
import sys

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM


def main() -> None:
    """Score every choice behind its context, in float32."""
    asked = json.load(sys.stdin)
    model = HFLM(
        pretrained=asked["model"], dtype="float32", device="cpu", batch_size=16, max_length=8192
    )
    pairs = []
    for context, choices in asked["questions"]:
        head = context.rstrip("\n")
        gap = context[len(head) :]
        pairs += [(head, gap), *((head, gap + choice) for choice in choices)]
    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=0) for pair in pairs
    ]
    nats = iter([found[0] for found in model.loglikelihood(requests, disable_tqdm=True)])
    answers = []
    for _, choices in asked["questions"]:
        gap_nats = next(nats)
        answers.append([next(nats) - gap_nats for _ in choices])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
