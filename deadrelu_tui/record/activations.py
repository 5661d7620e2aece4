"""What follows a layer's pre-activations, by name, and which of them die and which saturate."""

ACTIVATIONS = ("relu", "leaky_relu", "sigmoid", "tanh")
"""In the order of the key that walks through them."""
SATURATING = ("sigmoid", "tanh")
"""Those whose units do not fall silent but saturate."""
DYING = ("relu",)
"""Those whose units die: below 0 they let no gradient through."""
