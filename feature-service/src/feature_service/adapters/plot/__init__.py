"""Drawing plots: as SVG by ourselves, as PNG by matplotlib."""
