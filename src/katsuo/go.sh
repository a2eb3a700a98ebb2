#!/usr/bin/env bash
# Teach the generator of this pack on a machine that has a GPU and no network.
#
#   bash go.sh CHECKOUT RETURNED [MINUTES]
#
#   CHECKOUT  a checkout of the katsuo that made the pack
#   RETURNED  the result goes here in pieces; katsuo parcel join puts them together
#   MINUTES   stop then with a checkpoint; the same command goes on, here or in a later pack
#
# PYTHON names the Python (python3), WORK the folder to work in (work/ beside this file).
set -euo pipefail
if [ $# -lt 2 ]; then
  sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
pack=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$1" && pwd)
mkdir -p "$2"
returned=$(cd "$2" && pwd)
minutes=${3:-}
python=${PYTHON:-python3}
work=${WORK:-$pack/work}
mkdir -p "$work"
work=$(cd "$work" && pwd)

# Joined once: a second call finds the checkpoint of the first, and goes on from it.
if ! cmp --silent "$pack/SHA256SUMS" "$work/.joined"; then
  (cd "$pack" && sha256sum --check --quiet SHA256SUMS)
  (cd "$pack" && cut -c67- SHA256SUMS | xargs cat) | tar -xf - -C "$work"
  cp "$pack/SHA256SUMS" "$work/.joined"
fi

export PYTHONPATH="$checkout/src" KATSUO_HOME="$work/cache" HF_HUB_OFFLINE=1
if [ -d "$work/wheels" ]; then
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --upgrade \
    --target "$work/site" "$work"/wheels/*.whl
  export PYTHONPATH="$PYTHONPATH:$work/site"
fi
cd "$work"
"$python" - <<'END'
import sys
from importlib.metadata import PackageNotFoundError, version

missing = []
for name in "@NEEDED@".split():
    try:
        version(name)
    except PackageNotFoundError:
        missing.append(name)
if missing:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    sys.exit(
        f"go.sh: missing: {' '.join(missing)}. Where there is a network and katsuo, this prints "
        f"the command that fetches them: katsuo parcel wheels --python {here} {' '.join(missing)}"
    )
import torch

print("on", torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU: no GPU here")
END
if [ -d "$work/base" ]; then
  PIP_NO_INDEX=1 PIP_FIND_LINKS="$work/base" "$python" -m katsuo.cli models pull smollm2-135m
fi
"$python" -m katsuo.cli teach recipe.yaml --run run --remixed ${minutes:+--max-minutes "$minutes"}
"$python" -m katsuo.cli parcel split run/generator "$returned"
