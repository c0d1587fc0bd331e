#!/usr/bin/env bash
# Makes the hazard detector anew: frames, training, export, evaluation. Needs a built tree (npm run build) and Python 3.11 or newer.
# Usage: bash toolchain/detector/reproduce.sh [FOLDER]   (default: out/detector; takes about 4 GB, 11 GB of memory and, on two free cores, about two hours)
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-out/detector}
mkdir -p "$out"
export OMP_NUM_THREADS=1

[ -x "$out/venv/bin/python" ] || python3 -m venv "$out/venv"
"$out/venv/bin/pip" install --quiet -r toolchain/detector/requirements.txt

# The same seeds give the same frames on every machine.
frames() { node dist/sim/dataset/main.js training --frames "$2" --seed "$1" --out "$out/train$1"; }
(frames 1 5000 && frames 3 6000) &
others=$!
frames 2 5000 && frames 4 6000
wait "$others"
node dist/sim/dataset/main.js evaluation --frames 400 --out "$out/evaluation"

# Small crops first, because they are cheap; then larger ones and whole frames; then more sites, wider light and noise, with an eye on far hazards.
train() { "$out/venv/bin/torchrun" --nproc-per-node 2 toolchain/detector/train.py "$@"; }
train --train "$out"/train[12] --out "$out/first"
train --train "$out"/train[12] --out "$out/second" --weights "$out/first/hazards.pt" --crop 192 256 --batch 8 --rate 0.0012 --steps 1500 --seed 2
train --train "$out"/train[1-4] --out "$out/model" --weights "$out/second/hazards.pt" --crop 192 256 --rate 0.0015 --steady 6850 --steps 9050 --harsh --seed 5
"$out/venv/bin/python" toolchain/detector/evaluate.py --model "$out/model/hazards.onnx" --frames "$out/evaluation" --out "$out/model/evaluation.json"
"$out/venv/bin/python" toolchain/detector/describe.py --stages "$out/first" "$out/second" "$out/model" --out "$out/model/hazards.json"
echo "the network: $out/model/hazards.onnx, described by $out/model/hazards.json"
