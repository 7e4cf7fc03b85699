"""The only place that lays out text: terminal, JSON, Markdown and the progress display."""
