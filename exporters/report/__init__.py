"""The batch second opinion: Evidently's drift report beside Driftline's own findings, as one HTML and one JSON file.

Evidently takes seconds and hundreds of megabytes to load, so it runs in a short-lived process of its own
(`exporters.report.child`), at the lowest priority, with a memory limit, and without a network. Nothing here imports it
but `exporters.report.opinion`, which only that process loads. See docs/adr/0012-evidently-report.md.
"""
