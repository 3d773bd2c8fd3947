"""One step of training as one call: on a CPU as it is written, on a GPU captured once and replayed as a CUDA graph.

The networks of the study are so small that on a GPU the time goes into starting kernels, one by one. A graph starts
a whole step at once, and leaves the processor free to feed several networks at a time (see `parallel`).
"""

from threading import Lock

import torch
import torch.nn.functional as F
from torch import nn

from transferlab.recipes import Recipe

_capturing = Lock()  # one capture at a time, since it starts by waiting for the whole device


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Arithmetic of the given precision; parameters stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def parameter_groups(learned: nn.Sequential, recipe: Recipe) -> list[dict]:
    """The parameters of the layers that learn, by weight decay: layer 1, if it learns, has its own."""
    layers = dict(learned.named_children())
    first = list(layers.pop("conv1").parameters()) if "conv1" in layers else []
    others = [parameter for layer in layers.values() for parameter in layer.parameters()]
    groups = [{"params": others, "weight_decay": recipe.weight_decay}]
    if first:
        groups.append({"params": first, "weight_decay": recipe.first_layer_decay})
    return groups


class Step:
    """Forward, backward and update of `learned` on chosen rows of `inputs` and `labels`, which stay on the device.

    `losses` and `right` add up the loss (nats, mean over a batch) and the images put right; they stay on the device
    too.

    >>> step = Step(network[3:], features, labels, recipe, batch=64)  # doctest: +SKIP
    >>> step(rows, learning_rate=0.1)                                 # doctest: +SKIP
    """

    def __init__(self, learned: nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor, recipe: Recipe, batch: int):
        self.learned, self.inputs, self.labels, self.recipe = learned, inputs, labels, recipe
        self.rows = torch.zeros(batch, dtype=torch.int64, device=inputs.device)
        self.rate = torch.tensor(recipe.learning_rate, device=inputs.device)
        self.losses, self.right = torch.zeros(2, device=inputs.device)
        self.optimizer = torch.optim.SGD(
            parameter_groups(learned, recipe), self.rate, recipe.momentum, nesterov=True, fused=True
        )
        self._run = self._capture() if inputs.is_cuda else self._once

    def __call__(self, rows: torch.Tensor, learning_rate: float) -> None:
        """Take a step on `rows`, int64 `[batch]`."""
        self.rows.copy_(rows)
        self.rate.fill_(learning_rate)
        self._run()

    def _once(self) -> None:
        with autocast(self.inputs.device, self.recipe.precision):
            logits = self.learned(self.inputs[self.rows])
            loss = F.cross_entropy(logits, self.labels[self.rows])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.losses += loss.detach()
        self.right += (logits.argmax(1) == self.labels[self.rows]).sum()

    def _capture(self):
        """Record the step. The recorder wants it to have been run before, so the network is put back afterwards."""
        before = {name: tensor.clone() for name, tensor in self.learned.state_dict().items()}
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with _capturing:
            with torch.cuda.stream(stream):
                for _ in range(3):
                    self._once()
            torch.cuda.current_stream().wait_stream(stream)
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._once()
        with torch.no_grad():
            for name, tensor in self.learned.state_dict().items():
                tensor.copy_(before[name])
            for state in self.optimizer.state.values():
                state["momentum_buffer"].zero_()  # the first step then makes it the gradient, as if there were none
            self.losses.zero_()
            self.right.zero_()
        return graph.replay
