"""The information catalogue 信用信息目录: one TOML file a source, read and checked once."""

from records.catalogue.model import Catalogue, Field, Item, Source, SubjectKind

__all__ = ["Catalogue", "Field", "Item", "Source", "SubjectKind"]
