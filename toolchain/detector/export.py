"""Writes a detector as ONNX and checks that onnxruntime answers as PyTorch does."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from model import HEIGHT, WIDTH, HazardDetector

OPSET = 17


def export_onnx(model: HazardDetector, path: Path) -> dict:
    """One input `images` [N, 3, 240, 320], one output `output0` [N, 10, 2160]; returns facts for the description."""
    model = model.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(1, 3, HEIGHT, WIDTH),),
            str(path),
            input_names=["images"],
            output_names=["output0"],
            dynamic_axes={"images": {0: "batch"}, "output0": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(path), full_check=True)
    images = torch.rand(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        expected = model(images).numpy()
    np.testing.assert_allclose(answer, expected, rtol=1e-3, atol=1e-3)
    return {"opset": OPSET, "input": [-1, 3, HEIGHT, WIDTH], "output": [-1, *expected.shape[1:]]}
