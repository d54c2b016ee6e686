"""Networks with two and more hidden layers as polynomial problems, and their relaxations."""

from lipschitz_app.deep.presolve import DeepLayer, DeepNetwork, presolve_deep
from lipschitz_app.deep.tangent import TangentModel, tangent_model

__all__ = ["DeepLayer", "DeepNetwork", "TangentModel", "presolve_deep", "tangent_model"]
