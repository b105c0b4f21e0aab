"""Policy, gate, comparisons and remedies: from numbers to a decision."""
