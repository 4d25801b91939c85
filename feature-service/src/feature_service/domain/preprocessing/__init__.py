"""Outliers, missing values and scaling: fitted on some rows, applied to those or others."""
