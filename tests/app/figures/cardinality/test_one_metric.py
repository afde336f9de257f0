"""One metric."""

from app.figures.cardinality import one_metric
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_what_came_is_explained(reader: Reader) -> None:
    """Growth by the label without which it goes away, churn by the labels with new values."""
    found = one_metric.growth(reader, first_look(reader), "checkout.cart.events").finding

    assert "user_id explains the growth" in found
    assert found.endswith("10 have a new value of k8s.pod.name and k8s.pod.uid.")
