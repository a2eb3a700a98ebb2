"""How do annotated datasets become tasks: remix."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from katsuo.sections.section import Section
from katsuo.types import TaskType


class Remix(Section):
    """Annotated datasets in, tasks out."""

    folder: str = "$KATSUO_DATA/sources"
    """Folder that holds one folder of Parquet files per source."""
    sources: list[str] | None = None
    """Names of the bundled sources to use; all of them where it is null."""
    promptsource: str | None = None
    """Folder of promptsource template files, in place of the bundled templates."""
    types: str | None = None
    """For `promptsource`: a table of each dataset's passage field and its templates' types."""
    cap_per_source: int | None = Field(default=None, ge=1)
    """Most tasks of one source; the paper takes 100,000."""
    cap_per_type: int | None = Field(default=None, ge=1)
    """Most tasks of each type."""
    caps: dict[TaskType, int] = {}
    """Most tasks of single types, in place of `cap_per_type`."""
    total: int | None = Field(default=None, ge=1)
    """Tasks of all types together, shared out among the types by what their sources hold, to the
    power of 1 / `temperature`."""
    temperature: float = Field(default=2.0, ge=1)
    """1 takes the types as they come; the larger, the more alike their shares."""
    turns: dict[str, int] = {}
    """Folder of a source -> rows that it gives when its turn comes, in place of one: the best
    sources may give more."""
    tasks_per_row: int = Field(default=1, ge=1)
    """Most tasks of one row of a source; templates of different types are drawn first."""
    unanswerable: float = Field(default=1 / 3, ge=0, le=1)
    """Share of the tasks of templates with an answer for that case whose passage is another's."""
    against: list[str] = []
    """Files and folders of evaluation texts: a task that shares 13 words in a row with one of them
    is turned away."""
    fresh: bool = False
    """Whether near twins are left out, too; exact ones always are."""
    tier: Literal["permissive", "all"] = "permissive"
    """`all` takes sources, too, whose licences forbid or do not name a published model; for
    research, and the card says so. No bundled source is of that kind yet."""
    restricted_folder: str = "$KATSUO_DATA/sources-restricted"
    """Folder of those sources."""
    max_context_chars: int = Field(default=2400, ge=100)
    """Longest passage; rows with a longer one are turned away."""

    @model_validator(mode="after")
    def _with_table(self) -> Remix:
        if (self.promptsource is None) != (self.types is None):
            raise ValueError("promptsource and types go together: templates, and a table of them")
        if self.total is not None and (self.cap_per_type is not None or self.caps):
            raise ValueError("total shares out all types, so cap_per_type and caps have no place")
        return self

    @field_validator("caps", mode="before")
    @classmethod
    def _named(cls, caps: object) -> object:
        if not isinstance(caps, dict):
            return caps
        return {TaskType.named(str(name)): cap for name, cap in caps.items()}
