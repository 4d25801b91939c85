"""The feature kernel: numbers that describe a window of one field.

:mod:`~feature_service.domain.feature.catalog` names them, without NumPy until it is asked;
:mod:`~feature_service.domain.feature.kernel` computes them.
"""
