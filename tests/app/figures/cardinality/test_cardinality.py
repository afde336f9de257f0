"""The metrics of a day."""

from app.figures.cardinality import cardinality
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_the_exploding_metric_is_first(reader: Reader) -> None:
    """What grew by a label comes before what is merely large."""
    made = cardinality.metrics(reader, first_look(reader))

    assert made.data["metric"][0] == "checkout.cart.events"
    assert made.data["worst_label"][0] == "user_id"
    assert "5,200 to 48,310 series" in made.finding
