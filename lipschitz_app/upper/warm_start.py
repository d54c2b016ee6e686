"""From the relaxation of a node of branch and bound to those of its parts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lipschitz_app.first_order import LipschitzModel
from lipschitz_app.rounding import FloatArray
from polyopt.solvers.lowrank import State


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Where a relaxation ended.

    Attributes
    ----------
    state : State
    lipschitz : LipschitzModel
        The model that was solved.
    signs : array, shape (k,)
        Which neurons were decided in it.
    """

    state: State
    lipschitz: LipschitzModel
    signs: FloatArray

    def start(self, part: LipschitzModel, signs: FloatArray) -> State | None:
        """Return the state to begin a part from, in which more signs are decided.

        Rows and multipliers of neurons that are decided now are left out; the constraints on their
        ranges are new and begin without multipliers. None where the rows are not the same.
        """
        whole = self.lipschitz
        for name in ("directions", "inputs"):
            if getattr(whole, name).size != getattr(part, name).size:
                return None
        open_ = signs[self.signs == 0] == 0
        known = self.signs[signs != 0] != 0
        constant = np.zeros(1, dtype=np.int64)
        rows = np.concatenate([constant, whole.directions, whole.slopes[open_], whole.inputs])
        old = dict(zip(whole.names, self.state.multipliers, strict=True))
        rates = dict(zip(whole.names, self.state.penalties, strict=True))
        multipliers = []
        for name, family in zip(part.names, part.model.families, strict=True):
            if name == "within":
                table = np.zeros((3, len(known)))
                if name in old:
                    table[:, known] = old[name].reshape(3, -1)
            elif name == "pairs":
                table = old[name].reshape(4, whole.directions.size, -1)[:, :, open_]
            else:
                table = old[name].reshape(-1, open_.size)[:, open_]
            assert table.size == family.size
            multipliers.append(table.ravel())
        usual = float(np.median(self.state.penalties))
        return replace(
            self.state,
            factor=self.state.factor[rows],
            multipliers=tuple(multipliers),
            penalties=tuple(rates.get(name, usual) for name in part.names),
            residuals=(math.inf,) * len(multipliers),
        )
