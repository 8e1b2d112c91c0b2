-- Questions that analysts ask of the project's tables, in BigQuery's dialect: a line of comment says what a query
-- answers. tests/googlesql/test_analysts_queries.py asks each of both engines.

-- How many green trips began in each hour of the day?
SELECT EXTRACT(HOUR FROM pickup_at) AS hour, COUNT(*) AS trips
FROM silver.green_trips
WHERE NOT is_reversal
GROUP BY hour
ORDER BY hour;

-- On which days of the week do yellow taxis earn most?
SELECT FORMAT_DATETIME('%A', pickup_at) AS weekday, SUM(total_amount) AS earned, ROUND(AVG(total_amount), 2) AS each_trip
FROM silver.yellow_trips
GROUP BY weekday
ORDER BY earned DESC, weekday;

-- Do weekends differ from working days in miles and tips?
SELECT
  IF(EXTRACT(DAYOFWEEK FROM pickup_at) IN (1, 7), 'weekend', 'working day') AS part_of_week,
  COUNT(*) AS trips, SUM(trip_miles) AS miles, AVG(tip_amount) AS tip
FROM silver.yellow_trips
GROUP BY part_of_week;

-- How many for-hire trips were there in each week that begins on a Monday?
SELECT DATE_TRUNC(DATE(pickup_at), WEEK(MONDAY)) AS week, COUNT(*) AS trips
FROM silver.fhv_trips
GROUP BY week
ORDER BY week;

-- Money and miles of green taxis by quarter
SELECT EXTRACT(YEAR FROM month) AS year, EXTRACT(QUARTER FROM month) AS quarter, SUM(total_amount) AS usd, SUM(trip_miles) AS miles
FROM gold.green_trips_by_payment_type
GROUP BY year, quarter
ORDER BY year, quarter;

-- How do trips of a taxi type change from month to month?
WITH monthly AS (
  SELECT month, taxi_type, SUM(trip_count) AS trips FROM gold.trips_by_pickup_location GROUP BY month, taxi_type
)
SELECT month, taxi_type, trips, trips - LAG(trips) OVER (PARTITION BY taxi_type ORDER BY month) AS more_than_before
FROM monthly
ORDER BY taxi_type, month;

-- Growth of revenue against the month before, in percent
WITH monthly AS (
  SELECT month, SUM(total_amount) AS revenue FROM gold.green_trips_by_payment_type GROUP BY month
)
SELECT month, revenue, ROUND(100 * SAFE_DIVIDE(revenue - LAG(revenue) OVER (ORDER BY month), LAG(revenue) OVER (ORDER BY month)), 1) AS growth
FROM monthly
ORDER BY month;

-- Running total of the revenue of each payment type
SELECT month, payment_type_name, SUM(SUM(total_amount)) OVER (PARTITION BY payment_type_name ORDER BY month) AS so_far
FROM gold.green_trips_by_payment_type
GROUP BY month, payment_type_name
ORDER BY payment_type_name, month;

-- Each payment type's share of a month's trips
SELECT month, payment_type, trip_count, SAFE_DIVIDE(trip_count, SUM(trip_count) OVER (PARTITION BY month)) AS share
FROM gold.green_trips_by_payment_type
ORDER BY month, payment_type;

-- The three busiest zones of each borough
SELECT zones.borough, zones.zone, COUNT(*) AS trips
FROM silver.yellow_trips AS trips
JOIN silver.zones AS zones ON trips.pickup_location_id = zones.location_id
GROUP BY zones.borough, zones.zone
QUALIFY ROW_NUMBER() OVER (PARTITION BY zones.borough ORDER BY COUNT(*) DESC, zones.zone) <= 3
ORDER BY borough, trips DESC, zone;

-- Rank boroughs by the money that green trips bring
SELECT borough, SUM(total_amount) AS usd, RANK() OVER (ORDER BY SUM(total_amount) DESC) AS place
FROM silver.green_trips
LEFT JOIN silver.zones ON pickup_location_id = location_id
GROUP BY borough
ORDER BY place, borough;

-- Trips between boroughs
SELECT origin.borough AS from_borough, target.borough AS to_borough, COUNT(*) AS trips
FROM silver.yellow_trips AS t
LEFT JOIN silver.zones AS origin ON origin.location_id = t.pickup_location_id
LEFT JOIN silver.zones AS target ON target.location_id = t.dropoff_location_id
GROUP BY 1, 2
ORDER BY trips DESC, from_borough, to_borough;

