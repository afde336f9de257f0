"""The wire: protobuf and JSON into Arrow columns, attributes, series."""
