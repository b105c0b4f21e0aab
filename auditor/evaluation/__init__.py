"""One audit: plan, runs of probes, sequential looks."""
