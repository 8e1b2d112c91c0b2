/*
description: >-
  Yellow taxi and for-hire trips of a month by the zone where they began. Made of the datasets that are
  published for the month. Trips without a pickup zone are counted under zone 264, Unknown.
table: gold.trips_by_pickup_location
grain: [month, pickup_location_id, taxi_type]
partition: month
cluster: [taxi_type, pickup_location_id]
columns:
  month: {type: DATE, description: First day of the month of the pickup}
  pickup_location_id: {type: INT64, description: Taxi zone of the pickup; 264 where none was recorded}
  taxi_type: {type: STRING, description: Which of TLC's datasets the trips are from}
  trip_count: {type: INT64, description: Trips without reversals, unit: trips}
  reversal_count: {type: INT64, description: Voids and refunds, unit: records}
  total_amount:
    type: NUMERIC(18,2)
    description: Sum of all totals with reversals; NULL for fhv, of which no amounts are published
    unit: USD
  trip_miles:
    type: NUMERIC(18,2)
    description: Sum of all taximeter distances with reversals; NULL for fhv, of which none are published
    unit: miles
checks:
  - type: sql
    name: every_trip_is_counted
    description: Trips and reversals add up to the rows of silver for the month
    sql: >-
      SELECT counted.records
      FROM (SELECT COALESCE(SUM(trip_count + reversal_count), 0) AS records FROM audit.staged) AS counted
      CROSS JOIN (
        SELECT COUNT(*) AS records
        FROM silver.yellow_trips
        WHERE pickup_at >= @partition_start AND pickup_at < @partition_end
      ) AS yellow
      CROSS JOIN (
        SELECT COUNT(*) AS records
        FROM silver.fhv_trips
        WHERE pickup_at >= @partition_start AND pickup_at < @partition_end
      ) AS fhv
      WHERE counted.records <> yellow.records + fhv.records
*/
WITH yellow AS (
  SELECT
    CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) AS month,
    COALESCE(pickup_location_id, 264) AS location_id,
    taxi_type,
    COUNTIF(NOT is_reversal) AS trip_count,
    COUNTIF(is_reversal) AS reversal_count,
    SUM(total_amount) AS charged,
    SUM(trip_miles) AS miles
  FROM silver.yellow_trips
  WHERE pickup_at >= @partition_start AND pickup_at < @partition_end
  GROUP BY
    month,
    location_id,
    taxi_type
),

fhv AS (
  SELECT
    CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) AS month,
    COALESCE(pickup_location_id, 264) AS location_id,
    taxi_type,
    COUNTIF(NOT is_reversal) AS trip_count,
    COUNTIF(is_reversal) AS reversal_count,
    CAST(NULL AS NUMERIC(18, 2)) AS charged,
    CAST(NULL AS NUMERIC(18, 2)) AS miles
  FROM silver.fhv_trips
  WHERE pickup_at >= @partition_start AND pickup_at < @partition_end
  GROUP BY
    month,
    location_id,
    taxi_type
),

trips AS (
  SELECT
    month,
    location_id,
    taxi_type,
    trip_count,
    reversal_count,
    charged,
    miles
  FROM yellow
  UNION ALL
  SELECT
    month,
    location_id,
    taxi_type,
    trip_count,
    reversal_count,
    charged,
    miles
  FROM fhv
)

SELECT
  trips.month,
  trips.location_id AS pickup_location_id,
  zones.borough,
  zones.zone,
  trips.taxi_type,
  trips.trip_count,
  trips.reversal_count,
  trips.charged AS total_amount,
  trips.miles AS trip_miles
FROM trips
LEFT JOIN silver.zones AS zones ON trips.location_id = zones.location_id
