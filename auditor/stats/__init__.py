"""Estimates and their intervals.

The independent unit is the cluster (an example, a template, an author), never the case; the estimand is the mean over
clusters of the cluster's mean. Bounds are one-sided at any level; the intervals shown are two-sided 95 %. Coverage
chose the methods: a test simulates each on a grid of clusters, cases, rates and intra-class correlations.
"""

from auditor.stats import correlation, looks, preserved
from auditor.stats.audits import KINDS as COMPARED
from auditor.stats.audits import Difference, between
from auditor.stats.comparisons import Contrast, compare
from auditor.stats.estimates import METHODS, Estimate, bounds, estimate
from auditor.stats.planning import Goal, More, more_clusters, more_pairs
from auditor.stats.ratios import mean_of_ratios
from auditor.stats.regression import ARMS as CLEAN_ARMS
from auditor.stats.regression import BY_KIND as REGRESSED
from auditor.stats.regression import METHODS as REGRESSION
from auditor.stats.sequential import METHODS as SEQUENTIAL
from auditor.stats.sequential import sequential_method

__all__ = [
    "CLEAN_ARMS",
    "COMPARED",
    "METHODS",
    "REGRESSED",
    "REGRESSION",
    "SEQUENTIAL",
    "Contrast",
    "Difference",
    "Estimate",
    "Goal",
    "More",
    "between",
    "bounds",
    "compare",
    "correlation",
    "estimate",
    "looks",
    "mean_of_ratios",
    "more_clusters",
    "more_pairs",
    "preserved",
    "sequential_method",
]
