/*
description: Green taxi trips, miles and money of a month by how the trip was paid
table: gold.green_trips_by_payment_type
grain: [month, payment_type]
partition: month
columns:
  month: {type: DATE, description: First day of the month of the pickup}
  payment_type_name: {type: STRING, description: The payment type in words; Unknown where the record has none}
  trip_count: {type: INT64, description: Trips without reversals, unit: trips}
  reversal_count: {type: INT64, description: Voids and refunds, unit: records}
  total_amount: {type: "NUMERIC(18,2)", description: Sum of all totals with reversals, unit: USD}
  trip_miles: {type: "NUMERIC(18,2)", description: Sum of all taximeter distances with reversals, unit: miles}
checks:
  - type: sql
    name: every_trip_is_counted
    description: Trips and reversals add up to the rows of silver for the month
    sql: >-
      SELECT counted.records
      FROM (SELECT COALESCE(SUM(trip_count + reversal_count), 0) AS records FROM audit.staged) AS counted
      CROSS JOIN (
        SELECT COUNT(*) AS records
        FROM silver.green_trips
        WHERE pickup_at >= @partition_start AND pickup_at < @partition_end
      ) AS silver
      WHERE counted.records <> silver.records
*/
WITH trips AS (
  SELECT
    CAST(DATE_TRUNC(pickup_at, MONTH) AS DATE) AS month,
    payment_type,
    is_reversal,
    total_amount AS charged,
    trip_miles AS miles
  FROM silver.green_trips
  WHERE pickup_at >= @partition_start AND pickup_at < @partition_end
)

SELECT
  month,
  payment_type,
  CASE payment_type
    WHEN 0 THEN 'Flex fare'
    WHEN 1 THEN 'Credit card'
    WHEN 2 THEN 'Cash'
    WHEN 3 THEN 'No charge'
    WHEN 4 THEN 'Dispute'
    WHEN 6 THEN 'Voided trip'
    ELSE 'Unknown'
  END AS payment_type_name,
  COUNTIF(NOT is_reversal) AS trip_count,
  COUNTIF(is_reversal) AS reversal_count,
  SUM(charged) AS total_amount,
  SUM(miles) AS trip_miles
FROM trips
GROUP BY
  month,
  payment_type