-- Which zones had no yellow trip at all?
SELECT z.location_id, z.borough, z.zone
FROM silver.zones AS z
WHERE NOT EXISTS (SELECT 1 FROM silver.yellow_trips AS t WHERE t.pickup_location_id = z.location_id AND t.trip_miles > 1000)
ORDER BY z.location_id;

-- Zones where both yellow and green taxis picked up
SELECT pickup_location_id FROM silver.yellow_trips WHERE pickup_location_id IS NOT NULL
INTERSECT DISTINCT
SELECT pickup_location_id FROM silver.green_trips WHERE total_amount > 0;

-- Zones of drop-offs where no expensive trip began
SELECT dropoff_location_id AS location_id FROM silver.green_trips
EXCEPT DISTINCT
SELECT pickup_location_id FROM silver.green_trips WHERE total_amount > 100;

-- All trips of the month by taxi type
SELECT taxi_type, COUNT(*) AS trips, COUNT(DISTINCT pickup_location_id) AS zones
FROM (
  SELECT 'yellow' AS taxi_type, pickup_location_id FROM silver.yellow_trips
  UNION ALL SELECT 'green', pickup_location_id FROM silver.green_trips
  UNION ALL SELECT 'fhv', pickup_location_id FROM silver.fhv_trips
)
GROUP BY taxi_type
ORDER BY trips DESC, taxi_type;

-- Green trips of each day of February, also of days without any
SELECT day, COUNT(t.pickup_at) AS trips
FROM UNNEST(GENERATE_DATE_ARRAY('2024-02-01', '2024-02-29')) AS day
LEFT JOIN silver.green_trips AS t ON DATE(t.pickup_at) = day
GROUP BY day
ORDER BY day;

-- Weeks since the new year and the revenue in each
WITH weeks AS (
  SELECT week FROM UNNEST(GENERATE_DATE_ARRAY(DATE '2024-01-01', DATE '2024-03-31', INTERVAL 1 WEEK)) AS week
)
SELECT weeks.week, COALESCE(SUM(t.total_amount), 0) AS usd
FROM weeks
LEFT JOIN silver.yellow_trips AS t ON DATE_TRUNC(CAST(t.pickup_at AS DATE), ISOWEEK) = weeks.week
GROUP BY weeks.week
ORDER BY weeks.week;

-- Which months of the last winter are missing for a taxi type?
SELECT m AS month, types.taxi_type
FROM UNNEST(GENERATE_DATE_ARRAY('2023-11-01', '2024-03-01', INTERVAL 1 MONTH)) AS m
CROSS JOIN (SELECT DISTINCT taxi_type FROM gold.trips_by_pickup_location) AS types
LEFT JOIN gold.trips_by_pickup_location AS g ON g.month = m AND g.taxi_type = types.taxi_type
WHERE g.month IS NULL
ORDER BY month, taxi_type;

-- Median and 90th percentile of the length of trips by payment type
SELECT DISTINCT payment_type,
  PERCENTILE_CONT(duration_seconds, 0.5) OVER (PARTITION BY payment_type) AS median,
  PERCENTILE_CONT(duration_seconds, 0.9) OVER (PARTITION BY payment_type) AS long_ones
FROM silver.green_trips
ORDER BY payment_type;

-- The median fare of each vendor as one that was paid
SELECT DISTINCT vendor_id, PERCENTILE_DISC(fare_amount, 0.5) OVER (PARTITION BY vendor_id) AS median_fare
FROM silver.yellow_trips
ORDER BY vendor_id;

-- Median of the total, as a number between two where there are two in the middle
SELECT DISTINCT taxi_type, PERCENTILE_CONT(CAST(total_amount AS FLOAT64), 0.5) OVER (PARTITION BY taxi_type) AS median
FROM silver.yellow_trips;

-- How much do people tip, in percent of the fare?
SELECT payment_type, ROUND(100 * SUM(tip_amount) / NULLIF(SUM(fare_amount), 0), 2) AS tip_percent
FROM silver.yellow_trips
WHERE fare_amount > 0
GROUP BY payment_type
ORDER BY payment_type;

-- Average miles per hour of green trips
SELECT pickup_location_id, AVG(SAFE_DIVIDE(trip_miles, duration_seconds / 3600)) AS mph
FROM silver.green_trips
WHERE duration_seconds > 0
GROUP BY pickup_location_id
ORDER BY pickup_location_id;

