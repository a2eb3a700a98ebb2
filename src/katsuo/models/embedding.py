"""Where do texts lie by meaning? The vectors of a sentence encoder, or of any model's layers.

    texts ──tokens──▶ last layer, a vector a token ──mean, or the first──▶ length 1

All is float32, on the CPU. Texts are read in batches of similar length; the same
texts in the same order give the same bits on one machine.

Shapes: B texts, T places, D numbers of a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from katsuo.errors import ModelError
from katsuo.models import weights
from katsuo.models.pooling import MEAN, pooling_of
from katsuo.models.tokens import tokenizer_at

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

MOST_TOKENS: Final = 510
"""Longer texts are cut; encoders of 512 places that count from 2 have so many."""
BATCH: Final = 32
"""Texts of one pass."""


@dataclass(frozen=True, kw_only=True)
class HfEmbedder:
    """A model in transformers, without its head; implements `Embeds`."""

    model: Any
    tokenizer: Tokenizer
    pooling: str

    @classmethod
    def load(cls, folder: Path) -> HfEmbedder:
        """The model in `folder`.

        Raises:
            ModelError: If it cannot be loaded whole, reads and writes (as T5 does), or asks for
                another pooling.
        """
        pooling = pooling_of(folder)
        tokenizer = tokenizer_at(folder)
        model = weights.load_body(folder)
        config = model.config.get_text_config()
        window = getattr(config, "max_position_embeddings", None)
        if getattr(config, "is_encoder_decoder", False) or not isinstance(window, int):
            raise ModelError(
                f"{folder}/config.json: is of no model whose layers read one text of so many "
                "places (max_position_embeddings); name an encoder, such as all-MiniLM-L6-v2"
            )
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(MOST_TOKENS, window))
        return cls(model=model, tokenizer=tokenizer, pooling=pooling)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row of length 1 for each of `texts`, in their order; of zeros where it has no token."""
        ids = [list(found.ids) for found in self.tokenizer.encode_batch_fast(list(texts))]
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        vectors_BD = torch.zeros((len(ids), self.model.config.get_text_config().hidden_size))
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            vectors_BD[some] = self._pooled([ids[number] for number in some])
        return vectors_BD.numpy()

    def _pooled(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        longest = max(1, *map(len, ids))
        ids_BT = torch.zeros((len(ids), longest), dtype=torch.long)
        mask_BT = torch.zeros_like(ids_BT)
        for row, one in enumerate(ids):
            ids_BT[row, : len(one)] = torch.tensor(one, dtype=torch.long)
            mask_BT[row, : len(one)] = 1
        with torch.inference_mode():
            last_BTD = self.model(input_ids=ids_BT, attention_mask=mask_BT).last_hidden_state
        # Padding lies behind; a text without a token stays at zero.
        seen_BT1 = mask_BT[:, :, None] if self.pooling == MEAN else mask_BT[:, :1, None]
        sums_BD = (last_BTD[:, : seen_BT1.shape[1]].float() * seen_BT1).sum(dim=1)
        return torch.nn.functional.normalize(sums_BD, dim=1)
