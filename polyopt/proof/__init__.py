"""Proven bounds: certificates that can be checked without a solver."""

from polyopt.proof.box import Box, find_box
from polyopt.proof.certificate import CertificateTerm, SosCertificate
from polyopt.proof.exact_certificate import ExactCertificate, ExactTerm
from polyopt.proof.infeasible import prove_infeasible
from polyopt.proof.proven_bound import ProvenBound
from polyopt.proof.remainder import certified_bound
from polyopt.proof.storage import load_proof

__all__ = [
    "Box",
    "CertificateTerm",
    "ExactCertificate",
    "ExactTerm",
    "ProvenBound",
    "SosCertificate",
    "certified_bound",
    "find_box",
    "load_proof",
    "prove_infeasible",
]
