# ruff: noqa: E402 -- what needs the train extra is imported behind the check for it

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

from transformers import Qwen2Config, Qwen2ForCausalLM

from katsuo.models import lora, tune

pytestmark = pytest.mark.train

IDS = [[1, 5, 3, 2], [4, 4, 0, 7]]


def adapted(*, dropout: float = 0.0) -> Any:  # noqa: ANN401
    """A tiny model of a family whose projections have biases, under a LoRA that does something."""
    config = Qwen2Config(
        vocab_size=8,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.3,
    )
    settings = peft.LoraConfig(r=2, lora_alpha=6, lora_dropout=dropout, target_modules="all-linear")
    with torch.random.fork_rng(devices=[]), tune.quiet():
        torch.manual_seed(3)
        model = peft.get_peft_model(Qwen2ForCausalLM(config), settings)
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.1 * torch.randn_like(weight)
    return model


def slopes(model: Any) -> dict[str, Any]:  # noqa: ANN401
    logits = model(input_ids=torch.tensor(IDS)).logits
    logits.square().mean().backward()
    found = {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}
    return {"logits": logits.detach(), **found}


def test_a_quickened_model_gives_the_logits_and_gradients_of_peft() -> None:
    theirs, ours = adapted(), adapted()
    assert lora.quicken(ours) == 2 * 7
    expected, found = slopes(theirs), slopes(ours)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_the_gradients_are_those_of_the_formula() -> None:
    generator = torch.Generator().manual_seed(1)

    def drawn(*shape: int, learned: bool) -> Any:  # noqa: ANN401
        values = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return values.requires_grad_(learned)

    frozen = (drawn(5, 4, learned=False), drawn(5, learned=False))
    x, a, b = drawn(3, 4, learned=True), drawn(2, 4, learned=True), drawn(5, 2, learned=True)
    assert torch.autograd.gradcheck(
        lambda *inputs: lora.Product.apply(inputs[0], frozen, *inputs[1:], 1.7), (x, a, b)
    )


def test_layers_with_dropout_keep_the_pass_of_peft() -> None:
    assert lora.quicken(adapted(dropout=0.1)) == 0
