"""What the article claims, and what it did not notice: each measured on recorded runs."""
