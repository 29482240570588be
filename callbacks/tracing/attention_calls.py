"""Attention calls: every attention of a forward pass, as it is computed.

The queries and keys are those that attention uses: after rotary embedding, after QK-norm.
"""

import contextlib
import dataclasses
import functools
import inspect
import types
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from . import kernels, tap
from .attention_call import AttentionCall, with_heads
from .channels import Channels
from .module_names import ModuleNames
from .orders import Orders
from .outputs import Outputs
from .patches import Patches
from .products import NotAttentionError, Product, Products, read_attention
from .scripted import scripted_functions_in_python
from .sources import RANDOM, Sources
from .spread import is_constant
from .token_places import LATENTS, TokenPlaces
from .weights import Weights
from .written_out import WHY as WRITTEN_OUT
from .written_out import WrittenOut

_UNSEEN = "its logits are no product of queries and keys that could be seen: put attnviz_tap(q, k, …) where it has them"


_MAPPED = (
    "it attends inside torch.vmap, where it cannot be seen whose tokens are whose: write it with an axis more, or "
    "show it with attnviz_tap(q, k, …) outside of torch.vmap"
)
_VALUES = "its values are not of the tokens that its keys are of: {}"
_CHANNELS = "it attends among channels: its queries are features of all tokens together, and not tokens"


class Observer(Protocol):
    """Who is told what the pass shows."""

    sequences: int  # in the batch
    widths: set[int]  # of its sides: how many positions each has

    def take(self, call: AttentionCall) -> None: ...
    def refuse(self, name: str, why: str) -> None: ...
    def rows(self, name: str, count: int) -> Tensor | None: ...
    def keeps_weights(self, name: str, before: Tensor, after: Tensor) -> bool: ...
    def take_values(self, name: str, values: Tensor) -> None: ...
    def looks_like_attention(self, shape: torch.Size) -> bool: ...


Arrange = Callable[[Tensor], Tensor | None]
"""Brings what has the axes of a tensor of the pass to [batch, heads, n, …]; None where that is not known."""
TakeOutput = Callable[[str, Tensor, Arrange], None]
"""Is told of an attention's name and of what its heads give: weights · values, as the model has it."""


