"""Wrong uses of the command line and of recipes: `python -m tests.docs.wrong_uses` writes the page.

Each prints one line and ends with exit code 2.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import tempfile
from pathlib import Path
from typing import Final

from katsuo.cli.main import run

PAGE: Final = Path(__file__).parent / "wrong_uses.md"
_GOOD: Final = (
    "name: good\ningest: {paths: [docs], min_words: 4}\n"
    "generate: {generator: fake}\nadapt: {base: fake}\n"
)
_BOMB: Final = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
_PICKLE: Final = b"\x80\x04cos\nsystem\n(S'touch ran'\ntR."
_ADAPTER: Final = json.dumps({"peft_type": "LORA", "base_model_name_or_path": "base"})
_FILES: Final[dict[str, str | bytes]] = {
    "good.yaml": _GOOD,
    "docs/a.md": "The harbour master may close the basin when the wind exceeds twelve metres.",
    "rows.csv": "body,n\nThe harbour master may close the basin,1\n",
    "empty.yaml": "",
    "list.yaml": "- ingest\n",
    "text.yaml": "a recipe\n",
    "cut.yaml": "ingest: [\n",
    "bytes.yaml": b"\xff\xfe\x00",
    "twice.yaml": "name: a\nseed: 1\nname: b\n",
    "bomb.yaml": _BOMB,
    "deep.yaml": "name: " + "[" * 2000 + "]" * 2000,
    "itself.yaml": "ingest: &a {paths: *a}\n",
    "huge.yaml": "# " + "x" * 2**22,
    "date.yaml": "seed: 2001-99-99\n",
    "pickled/adapter_config.json": _ADAPTER,
    "pickled/adapter_model.bin": _PICKLE,
    "model/config.json": "{}",
    "model/pytorch_model.bin": _PICKLE,
}
USES: Final = (
    "rnu good.yaml",
    "run",
    "run none.yaml",
    "run docs",
    "run empty.yaml",
    "run list.yaml",
    "run text.yaml",
    "run cut.yaml",
    "run bytes.yaml",
    "run twice.yaml",
    "run bomb.yaml",
    "run deep.yaml",
    "run itself.yaml",
    "run huge.yaml",
    "run date.yaml",
    "run good.yaml --limit 0",
    "run good.yaml --limit many",
    "run good.yaml --lmit 5",
    "run good.yaml --set generate",
    "run good.yaml --set generate.temprature=1",
    "run good.yaml --set generate.temperature=-1",
    "run good.yaml --set seed=x",
    "run good.yaml --set name=../elsewhere",
    "run good.yaml --set generate.task_types=[poem]",
    "run good.yaml --set curate=[grounds]",
    "run good.yaml --set 'curate=[{grounded: {max_words: 3}}]'",
    "run good.yaml --set ingest.paths=[nowhere]",
    "run good.yaml --set 'ingest.paths=[$KATSUO_NOT_SET/docs]'",
    "ingest good.yaml --set ingest.paths=[rows.csv]",
    "ingest good.yaml --set ingest.paths=[rows.csv] --set ingest.text_column=text",
    "run good.yaml --set evaluate.sets=[none.jsonl]",
    "run good.yaml --set execution.workers=0",
    "run good.yaml --run good.yaml",
    "ingest good.yaml --set adapt.base=docs",
    "ingest good.yaml --set adapt.base=pickled",
    "ingest good.yaml --set adapt.base=model",
    "models pull ./nowhere",
    "funnel docs",
    "dropped docs --stage gen",
    "explain docs 3f9a",
    "forget docs a.md",
    "export docs --out elsewhere",
    "export docs --format tlr --out elsewhere",
    "init good.yaml docs",
    "init new.yaml nowhere",
    "teach good.yaml",
)
"""What a person may type, in a folder with these files."""
_HEAD: Final = """\
# Wrong uses

Made by `python -m tests.docs.wrong_uses`; `test_wrong_uses.py` compares. All end with exit code 2.
"""


def page(folder: Path) -> str:
    """The page, of uses in the empty folder `folder`."""
    for name, data in _FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    here = Path.cwd()
    os.chdir(folder)
    try:
        return _HEAD + "".join(_section(use) for use in USES)
    finally:
        os.chdir(here)


def _section(use: str) -> str:
    said = io.StringIO()
    code: object = None
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            run(shlex.split(use))
        except SystemExit as left:
            code = left.code
    ends = "" if code == 2 else f"(exit code {code})\n"
    return f"\n```text\n$ katsuo {use}\n{said.getvalue()}{ends}```\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PAGE.write_text(page(Path(scratch)), "utf-8")
