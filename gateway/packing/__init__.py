"""UIs in a form that a single document can hold; see docs/decisions on frames."""
