"""Contract of the users of the JSONPlaceholder API, whose guide says what they have."""

from __future__ import annotations

from dlt_sources import jsonplaceholder
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.contracts.columns import column, text

USERS = Contract(
    jsonplaceholder.USERS,
    "id",
    (
        column("id", "INT64", "id", "Number of the user", required=True),
        text("name", "name", "Full name"),
        text("username", "username", "Name the user logs in with"),
        text("email", "email", "E-mail address"),
        text("address__street", "address__street", "Street"),
        text("address__suite", "address__suite", "Apartment or suite"),
        text("address__city", "address__city", "City", required=True),
        text("address__zipcode", "address__zipcode", "Postal code"),
        text("address__geo__lat", "address__geo__lat", "Latitude as text", required=True),
        text("address__geo__lng", "address__geo__lng", "Longitude as text", required=True),
        text("phone", "phone", "Telephone number as the user wrote it"),
        text("website", "website", "Host name of the user's site"),
        text("company__name", "company__name", "Name of the user's company"),
        text("company__catch_phrase", "company__catch_phrase", "Slogan of the company"),
        text("company__bs", "company__bs", "What the company says it does"),
    ),
)
