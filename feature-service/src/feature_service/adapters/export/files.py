"""FeatureFiles in a folder: unnamed files, which end with the process at the latest."""

import tempfile
from pathlib import Path
from typing import IO

from feature_service.domain.query.feature_export import ExportFormat, FeatureSummary, MatrixFile
from penstock_kit.errors import Unavailable


class ExportFolder:
    """See :class:`feature_service.domain.query.feature_export.FeatureFiles` for what the methods promise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new_matrix(self) -> MatrixFile:
        """Return an empty matrix."""
        from feature_service.adapters.export.matrix_file import DiskMatrix

        return DiskMatrix(self._folder)

    def file(self, matrix: MatrixFile, summary: FeatureSummary, file_format: ExportFormat, metadata: str) -> IO[bytes]:
        """Return the features as a file."""
        from feature_service.adapters.export.writer import write_features

        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - the caller closes it
        try:
            write_features(file, file_format, summary, matrix.values, metadata)
        except OSError as error:
            file.close()
            raise Unavailable(
                f"the file can't be put aside: {error.strerror or error}", reason="STORAGE_UNAVAILABLE"
            ) from error
        except BaseException:
            file.close()
            raise
        return file

    def content_type(self, file_format: ExportFormat) -> str:
        """Return the media type of a form."""
        from feature_service.adapters.export.writer import CONTENT_TYPES

        return CONTENT_TYPES[file_format]
