"""Average precision of an exported detector by pycocotools, and how many hazards it finds at which distance.

python evaluate.py --model hazards.onnx --frames DIR [--out evaluation.json]
"""

import argparse
import contextlib
import io
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model import CLASSES

LEAST_SCORE = 0.01  # for average precision: the whole curve counts
WORKING_SCORE = 0.5  # for recall and false alarms: what a rover would act on
SAME_OBJECT_IOU = 0.6  # of two boxes of one class in non-maximum suppression
MOST_BOXES = 100
DISTANCES_M = ((1, 3), (3, 6), (1, 6), (6, 20))


def corners(answer: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[4 + C, A] of one frame to boxes [K, 4] corners, scores [K], classes [K]; one entry per cell and class, best first."""
    kinds, cells = np.nonzero(answer[4:] >= least)
    scores = answer[4 + kinds, cells]
    order = np.argsort(-scores, kind="stable")
    kinds, cells, scores = kinds[order], cells[order], scores[order]
    centre, half = answer[:2, cells].T, answer[2:4, cells].T / 2
    return np.concatenate((centre - half, centre + half), 1), scores, kinds


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    both = np.clip(sides, 0, None).prod(1)
    return both / (np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], 1) - both + 1e-9)


def suppress(boxes: np.ndarray, scores: np.ndarray, kinds: np.ndarray) -> list[int]:
    """Greedy non-maximum suppression within each class."""
    kept: list[int] = []
    open_ = np.ones(len(boxes), bool)
    for index in range(len(boxes)):
        if not open_[index]:
            continue
        kept.append(index)
        if len(kept) == MOST_BOXES:
            break
        open_ &= ~((overlap(boxes[index], boxes) > SAME_OBJECT_IOU) & (kinds == kinds[index]))
    return kept


def detect(model: Path, folder: Path, frames: list[dict]) -> tuple[list[list[dict]], float]:
    """Boxes of every frame, and the median time of the network alone [ms] on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    found, times = [], []
    for frame in frames:
        image = np.asarray(Image.open(folder / frame["image"]), np.float32) / 255
        began = time.perf_counter()
        (answer,) = session.run(None, {"images": image.transpose(2, 0, 1)[None]})
        times.append(time.perf_counter() - began)
        height, width = image.shape[:2]
        boxes, scores, kinds = corners(answer[0], LEAST_SCORE)
        boxes = boxes.clip(0, (width, height, width, height))
        kept = suppress(boxes, scores, kinds)
        found.append([{"class": CLASSES[kinds[k]], "score": float(scores[k]), "box": boxes[k].tolist()} for k in kept])
    return found, float(np.median(times) * 1e3)


def average_precision(frames: list[dict], found: list[list[dict]]) -> dict:
    """COCO's figures; hazards set aside as too small or too hidden are 'crowd': a box on them is neither right nor wrong."""
    annotations = []
    for image, frame in enumerate(frames):
        for objects, crowd in ((frame["objects"], 0), (frame["ignored"], 1)):
            for item in objects:
                left, top, right, bottom = item["box"]
                box = [left, top, right - left, bottom - top]
                category = CLASSES.index(item["class"]) + 1
                annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": category, "bbox": box, "area": box[2] * box[3], "iscrowd": crowd})
    boxes = [
        {"image_id": image, "category_id": CLASSES.index(b["class"]) + 1, "score": b["score"], "bbox": [b["box"][0], b["box"][1], b["box"][2] - b["box"][0], b["box"][3] - b["box"][1]]}
        for image, list_ in enumerate(found)
        for b in list_
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"images": [{"id": k} for k in range(len(frames))], "annotations": annotations, "categories": [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)]}
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(boxes), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    precision = judge.eval["precision"][:, :, :, 0, 2]  # [10 thresholds, 101 recalls, classes]
    per_class = {name: round(float(precision[0, :, k].mean()), 4) for k, name in enumerate(CLASSES)}
    return {"map50": round(float(judge.stats[1]), 4), "map50To95": round(float(judge.stats[0]), 4), "ap50": per_class}


def working_point(frames: list[dict], found: list[list[dict]]) -> dict:
    """Recall by distance, and boxes on nothing per frame, at the score a rover would act on (IoU 0.5)."""
    seen = {span: [0, 0] for span in DISTANCES_M}
    false, right = 0, 0
    for frame, boxes in zip(frames, found, strict=True):
        boxes = [b for b in boxes if b["score"] >= WORKING_SCORE]
        free = list(range(len(frame["objects"])))
        for b in boxes:
            box = np.array(b["box"])
            fits = [k for k in free if frame["objects"][k]["class"] == b["class"] and overlap(box, np.array([frame["objects"][k]["box"]], float))[0] >= 0.5]
            if fits:
                free.remove(max(fits, key=lambda k: overlap(box, np.array([frame["objects"][k]["box"]], float))[0]))
                right += 1
            elif not any(covered(box, item["box"]) >= 0.5 for item in frame["ignored"] if item["class"] == b["class"]):
                false += 1
        for k, item in enumerate(frame["objects"]):
            for low, high in DISTANCES_M:
                if low <= item["distanceM"] < high:
                    seen[low, high][1] += 1
                    seen[low, high][0] += k not in free
    recall = {f"{low}-{high} m": round(hit / max(1, total), 4) for (low, high), (hit, total) in seen.items()}
    return {"score": WORKING_SCORE, "recall": recall, "precision": round(right / max(1, right + false), 4), "falsePerFrame": round(false / len(frames), 4)}


def covered(box: np.ndarray, region: list[float]) -> float:
    sides = np.minimum(box[2:], region[2:]) - np.maximum(box[:2], region[:2])
    return float(np.clip(sides, 0, None).prod() / (np.prod(box[2:] - box[:2]) + 1e-9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--detections", type=Path, help="writes truth and boxes of each frame, to check other implementations")
    arguments = parser.parse_args()
    frames = json.loads((arguments.frames / "dataset.json").read_text())["frames"]
    found, milliseconds = detect(arguments.model, arguments.frames, frames)
    objects = sum(len(frame["objects"]) for frame in frames)
    result = {"frames": len(frames), "objects": objects, **average_precision(frames, found), "workingPoint": working_point(frames, found), "millisecondsPerFrame": round(milliseconds, 1)}
    print(json.dumps(result, indent=1))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.detections is not None:
        keep = [{"objects": f["objects"], "ignored": f["ignored"], "found": b} for f, b in zip(frames, found, strict=True)]
        arguments.detections.write_text(json.dumps(keep))


if __name__ == "__main__":
    main()
