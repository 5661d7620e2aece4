"""What follows a layer's pre-activations, by name, and which of them die and which saturate."""

ACTIVATIONS = ("relu", "leaky_relu", "sigmoid", "tanh")
"""In the order of the key that walks through them."""
SATURATING = ("sigmoid", "tanh")
"""Those whose units do not fall silent but saturate."""
OWN = "own"
"""What a network of somebody's calls its own: units that fire where they are not 0, as TopK's and JumpReLU's do."""
CHOSEN = "chosen"
"""What the entries of a table are: they fire when they are chosen, and share what there is among them."""
DYING = ("relu", OWN, CHOSEN)
"""Those whose units die: where they do not fire they let no gradient through."""
SMOOTH = ("gelu", "silu", "softplus", "mish", "elu", "hardswish")
"""Those whose units neither die nor saturate: they may say next to nothing, no more."""