-- Trips by how far they went
SELECT
  CASE
    WHEN trip_miles < 1 THEN 'below 1' WHEN trip_miles < 5 THEN '1 to 5' WHEN trip_miles < 20 THEN '5 to 20'
    WHEN trip_miles IS NULL THEN 'unknown' ELSE 'far'
  END AS distance,
  COUNT(*) AS trips, ROUND(AVG(total_amount), 2) AS average_total
FROM silver.yellow_trips
GROUP BY distance;

-- How many trips have what odd things?
SELECT COUNT(*) AS trips, COUNTIF(trip_miles = 0) AS of_no_miles, COUNTIF(total_amount < 0) AS reversals,
  COUNTIF(passenger_count IS NULL OR passenger_count = 0) AS without_passengers,
  COUNTIF(dropoff_at < pickup_at) AS backwards
FROM silver.green_trips;

-- Share of credit cards among green trips by day
SELECT DATE(pickup_at) AS day, COUNTIF(payment_type = 1) / COUNT(*) AS share_of_cards
FROM silver.green_trips
GROUP BY day
HAVING COUNT(*) >= 2
ORDER BY day;

-- Airports by their names
SELECT location_id, UPPER(zone) AS airport, borough
FROM silver.zones
WHERE LOWER(zone) LIKE '%airport%'
ORDER BY location_id;

-- Zones that are named after two places
SELECT zone, SPLIT(zone, '/')[SAFE_OFFSET(0)] AS first_place, SPLIT(zone, '/')[SAFE_OFFSET(1)] AS second_place
FROM silver.zones
WHERE zone LIKE '%/%'
ORDER BY zone;

-- Zones with a direction in their name
SELECT zone, REGEXP_EXTRACT(zone, r'(North|South|East|West)') AS direction
FROM silver.zones
WHERE REGEXP_CONTAINS(zone, r'\b(North|South|East|West)\b')
ORDER BY zone, direction;

-- A label of each zone for a chart
SELECT CONCAT(borough, ': ', zone) AS label, LENGTH(zone) AS letters
FROM silver.zones
ORDER BY label, letters;

-- From which mail providers do users come?
SELECT REGEXP_EXTRACT(LOWER(email), r'@(.+)$') AS provider, COUNT(*) AS users
FROM silver.users
WHERE email IS NOT NULL
GROUP BY provider
ORDER BY users DESC, provider;

-- Users by the ending of their website
SELECT SPLIT(website, '.')[SAFE_OFFSET(1)] AS ending, COUNT(DISTINCT user_id) AS users
FROM silver.users
GROUP BY ending
ORDER BY ending;

-- First names of users and their initials
SELECT user_id, TRIM(SUBSTR(name, 1, STRPOS(name, ' '))) AS first_name, CONCAT(LEFT(name, 1), '.') AS initial
FROM silver.users
WHERE name LIKE '% %'
ORDER BY user_id, first_name;

-- Telephone numbers with nothing but digits
SELECT user_id, phone, REGEXP_REPLACE(phone, r'[^0-9]', '') AS digits
FROM silver.users
ORDER BY user_id, phone;

-- Cities of the north and of the south
SELECT IF(latitude >= 0, 'north', 'south') AS half, COUNT(*) AS users, MIN(city) AS first_city, MAX(ABS(longitude)) AS farthest
FROM silver.users
WHERE latitude BETWEEN -90 AND 90
GROUP BY half;

-- Users of each company in one line
SELECT company_name, STRING_AGG(DISTINCT username, ', ' ORDER BY username) AS users
FROM silver.users
GROUP BY company_name
ORDER BY company_name;

-- Cities that have more users than the average city
SELECT city, user_count
FROM gold.user_counts_by_city
WHERE user_count > (SELECT AVG(user_count) FROM gold.user_counts_by_city)
ORDER BY user_count DESC, city;

-- Does the count by city agree with the users?
SELECT COALESCE(g.city, s.city) AS city, g.user_count, s.users
FROM gold.user_counts_by_city AS g
FULL JOIN (SELECT city, COUNT(*) AS users FROM silver.users GROUP BY city) AS s ON g.city = s.city
WHERE g.user_count IS DISTINCT FROM s.users
ORDER BY city, g.user_count, s.users;

-- The dearest trip of each day
SELECT DATE(pickup_at) AS day, total_amount, trip_miles
FROM silver.yellow_trips
WHERE total_amount IS NOT NULL
QUALIFY RANK() OVER (PARTITION BY DATE(pickup_at) ORDER BY total_amount DESC) = 1
ORDER BY day, trip_miles;

