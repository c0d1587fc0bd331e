#!/usr/bin/env bash
# Makes the hazard detector anew: frames, training, export, evaluation. Needs a built tree (npm run build) and Python 3.11 or newer.
# Usage: bash toolchain/detector/reproduce.sh [FOLDER]   (default: out/detector; takes about 2 GB and, on two free cores, about an hour)
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-out/detector}
mkdir -p "$out"
export OMP_NUM_THREADS=1

[ -x "$out/venv/bin/python" ] || python3 -m venv "$out/venv"
"$out/venv/bin/pip" install --quiet -r toolchain/detector/requirements.txt

# The same seeds give the same frames on every machine.
node dist/sim/dataset/main.js training --frames 5000 --seed 1 --out "$out/train1" &
first=$!
node dist/sim/dataset/main.js training --frames 5000 --seed 2 --out "$out/train2"
wait "$first"
node dist/sim/dataset/main.js evaluation --frames 400 --out "$out/evaluation"

# Small crops first, because they are cheap; then larger ones and whole frames.
train() { "$out/venv/bin/torchrun" --nproc-per-node 2 toolchain/detector/train.py --train "$out/train1" "$out/train2" "$@"; }
train --out "$out/first"
train --out "$out/model" --weights "$out/first/hazards.pt" --crop 192 256 --batch 8 --rate 0.0012 --steps 1500 --seed 2
"$out/venv/bin/python" toolchain/detector/evaluate.py --model "$out/model/hazards.onnx" --frames "$out/evaluation" --out "$out/model/evaluation.json"
"$out/venv/bin/python" toolchain/detector/describe.py --model "$out/model" --first "$out/first" --out "$out/model/hazards.json"
echo "the network: $out/model/hazards.onnx, described by $out/model/hazards.json"
