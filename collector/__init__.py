"""Bytes in: OTLP telemetry and billing exports; ends at raw Parquet in the lake."""
