"""The Instrumentation Score: rules, evidence, advisories."""
