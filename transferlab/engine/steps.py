"""One training step as one call: run as written on a CPU, captured once and replayed as a CUDA graph on a GPU.

The networks of the study are so small that a GPU spends its time starting kernels one by one. A graph starts a whole
step at once, and leaves the CPU free to feed several networks at a time (see `parallel.threads`).
"""

import gc
from threading import Lock

import torch
import torch.nn.functional as F
from torch import nn

from transferlab.engine.inputs import Source, autocast
from transferlab.engine.recipes import Recipe
from transferlab.system.machine import own_stream

# what an optimizer keeps for each parameter, and what it is called in a checkpoint
KEPT = {"momentum_buffer": "momentum", "exp_avg": "mean", "exp_avg_sq": "square", "step": "step"}
# one capture at a time, since it starts by waiting for the whole device; and no graph is dropped meanwhile
_capturing = Lock()


def parameter_groups(
    learned: nn.Module, recipe: Recipe, copied: int = 0, first: tuple[str, ...] = ("conv1", "block1")
) -> list[dict]:
    """Group the parameters of the layers that learn by weight decay and learning rate.

    Layer 1, if it learns, has its own decay; `first` are the names that it may have. Biases may have their own rate,
    `times` that of the weights, and then no decay. The first `copied` layers of those that learn may have a rate of
    their own too.
    """
    lowest = tuple(f"{name}." for name in first)
    slower = tuple(f"{name}." for name, _ in list(learned.named_children())[:copied])
    groups: dict[tuple[float, float], list] = {(recipe.weight_decay, 1.0): []}
    for name, parameter in learned.named_parameters():
        decay = recipe.first_layer_decay if name.startswith(lowest) else recipe.weight_decay
        bias = recipe.bias_rate != 1 and name.endswith("bias")
        times = (recipe.copied_rate if name.startswith(slower) else 1.0) * (recipe.bias_rate if bias else 1.0)
        groups.setdefault((0.0 if bias else decay, times), []).append(parameter)
    return [{"params": each, "weight_decay": decay, "times": times} for (decay, times), each in groups.items() if each]


class Step:
    """A forward pass through `above`, and a backward pass and update of `learned`, its upper part, on one batch.

    `losses` and `right` sum up the loss (nats, mean over a batch) and the number of correct answers. Like the labels,
    they stay on the device.

    >>> step = Step(network, network[3:], source, labels, recipe, batch=64)  # doctest: +SKIP
    >>> step(rows, source.pick(rows, generator), learning_rate=0.1)          # doctest: +SKIP
    """

    def __init__(
        self,
        above: nn.Module,
        learned: nn.Module,
        source: Source,
        labels: torch.Tensor,
        recipe: Recipe,
        batch: int,
        copied: int = 0,
        first: tuple[str, ...] = ("conv1", "block1"),
    ):
        self.above, self.source, self.labels, self.recipe = above, source, labels, recipe
        self.rows = torch.zeros(batch, dtype=torch.int64, device=labels.device)
        self.picks = source.pick(torch.zeros(batch, dtype=torch.int64), None)
        groups = parameter_groups(learned, recipe, copied, first)
        self.rates = [torch.tensor(recipe.learning_rate, device=labels.device) for _ in groups]
        self.times = [group.pop("times") for group in groups]
        self.losses, self.right = torch.zeros(2, device=labels.device)
        self.optimizer = _optimizer(
            [{**group, "lr": rate} for group, rate in zip(groups, self.rates, strict=True)], recipe, labels.is_cuda
        )
        self.graph: torch.cuda.CUDAGraph | None = None
        self._run = self._capture() if labels.is_cuda else self._once

    def __call__(self, rows: torch.Tensor, picks: torch.Tensor, learning_rate: float) -> None:
        """Train one step on the images `rows`, int64 `[batch]`, whose inputs are those of `picks`."""
        self.rows.copy_(rows)
        self.picks.copy_(picks)
        for rate, times in zip(self.rates, self.times, strict=True):
            rate.fill_(times * learning_rate)
        self._run()

    def close(self) -> None:
        """Give the graph back, and the memory it kept, while no other is being recorded."""
        if self.graph is None:
            return
        with _capturing:
            self._forget()

    def kept(self) -> dict[str, torch.Tensor]:
        """Return what the next step depends on besides the network: what the optimizer keeps of each parameter."""
        states = [self.optimizer.state[parameter] for parameter in self._parameters()]
        return {
            f"{name}.{place}": state[key]
            for place, state in enumerate(states)
            for key, name in KEPT.items()
            if state.get(key) is not None
        }

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Continue from what `kept` had saved among `tensors`; SGD without momentum saves nothing."""
        for place, parameter in enumerate(self._parameters()):
            mine = self.optimizer.state[parameter]
            for key, name in KEPT.items():
                saved = tensors.get(f"{name}.{place}")
                if saved is None:
                    continue
                if key in mine:  # a captured step knows it by its place in memory
                    mine[key].copy_(saved)
                else:  # in the memory format of the parameter; AdamW's count of steps is a single number
                    like = parameter if saved.shape == parameter.shape else saved.to(parameter.device)
                    mine[key] = torch.empty_like(like).copy_(saved)

    def _forget(self) -> None:
        graph, self.graph, self._run = self.graph, None, self._once
        if graph:
            graph.reset()  # now, and not when the last traceback or profile that knows of it is gone

    def _parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def _once(self) -> None:
        with autocast(self.labels.device, self.recipe.precision):
            logits = self.above(self.source.take(self.picks))
            loss = F.cross_entropy(logits, self.labels[self.rows])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.losses += loss.detach()
        self.right += (logits.argmax(1) == self.labels[self.rows]).sum()

    def _capture(self):
        """Record the step on this thread's own stream.

        The recorder wants it to have been run before, on the same stream, where cuBLAS then has its workspace; so the
        network is put back afterwards. The collector waits: a graph that it dropped in the middle of a recording would
        spoil it.
        """
        before = {name: tensor.clone() for name, tensor in self.above.state_dict().items()}
        stream = own_stream()
        stream.wait_stream(torch.cuda.current_stream())
        with _capturing:
            collects = gc.isenabled()
            gc.disable()
            try:
                with torch.cuda.stream(stream):  # around both: where a recording fails, it leaves its stream current
                    for _ in range(3):
                        self._once()
                    self.graph = torch.cuda.CUDAGraph()
                    with torch.cuda.graph(self.graph, stream=stream, capture_error_mode="thread_local"):
                        self._once()
            except BaseException:
                self._forget()
                raise
            finally:
                if collects:
                    gc.enable()
        torch.cuda.current_stream().wait_stream(stream)
        with torch.no_grad():
            for name, tensor in self.above.state_dict().items():
                tensor.copy_(before[name])
            for kept in self.optimizer.state.values():
                for key in KEPT:
                    if kept.get(key) is not None:
                        kept[key].zero_()  # the first step then makes momentum the gradient, as if there were none
            self.losses.zero_()
            self.right.zero_()
        return self.graph.replay


def _optimizer(groups: list[dict], recipe: Recipe, captured: bool) -> torch.optim.Optimizer:
    """Return the recipe's optimizer; one that is `captured` counts its steps on the device."""
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, betas=(recipe.momentum, 0.999), fused=True, capturable=captured)
    # without momentum there is nothing to look ahead with
    nesterov = recipe.nesterov and recipe.momentum > 0
    return torch.optim.SGD(groups, momentum=recipe.momentum, nesterov=nesterov, fused=True)
