"""The feature kernel: numbers that describe a window of one field.

:mod:`~feature_service.domain.feature.catalog` names the features without importing NumPy;
:mod:`~feature_service.domain.feature.kernel` computes them.
"""
