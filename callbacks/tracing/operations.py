"""Operations: which of torch's leave every element where it is, move them, or write into what is there.

Named as in torch, without underscores around them.
"""

from typing import Any

_SAME_AS = {"linalg_matmul": "matmul", "special_softmax": "softmax", "special_log_softmax": "log_softmax"}


def operation_of(func: Any) -> str:
    """The name of a function of torch, whichever of its names it is called by; of an operator without its overload."""
    name = getattr(func, "__name__", "").partition(".")[0].strip("_")
    return _SAME_AS.get(name, name)


IN_PLACE = {
    *("add", "iadd", "radd", "sub", "isub", "rsub", "subtract", "mul", "imul", "rmul", "multiply", "div", "idiv"),
    *("truediv", "itruediv", "rtruediv", "true_divide", "divide", "rdiv", "pow", "ipow", "rpow", "square", "sqrt"),
    *("rsqrt", "exp", "log", "log1p", "expm1", "abs", "neg", "positive", "clamp", "clip", "minimum", "maximum"),
    *("where", "masked_fill", "nan_to_num", "lerp", "addcmul", "addcdiv", "sin", "cos", "erf", "reciprocal"),
    *("relu", "relu6", "gelu", "silu", "hardswish", "hardsigmoid", "hardtanh", "leaky_relu", "elu", "selu", "celu"),
    *("mish", "softplus", "sigmoid", "logsigmoid", "tanh", "prelu", "rrelu", "threshold", "softmax", "log_softmax"),
    *("dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_dropout", "layer_norm", "batch_norm"),
    *("group_norm", "instance_norm", "rms_norm", "local_response_norm", "normalize", "contiguous", "clone", "to"),
    *("long", "int"),
    *("type", "type_as", "float", "half", "bfloat16", "double", "detach", "alias", "requires_grad", "cpu", "cuda"),
}  # fmt: skip
"""Operations that leave every element where it is."""
SAME = {"contiguous", "to", "type", "type_as", "long", "int", "float", "half", "bfloat16", "double", "cpu", "cuda"}
SAME |= {"requires_grad"}
"""Of these, those that may hand back what they were given."""
MOVING = {
    *("view", "reshape", "view_as", "reshape_as", "flatten", "unflatten", "ravel", "permute", "transpose", "movedim"),
    *("moveaxis", "swapaxes", "swapdims", "t", "adjoint", "get", "squeeze", "unsqueeze", "expand", "expand_as"),
    *("repeat", "tile", "repeat_interleave", "roll", "flip", "fliplr", "flipud", "rot90", "getitem", "select"),
    *("narrow", "unbind", "chunk", "split", "split_with_sizes", "tensor_split", "index_select", "gather"),
    *("take_along_dim", "unfold", "diagonal", "pixel_unshuffle", "channel_shuffle", "tril", "triu", "broadcast_to"),
}  # fmt: skip
WRITING = {"setitem", "copy", "fill", "zero", "index_put", "index_copy", "index_add", "scatter", "scatter_add"}
WRITING |= {"masked_scatter", "index_fill", "squeeze", "transpose", "swapaxes", "swapdims", "t", "unsqueeze"}
