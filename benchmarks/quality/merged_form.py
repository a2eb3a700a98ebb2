"""Does the merged engine form answer like the adapter? 50 greedy prompts, OpenVINO against peft.

Peft runs the adapter unmerged on its base in float32. Counted are answers that are identical
over 32 tokens, and the mean share of tokens before the first difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "roads"))

from filing import file
from test_real_model import answers, by_peft, common, prompts_of

KINDS = ("F16 f32", "F16", "Q8_0")


def main() -> None:
    """Ask peft once and each form once."""
    prompts = prompts_of(Path("runs/bench-merged"))
    expected = by_peft(prompts)
    figures: dict[str, object] = {"prompts": len(prompts)}
    for kind in KINDS:
        found = answers(prompts, kind)
        shares = [common(a, b) / max(1, len(b)) for a, b in zip(found, expected, strict=True)]
        figures[f"{kind}: identical"] = sum(share >= 1 for share in shares)
        figures[f"{kind}: mean share before the first difference"] = round(
            sum(shares) / len(shares), 4
        )
    file(
        "merged_form",
        figures,
        "OpenVINO computes in bfloat16 unless the row says f32; peft here in float32. A difference "
        "is a near-tie that falls the other way, after which greedy answers part for good.",
    )


if __name__ == "__main__":
    main()
