"""What goes over the line, to the terminal and back."""
