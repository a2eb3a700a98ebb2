from __future__ import annotations

import pytest

from katsuo.models.automatic import BUNDLED_KIND, Machine, choice

LAPTOP = Machine(gpu=False, vllm="")
GPU = Machine(gpu=True, vllm="")
GPU_VLLM = Machine(gpu=True, vllm="0.32.0")


@pytest.mark.parametrize(
    ("machine", "kind", "drafts", "engine", "why"),
    [
        pytest.param(LAPTOP, BUNDLED_KIND, True, "openvino", "no CUDA device", id="laptop"),
        pytest.param(LAPTOP, "GemmaForCausalLM", True, "hf", "does not read Gemma", id="unread"),
        pytest.param(LAPTOP, "", True, "hf", "names no architecture", id="unnamed"),
        pytest.param(
            Machine(gpu=False, vllm="0.32.0"), BUNDLED_KIND, True, "openvino", "no CUDA", id="idle"
        ),
        pytest.param(GPU, BUNDLED_KIND, True, "hf", r"pip install 'katsuo[vllm]'", id="no-vllm"),
        pytest.param(GPU_VLLM, BUNDLED_KIND, True, "vllm", "vLLM 0.32.0", id="vllm"),
        pytest.param(GPU_VLLM, BUNDLED_KIND, False, "hf", "drafts alone", id="answers"),
    ],
)
def test_the_machine_decides_and_says_why(
    machine: Machine, kind: str, drafts: bool, engine: str, why: str
) -> None:
    taken = choice(kind, machine, drafts=drafts)
    assert taken.engine == engine
    assert why in taken.why
