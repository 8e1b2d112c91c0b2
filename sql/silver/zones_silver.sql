/*
description: TLC's taxi zones, one row for each. N/A is what TLC publishes where there is no name, not a NULL.
table: silver.zones
grain: [location_id]
checks:
  - {type: not_null, columns: [location_id, borough, zone]}
*/
SELECT
  location_id,
  borough,
  zone,
  service_zone
FROM bronze.zones_bronze
