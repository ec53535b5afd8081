"""A subject's file: everything that the base may show of a subject, of any kind, as of any moment."""

from records.subject_file.model import SubjectFile, View
from records.subject_file.reader import SubjectFiles

__all__ = ["SubjectFile", "SubjectFiles", "View"]