class AttentionCalls(TorchFunctionMode):
    """Tells `observer` of every attention within the context, in the order of the pass.

    Fused kernels are seen as they are called, plain code as it multiplies queries with keys (`Products`). The context
    holds for the present thread. Within it PyTorch's own modules leave out their fused encoder kernel, in which
    attention could not be seen.

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
        self._in_sight = in_sight
        self._take_output = take_output
        self._names = names
        self._observer = observer
        self._counts: Counter[str] = Counter()
        self._products = Products()
        self._written_out = WrittenOut(
            self._products, observer.looks_like_attention, self._next_name, self._take_weights
        )
        self._sources = Sources(inputs)
        self._attentions: dict[str, int] = {}  # each as a set of sources
        self._outputs = Outputs(observer.refuse, self._sources.of)
        self._weights = Weights(observer, self._begin, self._is_made_by)
        self._channels = Channels()
        self._orders = Orders(
            observer.sequences, observer.widths, lambda x: self._sources.of(x) != 0, self._channels.number_first
        )
        self._patches = Patches(observer.sequences, inputs, self._sources)
        self._sides = sides
        self._of_latents: set[str] = set()
        self._tokens = TokenPlaces(observer.sequences, observer.widths, inputs, self._sources, sides=sides)
        self._fused: list[tuple[str, Arrange, Tensor | None]] = []  # attentions of the kernel that is under way
        self._made = 0  # attentions of the operation that is under way, as a set of sources
        self._inside: tuple[Any, Any] | None = None  # what nn.MultiheadAttention makes its queries and keys of
        names.passed = self._sources.passed
        self._tapped: AttentionCall | None = None
        self._generators: dict[int, torch.Generator] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "AttentionCalls":
        super().__enter__()  # type: ignore[no-untyped-call]
        self._open.enter_context(tap.listening(self._take_tap))
        self._open.enter_context(scripted_functions_in_python())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        if error is None:
            self._finish_tap()
            self._weights.finish()
            for name in self._written_out.unfinished:
                self._observer.refuse(name, WRITTEN_OUT)

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if isinstance(kwargs.get("generator"), torch.Generator):
            self._restart(kwargs["generator"])
        operation = getattr(func, "__name__", "").strip("_")
        if _is_mapped():
            self._refuse_mapped(func, operation, args, kwargs)
            return func(*args, **kwargs)
        if func is functional.scaled_dot_product_attention:
            self._take_scaled_dot_product(args, kwargs)
        elif func is functional.multi_head_attention_forward:
            inside = self._look_inside(*args, **kwargs)
            if self._take_output is not None:
                return inside
        elif operation == "flex_attention":
            self._take(kernels.flex, args, kwargs)
        elif "flash_attn" in (operator := _operator(func)):
            self._take_flash(operator, args, kwargs)
        result = func(*args, **kwargs)
        if operation == "iter":  # what a loop over a tensor takes, one after the other
            result = list(result)
        self._sources.follow(operation, args, kwargs, result)
        self._patches.follow(func, operation, args, kwargs, result)
        self._tokens.follow(func, operation, args, kwargs, result)
        if operation in ("softmax", "log_softmax") and isinstance(result, Tensor):
            self._take_softmax(args, kwargs, result, logarithm=operation == "log_softmax")
        else:
            self._written_out.follow(operation, args, kwargs, result)
            self._products.follow(func, operation, args, kwargs, result)
        self._channels.follow(func, operation, args, kwargs, result)
        self._orders.follow(operation, args, kwargs, result)
        self._weights.follow(func, operation, args, kwargs, result)
        self._outputs.follow(func, operation, args, kwargs, result)
        while self._fused:
            name, arrange, values = self._fused.pop()
            output = result[0] if isinstance(result, tuple) and result else result  # beside what backward needs
            self._begin(name, result, [result], arrange=arrange, output=output, values=(values, arrange))
        if self._made:
            self._sources.add(self._made, result)
            self._made = 0
        return iter(result) if operation == "iter" else result

    def _take(
        self,
        kernel: Callable[..., AttentionCall],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arrange: Arrange = kernels.as_it_is,
    ) -> str:
        """`kernel` reads the arguments of a fused attention; `arrange` brings queries and result to four axes.

        Returns the attention's name.
        """
        self._finish_tap()
        name = self._next_name()
        try:
            given = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
            both = given.get("query", given.get("q")), given.get("key", given.get("k"))
            call = kernel(name, *args, **kwargs)
            self._tell(call, both, (arrange, arrange))
            if self._inside is None:  # else what nn.MultiheadAttention makes of it is the result of its own layer
                self._fused.append((name, arrange, given.get("value", given.get("v"))))
        except kernels.UnreadableError as error:
            self._observer.refuse(name, str(error))
        return name

    def _take_scaled_dot_product(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        arrange = self._arrangement(args[0] if args else kwargs["query"])
        return self._take(functools.partial(kernels.scaled_dot_product, arrange=arrange), args, kwargs, arrange)

    def _arrangement(self, query: Tensor) -> Callable[[Tensor], Tensor]:
        """What brings queries of a kernel, and what is of their form, to [batch, heads, n, …]."""
        sequences = self._observer.sequences
        if query.dim() in (3, 4) and self._has_heads_first(query):
            return lambda x: x.reshape(-1, sequences, *x.shape[-2:]).transpose(0, 1)
        if query.dim() == 3:
            numbers = self._patches.numbers(query)
            of_heads = None if numbers is None else with_heads(numbers, self._observer.sequences)
            if query.shape[1] in self._observer.widths or (of_heads is not None and is_constant(of_heads, (1,))):
                return lambda x: with_heads(x, self._observer.sequences)
            return lambda x: x.unsqueeze(1)  # one head
        if query.dim() == 5:  # sequences, and windows and heads of them in either order
            numbers = self._patches.numbers(query)
            alike = [axis for axis in (1, 2) if numbers is not None and is_constant(numbers, (axis,))]
            if len(query) == self._observer.sequences and (numbers is None or len(alike) == 2):
                return lambda x: x.flatten(1, 2)  # heads in groups
            heads = 1 if 1 in alike else 2
            return lambda x: x.movedim(heads, 2).flatten(0, 1)
        return kernels.as_it_is

    def _has_heads_first(self, x: Tensor) -> bool:
        """Whether [heads, sequences, n, d], or [heads · sequences, n, d]: as the tokens tell that are followed."""
        of_sequences, count = self._tokens.sequences_of(x), self._observer.sequences
        if of_sequences is None or count < 2 or x.shape[:-2].numel() % count or (x.dim() == 3 and len(x) == count):
            return False
        found = of_sequences.amax(dim=(-1, -2)).flatten()
        return torch.equal(found, torch.arange(count, device=x.device).repeat(len(found) // count))

    def _refuse_mapped(self, func: Any, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Of a function under torch.vmap, whose tensors lack an axis each."""
        is_kernel = operation in ("scaled_dot_product_attention", "flex_attention", "multi_head_attention_forward")
        logits = args[0] if args else kwargs.get("input")
        shape = logits.shape if isinstance(logits, Tensor) and operation in ("softmax", "log_softmax") else ()
        if is_kernel or (len(shape) > 1 and {*shape[-2:]} <= self._observer.widths):
            self._observer.refuse(self._next_name(), _MAPPED)

    def _take_flash(self, operator: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if operator.endswith("::_flash_attn_forward"):
            self._take(kernels.flash, args, kwargs, lambda x: x.transpose(1, 2))
        else:
            self._observer.refuse(
                self._next_name(),
                f"it calls {operator}, which is not understood, or whose sequences are packed: record it with scaled "
                'dot-product attention (of transformers: model.set_attn_implementation("sdpa"))',
            )

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
                self._observer.refuse(self._next_name(), _UNSEEN)
            return
        dim = kwargs.get("dim", args[1] if len(args) > 1 else -1)
        dim = dim + logits.dim() if dim < 0 else dim
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
        """`weights` are the softmax of `logits` over axis `dim`; `result`: the tensor of the pass that holds them."""
        try:
            found = read_attention(
                product,
                name,
                logits,
                dim,
                weights=weights,
                sequences=self._observer.sequences,
                widths=self._observer.widths,
                numbers=self._patches.numbers,
                sequences_of=self._tokens.sequences_of,
                rows_of=lambda count: self._observer.rows(name, count),
            )
        except NotAttentionError as error:
            self._observer.refuse(name, str(error))
        else:
            both = found.queries.given, found.keys.given
            self._tell(found.call, both, (found.arrange_given, found.arrange_given_keys), found.rows_of_given)
            self._weights.watch(name, weights if result is None else result, found, logarithm=logarithm)

    def _take_tap(self, call: AttentionCall) -> None:
        """A tap waits for its softmax, which then must not count again, and which it is checked against."""
        with torch._C.DisableTorchFunction():  # what the observer computes is none of the model's
            self._finish_tap()
        self._tapped = dataclasses.replace(call, name=self._next_name())

    def _finish_tap(self) -> str | None:
        call, self._tapped = self._tapped, None
        if call is None:
            return None
        self._tell(call, (call.queries, call.keys))
        return call.name

    def _tell(
        self,
        call: AttentionCall,
        given: tuple[Any, Any],
        arranges: tuple[Callable[[Tensor], Tensor | None], ...] = (kernels.as_it_is, kernels.as_it_is),
        rows_and_d: tuple[int, int] = (-2, -1),
    ) -> None:
        """`given`: the tensors of the pass that queries and keys are; `arranges` puts each in their order.

        rows_and_d: which axes of the first number queries, and what is summed over.
        """
        if isinstance(given[0], Tensor) and self._channels.number_rows(given[0], *rows_and_d):
            self._observer.refuse(call.name, _CHANNELS)
            return
        places = [
            self._patches.places(x, arrange) if isinstance(x, Tensor) else None
            for x, arrange in zip(given, arranges, strict=True)
        ]
        queries, keys = (self._sources.of(x) for x in self._inside or given)
        attention = self._attentions[call.name] = self._sources.new_attention()
        self._made |= attention
        followed = all(
            isinstance(x, Tensor) and self._tokens.in_place(x, a) for x, a in zip(given, arranges, strict=True)
        )
        placed = followed or any(place is not None for place in places)  # or why it cannot be told
        disorder = self._orders.problem(*(self._inside or given), placed=placed)
        for x, arrange in zip(given, arranges, strict=True):
            if disorder is None and isinstance(x, Tensor):
                disorder = self._tokens.problem(x, arrange)
        if self._in_sight and keys & ~RANDOM and not queries & ~RANDOM:  # of neither, both went out of sight
            self._of_latents.add(call.name)
        if disorder is None and self._is_of_latents(call, queries, keys):
            disorder = LATENTS
        sources = (queries, keys, attention)
        self._observer.take(
            dataclasses.replace(call, sources=sources, places=(places[0], places[1]), disorder=disorder)
        )

    def _is_of_latents(self, call: AttentionCall, queries: int, keys: int) -> bool:
        """Whether just one of the two is made of inputs, where the probe names one side, and widths do not tell."""
        widths = {call.queries.shape[2], call.keys.shape[2]} if call.queries.dim() == call.keys.dim() == 4 else {-1}
        one = bool(queries & ~RANDOM) != bool(keys & ~RANDOM)
        return self._in_sight and one and self._sides == 1 and widths <= self._observer.widths

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
        self._look_at_values(name, met, arrange_values)
        found = None if met is None else arrange_values(met)
        self._outputs.begin(name, result, made_of, self._attentions.get(name, 0), heads, found)
        output = result if output is None else output
        if name in self._of_latents and isinstance(output, Tensor):
            self._tokens.are_none(output)
        if self._take_output is not None and isinstance(output, Tensor):
            self._take_output(name, output, arrange)

    def _look_at_values(self, name: str, values: Tensor | None, arrange: Arrange) -> None:
        """Refuse an attention whose values are of other tokens than its keys."""
        if values is None:
            return
        placed = self._patches.places(values, arrange)
        why = self._orders.problem(values, placed=placed is not None or self._tokens.in_place(values, arrange))
        why = why or self._tokens.problem(values, arrange)
        if why is not None:
            self._observer.refuse(name, _VALUES.format(why))

    def _restart(self, generator: torch.Generator) -> None:
        """A generator that an operation names starts every pass alike, and goes on as before after it.

        It starts from its own seed, where one is already that the pass has just made and seeded.
        """
        if id(generator) not in self._generators and not _is_global(generator):
            self._generators[id(generator)] = generator
            self._open.callback(generator.set_state, generator.get_state())
            generator.manual_seed(generator.initial_seed())

    def _is_made_by(self, name: str, x: Tensor) -> bool:
        """Whether the attention `name` had a part in `x`."""
        return bool(self._sources.of(x) & self._attentions.get(name, 0))

    def _next_name(self) -> str:
        name = self._names.innermost
        count = self._counts[name]
        self._counts[name] += 1
        return f"{name}#{count}" if count else name

    def _look_inside(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """See the attention in nn.MultiheadAttention's function, which runs where this mode is switched off.

        Runs a copy of the function in which scaled_dot_product_attention is seen. `need_weights` would make it compute
        the same attention by matrix products instead. Returns what the function does.
        """

        def seen(*args: Any, **kwargs: Any) -> Tensor:
            name = self._take_scaled_dot_product(args, kwargs)
            result = functional.scaled_dot_product_attention(*args, **kwargs)
            if self._take_output is not None:
                self._take_output(name, result, self._arrangement(result))
            return result

        original: Any = functional.multi_head_attention_forward
        # Another mode that is active (of a default device, say) must not send the copy back to the original.
        inside = {"scaled_dot_product_attention": seen, "has_torch_function": lambda _: False}
        copy = types.FunctionType(original.__code__, original.__globals__ | inside)
        call = inspect.signature(original).bind(*args, **kwargs)
        call.apply_defaults()
        self._inside = call.arguments["query"], call.arguments["key"]
        try:
            output, weights = copy(**call.arguments | {"need_weights": False})
        finally:
            self._inside = None
        if self._take_output is not None and call.arguments["need_weights"]:
            weights = original(*args, **kwargs)[1]
        return output, weights


def _is_mapped() -> bool:
    """Whether this is inside of torch.vmap."""
    interpreter = torch._C._functorch.peek_interpreter_stack()
    return interpreter is not None and interpreter.key() == torch._C._functorch.TransformType.Vmap


def _is_global(generator: torch.Generator) -> bool:
    """Whether it is one of PyTorch's own, which every pass starts with (`neutral`)."""
    return any(generator is one for one in (torch.default_generator, *torch.cuda.default_generators))


def _operator(func: Any) -> str:
    """The qualified name of an operator of a library ("flash_attn::_flash_attn_forward"); "" for any other function."""
    name = getattr(func, "_qualified_op_name", None) or getattr(func, "_name", None)
    return name if isinstance(name, str) else ""
