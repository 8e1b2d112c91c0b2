/*
description: Users of the JSONPlaceholder API, flattened and typed, one row for each.
table: silver.users
grain: [user_id]
columns:
  user_id: {type: INT64, description: Number of the user}
  street: {type: STRING, description: Street}
  suite: {type: STRING, description: Apartment or suite}
  city: {type: STRING, description: City}
  zipcode: {type: STRING, description: Postal code}
  latitude: {type: FLOAT64, description: "Latitude of the address, WGS 84", unit: degrees}
  longitude: {type: FLOAT64, description: "Longitude of the address, WGS 84", unit: degrees}
  company_name: {type: STRING, description: Name of the user's company}
checks:
  - type: not_null
    columns: [user_id, city, latitude, longitude]
    description: Every user has a number, a city and coordinates that are numbers
  - {type: range, column: latitude, min: -90, max: 90}
  - {type: range, column: longitude, min: -180, max: 180}
*/
SELECT
  id AS user_id,
  name,
  username,
  email,
  address__street AS street,
  address__suite AS suite,
  address__city AS city,
  address__zipcode AS zipcode,
  IF(
    REGEXP_CONTAINS(address__geo__lat, r'^-?[0-9]+(\.[0-9]+)?$'),
    CAST(address__geo__lat AS FLOAT64),
    NULL
  ) AS latitude,
  IF(
    REGEXP_CONTAINS(address__geo__lng, r'^-?[0-9]+(\.[0-9]+)?$'),
    CAST(address__geo__lng AS FLOAT64),
    NULL
  ) AS longitude,
  phone,
  website,
  company__name AS company_name
FROM bronze.users_bronze
