"""What can be said of a network before it is trained, and what was published of it; formulas, and draws that test them."""
