"""What BigQuery may say is wrong, with the status and the reason that its documentation gives.

Reasons and statuses: https://cloud.google.com/bigquery/docs/error-messages. Messages are those of the documentation
(troubleshoot-queries, troubleshoot-quotas), or were read in public reports: REPLAYED, NOT SEEN.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

ABOUT_QUOTAS = "For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"


@dataclass(frozen=True)
class Problem:
    """An ErrorProto, and the status of an answer of the API that says so."""

    status: int
    reason: str
    message: str
    location: str = ""
    error_info: str = ""
    """The reason of google.rpc.ErrorInfo, where an answer has one."""

    def proto(self) -> dict[str, str]:
        """As a job's status has it."""
        location = {"location": self.location} if self.location else {}
        return {"reason": self.reason, **location, "message": self.message}

    def answer(self) -> bytes:
        """As an answer of the API has it."""
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.error_info,
            "domain": "googleapis.com",
            "metadata": {"service": "bigquery.googleapis.com"},
        }
        error = {
            "code": self.status,
            "message": self.message,
            "errors": [{"message": self.message, "domain": "global", "reason": self.reason}] if self.reason else [],
            **({"details": [info]} if self.error_info else {}),
        }
        return json.dumps({"error": error}).encode()


OVER_CAP = Problem(
    400,
    "bytesBilledLimitExceeded",
    "Query exceeded limit for bytes billed: 21474836480. 48535437312 or higher required.",
)
QUOTA = Problem(403, "quotaExceeded", f"Quota exceeded: Your project exceeded quota for imports. {ABOUT_QUOTAS}")
RATE = Problem(403, "rateLimitExceeded", f"Exceeded rate limits: too many api requests per user. {ABOUT_QUOTAS}")
RATE_OF_GATEWAY = Problem(403, "", "Quota exceeded for quota metric 'Queries'.", error_info="RATE_LIMIT_EXCEEDED")
JOB_RATE = Problem(
    400,
    "jobRateLimitExceeded",
    f"Job exceeded rate limits: Your table exceeded quota for table update operations. {ABOUT_QUOTAS}",
)
RATE_IN_SCRIPT = Problem(
    400,
    "invalidQuery",
    "Exceeded rate limits: too many table update operations for this table. For more information, see "
    "https://cloud.google.com/bigquery/troubleshooting-errors at [5:1]",
)
BACKEND = Problem(503, "backendError", "Error encountered during execution. Retrying may solve the problem.")
INTERNAL = Problem(500, "internalError", "An internal error occurred and the request could not be completed.")
JOB_BACKEND = Problem(400, "jobBackendError", "Error encountered during execution. Retrying may solve the problem.")
JOB_INTERNAL = Problem(
    400, "jobInternalError", "The job encountered an internal error during execution and was unable to complete."
)
UNAVAILABLE_TABLE = Problem(400, "tableUnavailable", "Table p:silver.trips is unavailable for now.")
RESOURCES = Problem(
    400,
    "resourcesExceeded",
    "Resources exceeded during query execution: The query could not be executed in the allotted memory.",
)
TOO_LARGE = Problem(403, "responseTooLarge", "Response too large to return. Consider specifying a destination table")
TIER = Problem(400, "billingTierLimitExceeded", "Query exceeded resource limits. This query used 9999 CPU seconds.")
BLOCKED = Problem(403, "blocked", "The operation is blocked for now.")
DENIED = Problem(
    403,
    "accessDenied",
    "Access Denied: Table p:silver.trips: User does not have permission to query table p:silver.trips, or perhaps it "
    "does not exist.",
)
MAY_MAKE_NO_JOBS = Problem(
    403,
    "accessDenied",
    "Access Denied: Project p: User does not have bigquery.jobs.create permission in project p.",
)
DENIED_FILE = Problem(
    403,
    "accessDenied",
    "Access Denied: File gs://b/green/2024-01/1.parquet: Access Denied",
)
SWITCHED_OFF = Problem(
    403,
    "accessNotConfigured",
    "BigQuery API has not been used in project 1 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/bigquery.googleapis.com/overview?project=1 then retry. If you "
    "enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
    error_info="SERVICE_DISABLED",
)
SWITCHED_OFF_BY_INFO = Problem(403, "", SWITCHED_OFF.message, error_info="SERVICE_DISABLED")
NO_BILLING = Problem(
    403,
    "billingNotEnabled",
    "Billing has not been enabled for this project. Enable billing at https://console.cloud.google.com/billing.",
)
SYNTAX = Problem(400, "invalidQuery", 'Syntax error: Unexpected identifier "SELEKT" at [1:1]', "query")
DIVISION = Problem(400, "invalidQuery", "division by zero: 1 / 0", "query")
OVERFLOW = Problem(400, "invalidQuery", "int64 overflow: 9223372036854775807 + 1", "query")
BAD_CAST = Problem(400, "invalidQuery", "Bad int64 value: N/A", "query")
NO_TABLE = Problem(404, "notFound", "Not found: Table p:silver.trips was not found in location US")
NO_STAGED = Problem(404, "notFound", "Not found: Table p:dev_staging.silver__trips__0f1e was not found in location US")
NO_LOADED = Problem(404, "notFound", "Not found: Table p.bronze.green__0f1e was not found in location US")
NO_DATASET = Problem(404, "notFound", "Not found: Dataset p:silver was not found in location US")
NO_FILE = Problem(404, "notFound", "Not found: URI gs://b/green/2024-01/1.parquet")
ELSEWHERE = Problem(400, "invalid", "Cannot read and write in different locations: source: EU, destination: US", "EU")
UNAUTHORIZED = Problem(
    401,
    "authError",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
)
CHANGED = Problem(412, "conditionNotMet", "Precondition check failed.")
CANCELLED = Problem(200, "stopped", "Job execution was cancelled: User requested cancellation")
TIMED_OUT = Problem(400, "timeout", "Operation timed out after 1.0 seconds. Consider reducing the amount of work.")
STOPPED_IN_TIME = Problem(200, "stopped", "Job execution was cancelled: Job timed out after 1s")
OVERTAKEN = Problem(
    400,
    "invalidQuery",
    "Query error: Transaction is aborted due to concurrent update against table p:meta.turn. "
    "Transaction ID: 61e30eea-0000-2dab-8e60-94eb2c1b1a92 at [2:1]",
)
NOT_SERIALIZED = Problem(
    400, "invalidQuery", "Could not serialize access to table p:meta.turn due to concurrent update"
)
OUT_OF_RANGE = Problem(
    400,
    "invalid",
    "Error while reading data, error message: Invalid datetime value -62135596900000000 for field "
    "'lpep_pickup_datetime' of type 'INT64' (logical type 'TIMESTAMP_MICROS'): generic::out_of_range: Cannot return an "
    "invalid datetime value of -62135596900000000 microseconds relative to the Unix epoch. The range of valid datetime "
    "values is [0001-01-1 00:00:00, 9999-12-31 23:59:59.999999]",
    "gs://b/green/2024-01/1.parquet",
)
TOO_MANY_ERRORS = Problem(
    400,
    "invalid",
    "Error while reading data, error message: CSV table encountered too many errors, giving up. Rows: 1; errors: 1. "
    "Please look into the errors[] collection for more details.",
    "gs://b/zones/1.csv",
)
BAD_FIELD = Problem(
    400,
    "invalid",
    "Error while reading data, error message: Could not parse 'N/A' as INT64 for field LocationID (position 0) "
    "starting at location 0",
    "gs://b/zones/1.csv",
)
HTML = b"<!DOCTYPE html>\n<html>\n<title>503</title>\n<p>That is an error. See https://status.example/\n</html>\n"
