"""utome trains, compares and applies U-Net segmentation from few annotated images."""

from importlib.metadata import version

__version__ = version("utome")