-- The last record of each vendor's drop-offs
SELECT vendor_id, MAX(dropoff_at) AS last_dropoff, DATETIME_DIFF(MAX(pickup_at), MIN(pickup_at), DAY) AS days
FROM silver.green_trips
GROUP BY vendor_id
ORDER BY vendor_id;

-- Quartiles of zones by their trips
WITH counted AS (
  SELECT pickup_location_id, SUM(trip_count) AS trips FROM gold.trips_by_pickup_location GROUP BY pickup_location_id
)
SELECT pickup_location_id, trips, NTILE(4) OVER (ORDER BY trips DESC, pickup_location_id) AS quartile
FROM counted
ORDER BY quartile, trips DESC, pickup_location_id;

-- A mean of three months of the trips of each zone
SELECT pickup_location_id, taxi_type, month,
  AVG(trip_count) OVER (PARTITION BY pickup_location_id, taxi_type ORDER BY month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS smooth
FROM gold.trips_by_pickup_location
ORDER BY pickup_location_id, taxi_type, month;

-- The zones that make 80 percent of all revenue
WITH zones AS (
  SELECT zone, SUM(total_amount) AS usd FROM gold.trips_by_pickup_location WHERE total_amount > 0 GROUP BY zone
), summed AS (
  SELECT zone, usd, SUM(usd) OVER (ORDER BY usd DESC, zone) AS so_far, SUM(usd) OVER () AS all_usd FROM zones
)
SELECT zone, usd, ROUND(so_far / all_usd, 4) AS share FROM summed WHERE so_far - usd < 0.8 * all_usd ORDER BY usd DESC, zone;

-- The first and the best month of each payment type
SELECT DISTINCT payment_type,
  FIRST_VALUE(month) OVER (PARTITION BY payment_type ORDER BY month) AS first_month,
  FIRST_VALUE(month) OVER (PARTITION BY payment_type ORDER BY trip_count DESC, month) AS best_month
FROM gold.green_trips_by_payment_type
ORDER BY payment_type;

-- Days since a payment type was last used
SELECT payment_type, month, DATE_DIFF(month, LAG(month) OVER (PARTITION BY payment_type ORDER BY month), DAY) AS days
FROM gold.green_trips_by_payment_type
ORDER BY payment_type, month;

-- Ten trips to look at
SELECT * FROM silver.yellow_trips LIMIT 10;

-- Some fhv trips without a zone
SELECT dispatching_base_number, pickup_at FROM silver.fhv_trips WHERE pickup_location_id IS NULL LIMIT 3;

-- Trips that are older than today
SELECT COUNT(*) AS trips FROM silver.green_trips WHERE DATE(pickup_at) < CURRENT_DATE();

-- Months of the last hundred years
SELECT DISTINCT month FROM gold.green_trips_by_payment_type
WHERE month >= DATE_SUB(CURRENT_DATE(), INTERVAL 100 YEAR) ORDER BY month DESC;

-- Bases with the most for-hire trips, and how many of those were shared
SELECT dispatching_base_number AS base, COUNT(*) AS trips, COUNTIF(shared_ride_flag = 1) AS shared
FROM silver.fhv_trips
GROUP BY base
ORDER BY trips DESC, base
LIMIT 5;

-- Bases that send cars for others
SELECT dispatching_base_number, COUNT(DISTINCT affiliated_base_number) AS others
FROM silver.fhv_trips
WHERE dispatching_base_number <> affiliated_base_number
GROUP BY dispatching_base_number
HAVING others > 1
ORDER BY dispatching_base_number;

-- Rush hours against the rest of the day, yellow and green
SELECT taxi, EXTRACT(HOUR FROM pickup_at) BETWEEN 16 AND 19 AS is_rush, COUNT(*) AS trips, SUM(congestion_surcharge) AS surcharges
FROM (
  SELECT 'yellow' AS taxi, pickup_at, congestion_surcharge FROM silver.yellow_trips
  UNION ALL SELECT 'green' AS taxi, pickup_at, congestion_surcharge FROM silver.green_trips
)
GROUP BY taxi, is_rush
ORDER BY taxi, is_rush;

-- Do the parts of a fare add up to its total?
SELECT COUNT(*) AS trips,
  COUNTIF(fare_amount + extra + mta_tax + tip_amount + tolls_amount + improvement_surcharge = total_amount) AS adds_up,
  MAX(ABS(total_amount - fare_amount - IFNULL(tip_amount, 0))) AS most_off
FROM silver.yellow_trips;

-- Revenue of cards and of cash side by side
SELECT month, SUM(IF(payment_type = 1, total_amount, 0)) AS cards, SUM(CASE WHEN payment_type = 2 THEN total_amount END) AS cash
FROM gold.green_trips_by_payment_type
GROUP BY month
ORDER BY month;

-- Trips by month and borough with subtotals
SELECT month, borough, SUM(trip_count) AS trips
FROM gold.trips_by_pickup_location
GROUP BY ROLLUP (month, borough);

-- Trips of night, by the half hour
SELECT DATETIME_TRUNC(pickup_at, HOUR) AS hour, DIV(EXTRACT(MINUTE FROM pickup_at), 30) AS half, COUNT(*) AS trips
FROM silver.yellow_trips
WHERE EXTRACT(HOUR FROM pickup_at) >= 22 OR EXTRACT(HOUR FROM pickup_at) < 5
GROUP BY hour, half
ORDER BY hour, half;

-- How far apart are a user's city and Times Square, roughly in degrees?
SELECT user_id, city, ROUND(SQRT(POW(latitude - 40.758, 2) + POW(longitude + 73.9855, 2)), 3) AS degrees
FROM silver.users
WHERE ABS(latitude) <= 90 AND ABS(longitude) <= 180
ORDER BY degrees, user_id, city;

-- Standard deviation of totals and how it goes with miles
SELECT vendor_id, STDDEV(CAST(total_amount AS FLOAT64)) AS spread, COUNT(total_amount) AS trips
FROM silver.green_trips
WHERE total_amount BETWEEN -1000 AND 1000
GROUP BY vendor_id
ORDER BY vendor_id;

-- Trips that cost more than twice the average of their payment type
SELECT t.payment_type, t.total_amount
FROM silver.green_trips AS t
JOIN (SELECT payment_type, AVG(total_amount) AS usual FROM silver.green_trips GROUP BY payment_type) AS a USING (payment_type)
WHERE t.total_amount > 2 * a.usual
ORDER BY payment_type, total_amount;

-- Records that are there twice
SELECT vendor_id, pickup_at, pickup_location_id, COUNT(*) AS records, SUM(copies) AS copies
FROM silver.yellow_trips
GROUP BY vendor_id, pickup_at, pickup_location_id
HAVING COUNT(*) > 1
ORDER BY vendor_id, pickup_at, pickup_location_id;

-- Trips of the month by the last day of their month
SELECT LAST_DAY(DATE(pickup_at)) AS month_end, FORMAT_DATE('%Y-%m', DATE(pickup_at)) AS name, COUNT(*) AS trips
FROM silver.green_trips
GROUP BY month_end, name
ORDER BY month_end;

-- Trips within a month that is written as two dates
SELECT COUNT(*) AS trips, MIN(pickup_at) AS earliest, MAX(pickup_at) AS latest
FROM silver.yellow_trips
WHERE pickup_at >= '2024-02-01' AND pickup_at < DATETIME_ADD(DATETIME '2024-02-01 00:00:00', INTERVAL 1 MONTH);

-- Trips from the zones of Manhattan and Queens
SELECT pickup_location_id, COUNT(*) AS trips
FROM silver.green_trips
WHERE pickup_location_id IN (SELECT location_id FROM silver.zones WHERE borough IN ('Manhattan', 'Queens'))
GROUP BY pickup_location_id
ORDER BY trips DESC, pickup_location_id;

-- How long after a trip did a base send its next car?
SELECT dispatching_base_number, pickup_at,
  DATETIME_DIFF(LEAD(pickup_at) OVER (PARTITION BY dispatching_base_number ORDER BY pickup_at), pickup_at, MINUTE) AS minutes
FROM silver.fhv_trips
ORDER BY dispatching_base_number, pickup_at, minutes;

-- Share of each borough in all trips, in percent
SELECT borough, ROUND(100 * SUM(trip_count) / SUM(SUM(trip_count)) OVER (), 2) AS percent
FROM gold.trips_by_pickup_location
GROUP BY borough
ORDER BY percent DESC, borough;

-- Which taxis take cards, and when was the last one paid so?
SELECT COUNT(DISTINCT IF(payment_type = 1, taxi_type, NULL)) AS types_with_cards,
  MAX(CASE WHEN payment_type = 1 THEN pickup_at ELSE NULL END) AS last_card
FROM silver.yellow_trips;

-- Trips by the name of their payment type, where it has one
SELECT CASE payment_type WHEN 1 THEN 'card' WHEN 2 THEN 'cash' ELSE NULL END AS paid_by, COUNT(*) AS trips
FROM silver.green_trips
GROUP BY paid_by
ORDER BY paid_by;
