"""What can be shown as a whole screen."""
