"""Backup and restore of an installation: engine-neutral, consistent, checked, whole or not at all."""

from records.backup.making import BackupReport, back_up
from records.backup.restoring import RestoreReport, check, refuse_half_restored, restore

__all__ = ["BackupReport", "RestoreReport", "back_up", "check", "refuse_half_restored", "restore"]
