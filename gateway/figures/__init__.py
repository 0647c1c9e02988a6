"""How plugins did over the last day: rate, errors, latency and health, sampled from the metrics."""
