"""What a run is: plain records, what is measured of a network, and the history that keeps it."""
