"""Google's codes in our terms: one table per interface, with the page each comes from. A name that is not here is unexpected.

Match on names only, never on messages: Google rewords those. No client library is needed to read this.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.problems import (
    AccessDenied,
    Code,
    ConnectorProblem,
    ReconnectNeeded,
    SegmentRefused,
    SetupNeeded,
    TryLater,
    UnexpectedReply,
)

Meaning = tuple[type[ConnectorProblem], Code]

_OURS: Meaning = (UnexpectedReply, Code.BAD_REQUEST)
_OUTAGE: Meaning = (TryLater, Code.OUTAGE)
_VERSION: Meaning = (SetupNeeded, Code.APP_VERSION)
_NOT_APPROVED: Meaning = (SetupNeeded, Code.APP_NOT_APPROVED)
_REVOKED: Meaning = (ReconnectNeeded, Code.SIGNIN_REVOKED)
_NO_ROLE: Meaning = (AccessDenied, Code.ACCOUNT_NO_ROLE)
_ACCOUNT_GONE: Meaning = (AccessDenied, Code.ACCOUNT_GONE)
_NOT_ELIGIBLE: Meaning = (AccessDenied, Code.ACCOUNT_NOT_ELIGIBLE)
_MANAGER: Meaning = (AccessDenied, Code.ACCOUNT_MANAGER)
_TERMS: Meaning = (AccessDenied, Code.TERMS_NOT_ACCEPTED)
_POLITICAL: Meaning = (AccessDenied, Code.ACCOUNT_POLITICAL)
_GONE: Meaning = (SegmentRefused, Code.AUDIENCE_GONE)
_NAME: Meaning = (SegmentRefused, Code.AUDIENCE_NAME)
_NOT_OURS: Meaning = (SegmentRefused, Code.AUDIENCE_NOT_OURS)
_KIND: Meaning = (SegmentRefused, Code.AUDIENCE_KIND)

# https://developers.google.com/identity/protocols/oauth2/web-server#handlingresponse
OAUTH: dict[str, Meaning] = {
    "invalid_grant": _REVOKED,
    "invalid_rapt": (ReconnectNeeded, Code.SIGNIN_EXPIRED),  # the organisation's session length is over
    "invalid_token": _REVOKED,
    "access_denied": (ReconnectNeeded, Code.CONSENT_REFUSED),
    "org_internal": _NOT_APPROVED,
    "admin_policy_enforced": _NOT_APPROVED,
    "redirect_uri_mismatch": (SetupNeeded, Code.APP_WRONG),
    "invalid_client": (SetupNeeded, Code.APP_WRONG),
    "unauthorized_client": (SetupNeeded, Code.APP_WRONG),
    "invalid_scope": (SetupNeeded, Code.APP_WRONG),
    "deleted_client": (SetupNeeded, Code.APP_DISABLED),
    "temporarily_unavailable": _OUTAGE,
    "server_error": _OUTAGE,
}

# https://developers.google.com/google-ads/api/docs/common-errors
ADS: dict[str, Meaning] = {
    "OAUTH_TOKEN_EXPIRED": (ReconnectNeeded, Code.SIGNIN_EXPIRED),
    "OAUTH_TOKEN_REVOKED": _REVOKED,
    "OAUTH_TOKEN_INVALID": _REVOKED,
    "OAUTH_TOKEN_DISABLED": _REVOKED,
    "GOOGLE_ACCOUNT_DELETED": _REVOKED,
    "OAUTH_TOKEN_HEADER_INVALID": _OURS,
    "NOT_ADS_USER": (ReconnectNeeded, Code.SIGNIN_NO_ADS_USER),
    "CUSTOMER_NOT_FOUND": _ACCOUNT_GONE,
    "CLIENT_CUSTOMER_ID_INVALID": _ACCOUNT_GONE,
    "TWO_STEP_VERIFICATION_NOT_ENROLLED": (ReconnectNeeded, Code.SIGNIN_TWO_STEP),
    "ADVANCED_PROTECTION_NOT_ENROLLED": (ReconnectNeeded, Code.SIGNIN_CHECKPOINT),
    "ORGANIZATION_NOT_RECOGNIZED": _NOT_APPROVED,
    "ORGANIZATION_NOT_APPROVED": _NOT_APPROVED,
    "USER_PERMISSION_DENIED": _NO_ROLE,
    "INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION": (AccessDenied, Code.ACCOUNT_WRONG_MANAGER),
    "CUSTOMER_NOT_ENABLED": (AccessDenied, Code.ACCOUNT_CLOSED),
    "ACTION_NOT_PERMITTED": (AccessDenied, Code.ACCOUNT_VIEW_ONLY),
    "ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT": (AccessDenied, Code.ACCOUNT_DISABLED),
    "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION": _NOT_APPROVED,
    "PROJECT_DISABLED": (SetupNeeded, Code.APP_DISABLED),
    "MISSING_TOS": _NOT_APPROVED,
    "CLOUD_PROJECT_NOT_UNDER_ORGANIZATION": _NOT_APPROVED,
    "ACCESS_DENIED_FOR_ACCOUNT_TYPE": _NOT_ELIGIBLE,
    "DEVELOPER_TOKEN_NOT_APPROVED": _VERSION,  # tokens ended in September 2026: only an old version still asks
    "DEVELOPER_TOKEN_PROHIBITED": _VERSION,
    "DEVELOPER_TOKEN_INVALID": _VERSION,
    "DEVELOPER_TOKEN_NOT_ON_ALLOWLIST": _VERSION,
    "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE": _OURS,  # members go through the Data Manager API
    "RESOURCE_EXHAUSTED": (TryLater, Code.DAILY_LIMIT),
    "RESOURCE_TEMPORARILY_EXHAUSTED": (TryLater, Code.RATE_LIMIT),
    "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION": (TryLater, Code.RATE_LIMIT),
    "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION": (TryLater, Code.DAILY_LIMIT),
    "CONCURRENT_MODIFICATION": (TryLater, Code.CONFLICT),
    "DATA_CONSTRAINT_VIOLATION": (TryLater, Code.CONFLICT),
    "TRANSIENT_ERROR": _OUTAGE,
    "INTERNAL_ERROR": _OUTAGE,
    "DEADLINE_EXCEEDED": (TryLater, Code.TIMEOUT),
    "UNSUPPORTED_VERSION": _VERSION,
    "REQUIRED_FIELD_MISSING": _OURS,
    "INVALID_CUSTOMER_ID": _OURS,
    "RESOURCE_NOT_FOUND": _OURS,
    "TOO_MANY_MUTATE_OPERATIONS": _OURS,
    "INVALID_LOGIN_CUSTOMER_ID": _OURS,
    "NAME_ALREADY_USED": _NAME,
    "INVALID_NAME": _NAME,
    "INVALID_DESCRIPTION": _NAME,
    "ADVERTISER_NOT_ON_ALLOWLIST_FOR_USING_UPLOADED_DATA": _NOT_ELIGIBLE,
    "ADVERTISER_TOS_NOT_ACCEPTED": _TERMS,
    "OWNERSHIP_REQUIRED_FOR_SET": _NOT_OURS,
    "CAN_NOT_MUTATE_SENSITIVE_USERLIST": _NOT_OURS,
    "USER_LIST_MUTATE_NOT_SUPPORTED": _NOT_OURS,
    "CANNOT_MUTATE_SYSTEM_LIST": _NOT_OURS,
    "APP_ID_NOT_SET": _OURS,
    "APP_ID_NOT_ALLOWED": _OURS,
    "TOO_HIGH": _OURS,
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": _POLITICAL,
    "TOO_MANY_USER_IDENTIFIERS": _OURS,
    "INVALID_SHA256_FORMAT": _OURS,
    "MISSING_USER_IDENTIFIER": _OURS,
    "INVALID_COUNTRY_CODE": _OURS,
    "INVALID_MOBILE_ID_FORMAT": _OURS,
    "INCOMPATIBLE_UPLOAD_KEY_TYPE": _OURS,
    "CONFLICTING_OPERATION": _OURS,
    "JOB_ALREADY_STARTED": _OURS,
    "INVALID_USER_LIST_ID": _GONE,
    "INVALID_USER_LIST_TYPE": _KIND,
    "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS": _TERMS,
    "OPERATIONS_FOR_CUSTOMER_MATCH_NOT_ALLOWED": _NOT_ELIGIBLE,
}

# https://developers.google.com/data-manager/api/reference/rest/v1/ErrorReason and, for the last four of the first block,
# https://cloud.google.com/apis/design/errors#error_info (domain googleapis.com)
DATA_MANAGER: dict[str, Meaning] = {
    "INTERNAL_ERROR": _OUTAGE,
    "DEADLINE_EXCEEDED": (TryLater, Code.TIMEOUT),
    "RESOURCE_EXHAUSTED": (TryLater, Code.RATE_LIMIT),  # `quota` tells minute from day
    "RATE_LIMIT_EXCEEDED": (TryLater, Code.RATE_LIMIT),
    "ACCESS_TOKEN_EXPIRED": (ReconnectNeeded, Code.SIGNIN_EXPIRED),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": (ReconnectNeeded, Code.SCOPE_MISSING),
    "SERVICE_DISABLED": (SetupNeeded, Code.APP_DISABLED),
    "PERMISSION_DENIED": _NO_ROLE,
    "NOT_FOUND": _GONE,
    "INVALID_USER_LIST_ID": _GONE,
    "INVALID_DESTINATION": _GONE,
    "DESTINATION_ACCOUNT_TYPE_MISMATCH": _MANAGER,
    "UNSUPPORTED_ACCOUNT_TYPES_FOR_USER_LIST_TYPE": _MANAGER,
    "USER_LIST_TYPE_NOT_SUPPORTED_FOR_ACCOUNT": _MANAGER,
    "TERMS_AND_CONDITIONS_NOT_SIGNED": _TERMS,
    "ADVERTISER_TOS_NOT_ACCEPTED": _TERMS,
    "ADVERTISER_NOT_ALLOWLISTED_FOR_UPLOADED_DATA": _NOT_ELIGIBLE,
    "NOT_ALLOWLISTED": _NOT_ELIGIBLE,
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": _POLITICAL,
    "DISPLAY_NAME_ALREADY_USED": _NAME,
    "INVALID_DISPLAY_NAME": _NAME,
    "INVALID_DESCRIPTION": _NAME,
    "USER_LIST_NAME_RESERVED": _NAME,
    "MEMBERSHIP_DURATION_TOO_LONG": _OURS,
    "IMMUTABLE_FIELD_FOR_UPDATE": _OURS,
    "INVALID_UPDATE_MASK": _OURS,
    "UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES": _OURS,
    "INVALID_USER_LIST_TYPE": _KIND,
    "OWNERSHIP_REQUIRED_FOR_UPDATE": _NOT_OURS,
    "USER_LIST_MUTATION_NOT_SUPPORTED": _NOT_OURS,
    "SENSITIVE_USER_LIST_IMMUTABLE": _NOT_OURS,
    "TOO_MANY_AUDIENCE_MEMBERS": _OURS,
    "TOO_MANY_USER_IDENTIFIERS": _OURS,
    "TOO_MANY_DESTINATIONS": _OURS,
    "TOO_MANY_ELEMENTS": _OURS,
    "INVALID_SHA256_FORMAT": _OURS,
    "INVALID_HEX_ENCODING": _OURS,
    "INVALID_BASE64_ENCODING": _OURS,
    "INVALID_POSTAL_CODE": _OURS,
    "INVALID_REGION_CODE": _OURS,
    "INVALID_AUDIENCE_MEMBER": _OURS,
    "INVALID_MOBILE_ID_FORMAT": _OURS,
    "REQUIRED_FIELD_MISSING": _OURS,
    "INVALID_FORMAT": _OURS,
    "INVALID_ARGUMENT": _OURS,
    "NO_IDENTIFIERS_PROVIDED": _OURS,
    "MULTIPLE_DATA_TYPES_NOT_ALLOWED": _OURS,
    "INVALID_REQUEST_ID": _OURS,
    "REQUEST_TOO_OLD": _OURS,
    "INVALID_REMOVE_AS_OF_TIME": (SetupNeeded, Code.APP_CLOCK),
    "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT": _OURS,
    "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH": (AccessDenied, Code.ACCOUNT_WRONG_MANAGER),
}

# One bad record makes Google refuse the whole request; these say that a record is to blame.
# https://developers.google.com/data-manager/api/devguides/concepts/understand-errors
RECORD_TO_BLAME = frozenset(
    {
        "INVALID_SHA256_FORMAT",
        "INVALID_HEX_ENCODING",
        "INVALID_BASE64_ENCODING",
        "INVALID_POSTAL_CODE",
        "INVALID_REGION_CODE",
        "INVALID_COUNTRY_CODE",
        "INVALID_AUDIENCE_MEMBER",
        "INVALID_MOBILE_ID_FORMAT",
        "REQUIRED_FIELD_MISSING",
        "INVALID_FORMAT",
        "NO_IDENTIFIERS_PROVIDED",
        "TOO_MANY_USER_IDENTIFIERS",
    }
)

# The request's result can no longer be asked for: stop asking.
NO_MORE_STATUS = frozenset({"INVALID_REQUEST_ID", "REQUEST_TOO_OLD", "NOT_FOUND"})

# Why single records failed, told by requestStatus.
# https://developers.google.com/data-manager/api/reference/rest/v1/requestStatus/retrieve
PROCESSING: dict[str, Code] = {
    "DENIED_CONSENT": Code.ROW_NO_CONSENT,
    "NO_CONSENT": Code.ROW_NO_CONSENT,
    "UNKNOWN_CONSENT": Code.ROW_NO_CONSENT,
    "INVALID_FORMAT": Code.ROW_BAD_FORMAT,
    "INVALID_MOBILE_ID_FORMAT": Code.ROW_BAD_FORMAT,
    "INTERNAL_ERROR": Code.OUTAGE,  # send these records again
    "DESTINATION_TOO_RECENTLY_CREATED": Code.TOO_NEW,  # send these records again later
}

# Canonical codes, for a reply without a reason (or with one that is new to us).
# https://cloud.google.com/apis/design/errors#handling_errors
STATUS: dict[str, Meaning] = {
    "UNAUTHENTICATED": (ReconnectNeeded, Code.SIGNIN_EXPIRED),
    "PERMISSION_DENIED": _NO_ROLE,
    "NOT_FOUND": _GONE,
    "RESOURCE_EXHAUSTED": (TryLater, Code.RATE_LIMIT),
    "ABORTED": (TryLater, Code.CONFLICT),
    "INTERNAL": _OUTAGE,
    "UNAVAILABLE": _OUTAGE,
    "UNKNOWN": _OUTAGE,
    "UNIMPLEMENTED": _VERSION,  # what a version answers that was switched off
    "CANCELLED": _OUTAGE,
    "DEADLINE_EXCEEDED": (TryLater, Code.TIMEOUT),
}

MINUTE = timedelta(minutes=1)


def quota(limit: str) -> tuple[Code, timedelta | None]:
    """Which bucket ran dry, by its name ('IngestionMutateRequestsPerDayPerProject'), and when to try again if that follows.

    https://developers.google.com/data-manager/api/devguides/limits
    """
    if "PerDay" in limit or "per_day" in limit:
        return Code.DAILY_LIMIT, None
    return Code.RATE_LIMIT, MINUTE


def processing(reason: str) -> Code:
    """What became of a record, by Google's reason; an unknown one is a refusal whose raw name is shown."""
    return PROCESSING.get(reason.removeprefix("PROCESSING_ERROR_REASON_"), Code.ROW_REFUSED)


def match_range(name: str) -> str:
    """'MATCH_RATE_RANGE_41_TO_50' as people read it; '' where Google does not tell."""
    word = name.removeprefix("MATCH_RATE_RANGE_")
    if word.startswith("LESS_THAN_"):
        return f"less than {word.removeprefix('LESS_THAN_')} %"
    low, middle, high = word.partition("_TO_")
    return f"{low} to {high} %" if middle and low.isdigit() and high.isdigit() else ""


def problem(
    meaning: Meaning | None,
    *,
    raw: str,
    reference: str = "",
    retry_after: timedelta | None = None,
    code: Code | None = None,
    **facts: str,
) -> ConnectorProblem:
    """The problem that a row of a table stands for; None is unexpected. `code` overrides the row's."""
    kind, usual = meaning or (UnexpectedReply, Code.UNEXPECTED)
    if issubclass(kind, TryLater):
        return kind(code or usual, retry_after=retry_after, raw=raw, reference=reference, **facts)
    return kind(code or usual, raw=raw, reference=reference, **facts)
