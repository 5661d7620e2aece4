"""A recorded run as files: tables, everything as JSON, TensorBoard's events, the article's picture, a page to send."""
