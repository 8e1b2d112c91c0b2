"""No column of any contract is lost in silence."""

from __future__ import annotations

from tests.bronze.every_column import CHANGES, CONTRACTS, DOCUMENT, document, rows


def test_no_column_is_lost_in_silence() -> None:
    found = list(rows())
    print(document())  # noqa: T201 - for who asks for it with -s
    assert len(found) == sum(len(contract.canonical) for contract, _, _ in CONTRACTS.values())
    assert {len(outcomes) for _, _, outcomes in found} == {len(CHANGES)}
    for dataset, column, (missing, untyped, blanks, twice) in found:
        assert (blanks, twice) == ("read", "refused"), (dataset, column)
        assert missing in ("refused", "warned of"), (dataset, column)
        assert untyped in (missing, "-") or (column, untyped) == ("SR_Flag", "NULL"), (dataset, column)


def test_what_is_refused_and_what_warned_of_is_as_documented() -> None:
    assert DOCUMENT.read_text() == document(), "python -m tests.bronze.every_column writes it anew"


def test_what_rests_on_money_groupings_keys_and_zones_is_refused() -> None:
    refused = {column for _, column, (missing, *_) in rows() if missing == "refused"}
    assert refused >= {
        *(
            "tpep_pickup_datetime",
            "lpep_pickup_datetime",
            "pickup_datetime",
            "dropOff_datetime",
            "dispatching_base_num",
        ),
        *("PULocationID", "DOLocationID", "PUlocationID", "DOlocationID", "payment_type", "trip_distance"),
        *("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge", "total_amount"),
        *("congestion_surcharge", "Airport_fee", "cbd_congestion_fee"),
        *("id", "address__city", "address__geo__lat", "address__geo__lng", "LocationID", "Borough", "Zone"),
    }
