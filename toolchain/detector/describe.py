"""Writes hazards.json: how to use the network (`shared/inference/detector-config.ts`), and under `about` where it comes from and how good it is.

python describe.py --stages DIR [DIR ...] --out hazards.json

Each DIR holds the training.json of one stage of training; that of the last one hazards.onnx and evaluation.json, too.
"""

import argparse
import hashlib
import json
from pathlib import Path

from evaluate import SAME_OBJECT_IOU, WORKING_SCORE
from model import CLASSES, HEIGHT, WIDTH


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    stages = [json.loads((folder / "training.json").read_text()) for folder in arguments.stages]
    last = arguments.stages[-1]
    network = (last / "hazards.onnx").read_bytes()
    evaluation = json.loads((last / "evaluation.json").read_text())
    description = {
        "layout": "yolov8",
        "classes": list(CLASSES),
        "input": {"width": WIDTH, "height": HEIGHT, "channels": "rgb", "range": "unit"},
        "thresholds": {"score": WORKING_SCORE, "overlap": SAME_OBJECT_IOU},
        "about": {
            "title": "Outrider hazard detector",
            "licence": "Apache-2.0",
            "madeBy": "toolchain/detector/reproduce.sh",
            "card": "docs/detector.md",
            "sha256": hashlib.sha256(network).hexdigest(),
            "bytes": len(network),
            "opset": stages[-1]["opset"],
            "inputShape": stages[-1]["input"],
            "outputShape": stages[-1]["output"],
            "training": [{**{key: stage[key] for key in ("frames", "batch", "rate", "workers", "seed", "seconds")}, "steps": stage["stepsDone"]} for stage in stages],
            "evaluation": evaluation,
        },
    }
    arguments.out.write_text(json.dumps(description, indent=2) + "\n")


if __name__ == "__main__":
    main()
