"""The information catalogue 信用信息目录: one TOML file a source, read and checked once."""

from records.catalogue.kinds import KeyGroup, SubjectKind, Use
from records.catalogue.model import Catalogue, Field, Item, Link, Source, Succession

__all__ = ["Catalogue", "Field", "Item", "KeyGroup", "Link", "Source", "SubjectKind", "Succession", "Use"]
