/*
description: >-
  Yellow (medallion) taxi trips, one row for each distinct trip record of a month's file.
  Voids and refunds are kept and flagged.
table: silver.yellow_trips
grain: record
identity: [vendor_id, pickup_at, dropoff_at, pickup_location_id, dropoff_location_id]
partition: pickup_at
cluster: [pickup_location_id]
columns:
  taxi_type: {type: STRING, description: Which of TLC's datasets the trip is from}
  is_reversal:
    type: BOOL
    description: >-
      A void or refund, its total below zero. Money sums include reversals, trip counts do not
  duration_seconds:
    type: INT64
    description: Drop-off minus pickup by New York's clock, so an hour off across a change of clocks
    unit: seconds
reject:
  missing_pickup_time: pickup_at IS NULL
  pickup_outside_month: pickup_at < @partition_start OR pickup_at >= @partition_end
  dropoff_before_pickup: dropoff_at < pickup_at
checks:
  - {type: rejected_share, max: 0.05}
  # Real months have no record twice.
  - {type: duplicated_share, max: 0.01, severity: warn}
  - {type: not_null, column: total_amount}
  - type: known_codes
    severity: warn
    codes:
      vendor_id: [1, 2, 5, 6, 7]
      payment_type: [0, 1, 2, 3, 4, 5, 6]
      rate_code_id: [1, 2, 3, 4, 5, 6, 99]
      store_and_fwd_flag: ["Y", "N"]
  - type: relationship
    name: zones_exist
    severity: warn
    columns: [pickup_location_id, dropoff_location_id]
    to: silver.zones.location_id
  # Real months have up to 0.10 % of trips beyond (2020 to 2025), most of them without a payment type.
  - {type: range, column: trip_miles, min: 0, max: 1000, usual_share: 0.002, severity: warn}
*/
SELECT
  vendor_id,
  pickup_at,
  dropoff_at,
  passenger_count,
  trip_miles,
  rate_code_id,
  store_and_fwd_flag,
  pickup_location_id,
  dropoff_location_id,
  payment_type,
  fare_amount,
  extra,
  mta_tax,
  tip_amount,
  tolls_amount,
  improvement_surcharge,
  total_amount,
  congestion_surcharge,
  airport_fee,
  cbd_congestion_fee,
  'yellow' AS taxi_type,
  COALESCE(total_amount < 0, FALSE) AS is_reversal,
  DATETIME_DIFF(dropoff_at, pickup_at, SECOND) AS duration_seconds,
  copies,
  bronze_sha256
FROM bronze.taxi_bronze
