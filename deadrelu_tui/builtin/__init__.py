"""The article's experiment: its settings, presets and images. Knows neither engine nor screen."""
