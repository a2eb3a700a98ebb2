"""Runs in the peers' environment: SQuAD F1 and exact match by torchmetrics, pair by pair.

stdin: [[prediction, [gold]]]    stdout: [[f1, exact match]], both 0 to 100
"""

import json
import sys

from torchmetrics.functional.text import squad


def main() -> None:
    """Score every pair alone."""
    scores = []
    for prediction, golds in json.load(sys.stdin):
        answers = {"answer_start": [0] * len(golds), "text": golds}
        found = squad(
            [{"prediction_text": prediction, "id": "1"}], [{"answers": answers, "id": "1"}]
        )
        scores.append([float(found["f1"]), float(found["exact_match"])])
    json.dump(scores, sys.stdout)


if __name__ == "__main__":
    main()
