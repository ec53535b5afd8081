"""Who may ask what: clients, their keys and tokens, roles, scopes, purposes, and the subject's authorisation."""

from service.security.asking import Asking, client_of
from service.security.clients import BadClient, Bounds, Clients, check_source
from service.security.roles import (
    ACTIONS,
    ALLOWED,
    FILE_KINDS,
    PURPOSES,
    ROLES,
    SCORED_KINDS,
    Action,
    Client,
    Purpose,
    Role,
    allow,
    allow_file,
    allow_own,
    allow_subject,
)

__all__ = [
    "ACTIONS",
    "ALLOWED",
    "FILE_KINDS",
    "PURPOSES",
    "ROLES",
    "SCORED_KINDS",
    "Action",
    "Asking",
    "BadClient",
    "Bounds",
    "Client",
    "Clients",
    "Purpose",
    "Role",
    "allow",
    "allow_file",
    "allow_own",
    "allow_subject",
    "check_source",
    "client_of",
]
