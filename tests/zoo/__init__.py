"""The zoo of other packages' models: python -m tests.zoo, in the environment of make zoo."""

import torch

# torchvision's wheel is built for GPUs and brings no operators to a PyTorch without them; no model here needs one, but
# it is not imported without this one.
for operator in ("nms", "qnms"):
    torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
