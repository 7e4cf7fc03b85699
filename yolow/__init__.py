"""yolow: the whole life of YOLO model weights."""

__version__ = "0.1.0"
