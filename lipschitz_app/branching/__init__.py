"""Parts of a region where the signs of some neurons are decided: what branch and bound splits."""
