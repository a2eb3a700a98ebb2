from __future__ import annotations

from pathlib import Path

import pytest

from katsuo.errors import ModelError
from katsuo.models.hub import push


class Endpoint:
    """Takes what the Hub would take, or refuses it."""

    def __init__(self, refusal: Exception | None = None, *, private: bool = True) -> None:
        self.refusal, self.private = refusal, private
        self.asked: list[tuple[str, ...]] = []

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool) -> object:
        if self.refusal:
            raise self.refusal
        self.asked.append(("create", repo_id, repo_type, str(private), str(exist_ok)))
        return None

    def dataset_info(self, repo_id: str) -> Endpoint:
        return self

    def upload_folder(
        self, *, folder_path: str, repo_id: str, repo_type: str, ignore_patterns: str
    ) -> object:
        self.asked.append(("upload", folder_path, repo_id, repo_type, ignore_patterns))
        return None


def test_a_folder_goes_into_a_private_dataset_without_the_places_of_documents(
    tmp_path: Path,
) -> None:
    hub = Endpoint()
    assert push(tmp_path, "owner/harbour", hub).endswith("/datasets/owner/harbour")
    assert hub.asked == [
        ("create", "owner/harbour", "dataset", "True", "True"),
        ("upload", str(tmp_path), "owner/harbour", "dataset", "lineage.jsonl"),
    ]


def test_nothing_is_sent_to_a_dataset_that_all_can_read(tmp_path: Path) -> None:
    hub = Endpoint(private=False)
    with pytest.raises(ModelError, match="public and nothing was sent"):
        push(tmp_path, "owner/harbour", hub)
    assert [asked[0] for asked in hub.asked] == ["create"]


def test_a_refusal_is_one_line_that_says_what_is_left(tmp_path: Path) -> None:
    hub = Endpoint(ConnectionError("no way\nto the Hub"))
    with pytest.raises(ModelError, match=r"did not take it \(no way\); the folder .* is whole"):
        push(tmp_path, "owner/harbour", hub)


def test_where_the_hub_is_switched_off_nothing_is_sent(tmp_path: Path) -> None:
    # Tests run with HF_HUB_OFFLINE; a socket to anywhere else would fail them.
    with pytest.raises(ModelError, match="did not take it"):
        push(tmp_path, "owner/harbour")
