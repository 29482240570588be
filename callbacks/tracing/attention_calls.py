"""Attention calls: every attention of a forward pass, as it is computed.

The queries and keys are those that attention uses: after rotary embedding, after QK-norm.
"""

import contextlib
import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from . import kernels, tap
from .attention_call import AttentionCall, with_heads
from .contraction import in_pairs
from .kernel_axes import KernelAxes
from .mapped import attends, why_unseen
from .module_names import ModuleNames
from .multi_head import Inside, tokens_of
from .named_generators import NamedGenerators
from .nested import is_nested, tensors_in
from .observer import Arrange, Observer, TakeOutput
from .operations import operation_of
from .outputs import Outputs
from .plain_attention import NotAttentionError, read_attention
from .product import Product
from .products import Products
from .scripted import scripted_functions_in_python
from .tokens_of_calls import TokensOfCalls
from .weights import Weights
from .written_out import UNFINISHED, WrittenOut

_ASKING = {"get", "size", "dim"}  # a shape, a type, a device; a tensor that is got (x.mT) is followed
_UNSEEN = "its logits are no product of queries and keys that could be seen: put attnviz_tap(q, k, …) where it has them"


class AttentionCalls(TorchFunctionMode):
    """Tells `observer` of every attention within the context, in the order of the pass.

    Fused kernels are seen as they are called, plain code as it multiplies queries with keys (`Products`), in this
    thread. PyTorch's own modules leave out their fused encoder kernel meanwhile, in which attention could not be seen.

        with ModuleNames(model) as names, AttentionCalls(names, observer):
            model(inputs)

    sides: how many the probe has. take_output: is given the very tensor that the pass goes on with, before it does.
    """

    def __init__(
        self,
        names: ModuleNames,
        observer: Observer,
        inputs: Sequence[Tensor] = (),
        *,
        sides: int = 1,
        in_sight: bool = True,
        take_output: TakeOutput | None = None,
    ) -> None:
        """in_sight: whether all that inputs go through is seen, so that what is made of none of them is latents."""
        super().__init__()
        self._take_output = take_output
        self._names = names
        self._observer = observer
        self._counts: Counter[str] = Counter()
        self._products = Products(lambda x: self._tokens.is_made_of_inputs(x))
        self._written_out = WrittenOut(
            self._products, observer.looks_like_attention, observer.widths, self._next_name, self._take_weights
        )
        self._tokens = TokensOfCalls(observer, inputs, sides=sides, in_sight=in_sight)
        self.exchanges = self._tokens.exchanges
        self._outputs = Outputs(observer.refuse, self._tokens.sources.of)
        self._weights = Weights(observer, self._begin, self._tokens, self._outputs.divided.begin)
        self._axes = KernelAxes(observer.sequences, observer.widths, self._tokens.patches.numbers, self._tokens.places)
        self._fused: list[tuple[str, Arrange, Tensor | None]] = []  # attentions of the kernel that is under way
        self._inside = Inside(self._attend_inside)
        names.passed = self._tokens.sources.passed
        self._tapped: AttentionCall | None = None
        self._unseen: list[str] = []  # attentions whose queries and keys were not
        self._open = contextlib.ExitStack()
        self._generators = NamedGenerators(self._open)

    def __enter__(self) -> "AttentionCalls":
        super().__enter__()  # type: ignore[no-untyped-call]
        self._open.enter_context(tap.listening(self._take_tap))
        self._open.enter_context(scripted_functions_in_python())
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.close()
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        if error[0] is None:
            self._finish_tap()
            self._weights.finish()
            for name in self._unseen:  # unless there was more to say of it
                self._observer.refuse(name, _UNSEEN)
            for name in self._written_out.unfinished:
                self._observer.refuse(name, UNFINISHED)

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self._generators.meet(kwargs.get("generator"))
        operation = operation_of(func)
        if (why := why_unseen()) is not None:
            if attends(operation, args, kwargs, self._observer.widths):
                self._observer.refuse(self._next_name(), why)
            return func(*args, **kwargs)
        if (
            operation == "einsum"
            and (found := in_pairs(args, lambda *two: self.__torch_function__(func, types, two))) is not None
        ):
            return found
        operator = kernels.operator_name(func) or operation
        if func is functional.scaled_dot_product_attention or operator == "aten::scaled_dot_product_attention":
            self._take_scaled_dot_product(args, kwargs)
        elif func is functional.multi_head_attention_forward:
            both = self._inside.run(args, kwargs, weights=self._take_output is not None)
            if self._take_output is not None:
                return both
        elif operation == "flex_attention":
            self._take(kernels.flex, args, kwargs)
        elif kernels.is_fused(operator):
            self._take(kernels.fused(operator), args, kwargs, lambda x: x.transpose(1, 2))
        result = func(*args, **kwargs)
        if operation in _ASKING and not isinstance(result, Tensor):
            return result
        if func is functional.multi_head_attention_forward:
            self._inside.hand_out(result, self._weights.hand_out)
        if is_nested(result):
            self._tokens.sources.follow(operation, tensors_in((args, kwargs)), args, kwargs, result)
            return result
        if operation == "iter":  # what a loop over a tensor takes, one after the other
            result = list(result)
        given = tensors_in((args, kwargs))
        self._tokens.follow(func, operation, given, args, kwargs, result)
        if operation in ("softmax", "log_softmax") and isinstance(result, Tensor):
            self._take_softmax(args, kwargs, result, logarithm=operation == "log_softmax")
        elif "softm" in operation and isinstance(result, Tensor) and self._observer.looks_like_attention(result.shape):
            self._unseen.append(self._next_name())  # softmin, a masked softmax, …
        else:
            self._written_out.follow(operation, args, kwargs, result)
            self._products.follow(func, operation, args, kwargs, result)
        self._weights.follow(func, operation, args, kwargs, result)
        self._outputs.follow(func, operation, given, args, kwargs, result)
        while self._fused:
            name, arrange, values = self._fused.pop()
            output = result[0] if isinstance(result, tuple) and result else result  # beside what backward needs
            self._begin(name, result, [result], arrange=arrange, output=output, values=(values, arrange))
        self._tokens.finish(result)
        return iter(result) if operation == "iter" else result

    def _take(self, kernel: Callable[..., AttentionCall], args: tuple[Any, ...], kwargs: dict[str, Any],
              arrange: Arrange = kernels.as_it_is) -> str:  # fmt: skip
        """The name of a fused attention whose arguments `kernel` reads; `arrange` brings its tensors to four axes."""
        self._finish_tap()
        name = self._next_name()
        try:
            given = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
            both = given.get("query", given.get("q")), given.get("key", given.get("k"))
            call = kernel(name, *args, **kwargs)
            if self._inside.given is None:
                self._tell(call, both, (arrange, arrange))
                self._fused.append((name, arrange, given.get("value", given.get("v"))))
            else:  # what nn.MultiheadAttention makes of it is the result of its own layer
                q, k, v = self._inside.given
                self._tell(dataclasses.replace(call, beside=self._inside.beside), (q, k), (tokens_of, tokens_of))
                if v is not k:
                    self._tokens.look_at_values(name, v, tokens_of)
        except kernels.UnreadableError as error:
            self._observer.refuse(name, str(error))
        return name

    def _take_scaled_dot_product(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        arrange = self._axes.arrangement(query := args[0] if args else kwargs["query"])
        kernel = functools.partial(kernels.scaled_dot_product, arrange=arrange, moved=self._axes.moves(arrange, query))
        return self._take(kernel, args, kwargs, arrange)

    def _attend_inside(self, *args: Any, **kwargs: Any) -> Tensor:
        """For nn.MultiheadAttention, in the place of scaled_dot_product_attention."""
        name = self._inside.name = self._take_scaled_dot_product(args, kwargs)
        result = functional.scaled_dot_product_attention(*args, **kwargs)
        if self._take_output is not None:
            self._take_output(name, result, self._axes.arrangement(result))
        return result

    def _take_softmax(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor, *, logarithm: bool) -> None:
        """A softmax over the products of queries and keys is the attention of plain code."""
        logits: Tensor = args[0] if args else kwargs["input"]
        weights = result.exp() if logarithm else result
        if self._tapped is not None and self._tapped.name.partition("#")[0] == self._names.innermost:
            checked = with_heads(weights, self._observer.sequences)
            if checked.shape[-2:] == (self._tapped.queries.shape[2], self._tapped.keys.shape[2]):
                self._tapped = dataclasses.replace(self._tapped, weights=checked)
                self._weights.watch(self._finish_tap() or "", result, None, logarithm=logarithm)
                return
        product = self._products.of(logits)
        if product is None:
            if self._observer.looks_like_attention(logits.shape) and not logarithm:
                self._unseen.append(self._next_name())
                self._weights.watch(self._unseen[-1], result, None)
            return
        dim = kwargs.get("dim", args[1] if len(args) > 1 else -1) % logits.dim()
        self._take_weights(self._next_name(), product, logits, dim, weights, result, logarithm=logarithm)

    def _take_weights(
        self,
        name: str,
        product: Product,
        logits: Tensor,
        dim: int,
        weights: Tensor,
        result: Tensor | None = None,
        *,
        logarithm: bool = False,
    ) -> None:
        """`weights` are the softmax of `logits` over axis `dim`; `result`: what the pass has, may lack their sinks."""
        try:
            found = read_attention(
                product,
                name,
                logits,
                dim,
                weights=weights,
                sequences=self._observer.sequences,
                widths=self._observer.widths,
                numbers=self._tokens.patches.numbers,
                sequences_of=self._tokens.places.sequences_of,
                rows_of=lambda count: self._observer.rows(name, count),
            )
        except NotAttentionError as error:
            self._observer.refuse(name, str(error))
        else:
            both = found.queries.given, found.keys.given
            self._tell(found.call, both, (found.arrange_given, found.arrange_given_keys), found.rows_of_given)
            given = weights if result is None else result
            if given.shape != weights.shape:  # without the column of sinks
                found = dataclasses.replace(found, axes=product.axes, sink=None)
            self._weights.watch(name, given, found, logarithm=logarithm)

    def _take_tap(self, call: AttentionCall) -> None:
        """A tap waits for its softmax, which then must not count again, and which it is checked against."""
        with torch._C.DisableTorchFunction():  # what the observer computes is none of the model's
            self._finish_tap()
        self._tapped = dataclasses.replace(call, name=self._next_name())

    def _finish_tap(self) -> str | None:
        call, self._tapped = self._tapped, None
        if call is not None:
            self._tell(call, (call.queries, call.keys))
        return None if call is None else call.name

    def _tell(
        self,
        call: AttentionCall,
        given: tuple[Any, Any],
        arranges: tuple[Arrange, ...] = (kernels.as_it_is, kernels.as_it_is),
        rows_and_d: tuple[int, int] = (-2, -1),
    ) -> None:
        """`given`: the tensors of the pass that queries and keys are, and so on, as of `TokensOfCalls.told`."""
        self._outputs.divided.rows[call.name] = call.queries.shape[:-1].numel()
        if (told := self._tokens.told(call, given, arranges, rows_and_d)) is not None:
            self._observer.take(told)

    def _begin(
        self,
        name: str,
        result: Any,
        made_of: Iterable[Any],
        heads: Iterable[int] | None = None,
        *,
        arrange: Arrange,
        output: Any = None,
        values: tuple[Tensor | None, Arrange] = (None, kernels.as_it_is),
    ) -> None:
        """`result` is what the attention `name` gives; `heads` are its axes that number heads, where it is known.

        output: what its heads give, where that is a part of it. values: what the weights met, and what brings that to
        [batch, value_heads, n_key, d_v], where it is known.
        """
        met, arrange_values = values
        if met is not None:
            self._tokens.look_at_values(name, met, arrange_values)
        found = None if met is None else arrange_values(met)
        self._outputs.begin(name, result, made_of, self._tokens.attention(name), heads, found)
        output = result if output is None else output
        if isinstance(output, Tensor):
            self._tokens.look_at_output(name, output)
            if self._take_output is not None:
                self._take_output(name, output, self._tokens.with_all_heads(name, arrange))

    def _next_name(self) -> str:
        name = self._names.innermost
        count, self._counts[name] = self._counts[name], self._counts[name] + 1
        return f"{name}#{count}" if count else name
