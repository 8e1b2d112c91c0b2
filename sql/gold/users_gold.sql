/*
description: How many users live in each city
table: gold.user_counts_by_city
grain: [city]
columns:
  user_count: {type: INT64, description: Users who live in the city, unit: users}
checks:
  - type: sql
    name: every_user_is_counted
    description: The counts add up to the rows of silver
    sql: >-
      SELECT counted.users
      FROM (SELECT COALESCE(SUM(user_count), 0) AS users FROM audit.staged) AS counted
      CROSS JOIN (SELECT COUNT(*) AS users FROM silver.users) AS silver
      WHERE counted.users <> silver.users
*/
SELECT
  city,
  COUNT(*) AS user_count
FROM silver.users
GROUP BY city
