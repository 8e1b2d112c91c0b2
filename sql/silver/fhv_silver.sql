/*
description: >-
  Trips of for-hire vehicles, one row for each distinct trip record of a month's file. TLC publishes
  no fares and no distances of them, and for many no zones: those stay, with NULL.
table: silver.fhv_trips
grain: record
identity: [dispatching_base_number, pickup_at, dropoff_at, pickup_location_id, dropoff_location_id]
partition: pickup_at
cluster: [pickup_location_id]
columns:
  taxi_type: {type: STRING, description: Which of TLC's datasets the trip is from}
  is_reversal:
    type: BOOL
    description: Always FALSE, as there are no amounts that could be voided or refunded
  duration_seconds:
    type: INT64
    description: Drop-off minus pickup by New York's clock, so an hour off across a change of clocks
    unit: seconds
reject:
  missing_pickup_time: pickup_at IS NULL
  pickup_outside_month: pickup_at < @partition_start OR pickup_at >= @partition_end
  dropoff_before_pickup: dropoff_at < pickup_at
  missing_base: dispatching_base_number IS NULL
checks:
  - {type: rejected_share, max: 0.05}
  - type: known_codes
    severity: warn
    codes:
      shared_ride_flag: [1]
  - type: relationship
    name: zones_exist
    severity: warn
    columns: [pickup_location_id, dropoff_location_id]
    to: silver.zones.location_id
*/
SELECT
  dispatching_base_number,
  pickup_at,
  dropoff_at,
  pickup_location_id,
  dropoff_location_id,
  shared_ride_flag,
  affiliated_base_number,
  'fhv' AS taxi_type,
  FALSE AS is_reversal,
  DATETIME_DIFF(dropoff_at, pickup_at, SECOND) AS duration_seconds,
  copies,
  bronze_sha256
FROM bronze.fhv_bronze
