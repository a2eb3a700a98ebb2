"""Data to the Hugging Face Hub: only when it is asked for, by name.

The only place beside the shelf that opens a connection. What is made there is private, what is
there and public is left alone, and where documents lie on this machine is not said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from katsuo.errors import ModelError

_STAYS: Final = "lineage.jsonl"
"""Names documents with their folders, so it is not sent."""


class Info(Protocol):
    """What is used of what the Hub says of a dataset."""

    @property
    def private(self) -> bool | None:
        """Whether only its owner sees it."""
        ...


class Uploads(Protocol):
    """What is used of `huggingface_hub.HfApi`."""

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool) -> object:
        """Make a repository, or find it."""
        ...

    def dataset_info(self, repo_id: str) -> Info:
        """What the Hub says of a dataset."""
        ...

    def upload_folder(
        self, *, folder_path: str, repo_id: str, repo_type: str, ignore_patterns: str
    ) -> object:
        """Put the files of a folder there, in one commit."""
        ...


def push(folder: Path, repo: str, api: Uploads | None = None) -> str:
    """Upload `folder` as the dataset `repo`, made private where it is new; its address.

    All but `lineage.jsonl`, which says where on this machine each document lies.

    Args:
        folder: With a card.
        repo: As `owner/name`.
        api: Takes the place of the Hub, in tests.

    Raises:
        ModelError: If the Hub refuses, cannot be reached, or is switched off, or the dataset is
            there already and public.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # of whichever httpx it uses
        HFValidationError,
        HTTPError,
    )

    hub: Uploads = api or HfApi()
    try:
        hub.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
        if not hub.dataset_info(repo).private:
            raise ModelError(
                f"--push-to-hub {repo}: this dataset is public and nothing was sent; make it "
                f"private or name another (the folder {folder} is whole)"
            )
        hub.upload_folder(
            folder_path=str(folder), repo_id=repo, repo_type="dataset", ignore_patterns=_STAYS
        )
    except (HFValidationError, HTTPError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"--push-to-hub {repo}: the Hub did not take it ({first}); the folder {folder} is "
            "whole, and hf upload sends it later"
        ) from error
    return f"https://huggingface.co/datasets/{repo}"
