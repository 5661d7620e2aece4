"""A small part of Fashion-MNIST, so that the first run needs no download."""
