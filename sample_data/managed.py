"""What the organisation rents outside its clusters, and how badly it is tagged.

Takes    a seed
Gives    one entry per resource: account, service, cost of a mean day, tags as people write them
"""

from decimal import Decimal
from random import Random
from typing import Final, Literal, NamedTuple

from sample_data.model import Managed, WorldSpec
from sample_data.organisation import DATA_EU, PROD_EU, PROD_US

PAYER: Final = "000123456789"
SHARED_DATA: Final = "000987654321"
TOOLS: Final = "098765432109"
ACCOUNTS: Final = {SHARED_DATA: "data-platform"}
"""Accounts whose untagged resources belong to a team."""


class _Kind(NamedTuple):
    cloud: Literal["aws", "gcp"]
    service: str
    service_name: str
    category: str
    subcategory: str
    unit: str


_RDS: Final = _Kind(
    *("aws", "AmazonRDS", "Amazon Relational Database Service"),
    *("Databases", "Relational Databases", "Hrs"),
)
_S3: Final = _Kind(
    "aws", "AmazonS3", "Amazon Simple Storage Service", "Storage", "Object Storage", "GB-Mo"
)
_CACHE: Final = _Kind(
    "aws", "AmazonElastiCache", "Amazon ElastiCache", "Databases", "Caching", "Hrs"
)
_CDN: Final = _Kind(
    "aws", "AmazonCloudFront", "Amazon CloudFront", "Networking", "Content Delivery", "GB"
)
_QUERY: Final = _Kind("gcp", "BigQuery", "BigQuery", "Analytics", "Data Processing", "TiB")
_BUCKET: Final = _Kind(
    "gcp", "Cloud Storage", "Cloud Storage", "Storage", "Object Storage", "GiB-Mo"
)
_PUBSUB: Final = _Kind("gcp", "Cloud Pub/Sub", "Cloud Pub/Sub", "Integration", "Messaging", "GiB")

_EU: Final = PROD_EU.account
_US: Final = PROD_US.account
_GCP: Final = DATA_EU.account

_ROWS: Final[tuple[tuple[_Kind, str, str, str, dict[str, str]], ...]] = (
    (_RDS, _EU, "ledger", "38.40", {"team": "Payments", "service": "ledger-db"}),
    (_RDS, _EU, "checkout", "27.15", {"Team": " checkout "}),
    (_RDS, _US, "orders", "31.90", {"owner": "Logistics"}),
    (_RDS, _EU, "identity", "19.20", {"squad": "id"}),
    (_RDS, _US, "fraud-scores", "12.75", {"team": "n/a", "owner": "pay"}),
    (_RDS, TOOLS, "wiki", "4.30", {"team": "skunkworks"}),
    (_S3, _EU, "product-images", "14.10", {"TEAM": "catalog"}),
    (_S3, _EU, "search-index", "8.85", {"team": "unknown", "owner": "search"}),
    (_S3, SHARED_DATA, "raw-events", "22.60", {}),
    (_S3, SHARED_DATA, "exports", "6.05", {"team": "none"}),
    (_S3, TOOLS, "old-backups", "5.45", {}),
    (_S3, _US, "growth-assets", "3.15", {"team": "growth"}),
    (_S3, TOOLS, "ci-cache", "2.70", {"team": "platform"}),
    (_CACHE, _EU, "sessions", "16.80", {"team": "identity"}),
    (_CACHE, _US, "cart", "11.55", {"team": "group:default/payments"}),
    (_CACHE, _EU, "ranking", "9.90", {"owner": "SEARCH"}),
    (_CDN, _EU, "web-shop", "41.00", {"team": "mobile"}),
    (_CDN, _US, "app-downloads", "7.25", {"Squad": "Mobile"}),
    (_QUERY, _GCP, "reporting", "36.20", {"team": "analytics"}),
    (_QUERY, _GCP, "features", "18.30", {"team": "recs"}),
    (_QUERY, _GCP, "adhoc", "6.60", {}),
    (_BUCKET, _GCP, "lake", "24.40", {"team": "data"}),
    (_BUCKET, _GCP, "models", "9.35", {"owner": "recommendations"}),
    (_PUBSUB, _GCP, "ingest", "13.50", {"team": "Data-Platform"}),
)


def make_managed(spec: WorldSpec) -> tuple[Managed, ...]:
    """List the resources; a larger world pays more for each."""
    rng = Random(f"{spec.seed}:managed")  # noqa: S311 - a seeded world, no secret
    factor = {"small": Decimal("0.4"), "medium": Decimal(1), "large": Decimal(3)}[spec.size]
    return tuple(
        Managed(
            *(kind.cloud, account, kind.service, kind.service_name),
            *(kind.category, kind.subcategory, _region(account)),
            resource_id=_resource_id(kind, account, name, rng),
            meter=f"{kind.service}:{name}",
            unit=kind.unit,
            day_cost=Decimal(cost) * factor,
            tags=tuple(tags.items()),
        )
        for kind, account, name, cost, tags in _ROWS
    )


def _region(account: str) -> str:
    return {_US: PROD_US.region, _GCP: DATA_EU.region}.get(account, PROD_EU.region)


def _resource_id(kind: _Kind, account: str, name: str, rng: Random) -> str:
    if kind is _S3:
        return f"shop-{name}"
    if kind is _CDN:
        return f"arn:aws:cloudfront::{account}:distribution/E{rng.getrandbits(48):012X}"
    if kind.cloud == "gcp":
        return f"//{kind.service.lower().replace(' ', '')}.googleapis.com/{account}/{name}"
    part = "rds" if kind is _RDS else "elasticache"
    kind_part = "db" if kind is _RDS else "cluster"
    return f"arn:aws:{part}:{_region(account)}:{account}:{kind_part}:{name}"
