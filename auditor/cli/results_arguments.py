"""Arguments of the commands that read a results folder."""

from __future__ import annotations

import argparse

from auditor.cli import ci, languages
from auditor.cli.command_parser import Commands, add_command
from auditor.cli.paths import path as _path


def gate(commands: Commands) -> None:
    """Add ``audit gate``."""
    parser = add_command(
        commands,
        "gate",
        "Judge a results folder, optionally by another policy or against an earlier audit.",
        "  audit gate audit/\n  audit gate audit/ --policy strict.toml --json\n"
        "  audit gate audit/ --against audit-1.3/ --tolerance accuracy=0.02\n"
        "  audit gate audit/ --waivers waivers.toml --ci ci/",
    )
    parser.add_argument("results", type=_path, help="the folder that audit run wrote")
    parser.add_argument("--policy", type=_path, help="the policy.toml to judge by (default: the audit's)")
    against = "an earlier audit: also fail what became worse than in it, beyond a tolerance"
    parser.add_argument("--against", type=_path, metavar="OLD", help=against)
    _compared(parser)
    ci.add(parser)
    parser.add_argument("--json", action="store_true", help="print the decision as JSON")
    parser.add_argument("--quiet", action="store_true", help="print only the decision, without verdicts")


def compare(commands: Commands) -> None:
    """Add ``audit compare``."""
    parser = add_command(
        commands,
        "compare",
        "Compare the candidates of two results folders, slice by slice.",
        "  audit compare audit-1.3/ audit-1.4/\n  audit compare old/ new/ --out comparison.html\n"
        "  audit compare old/ new/ --tolerance accuracy=0.02 --json",
    )
    parser.add_argument("old", type=_path, help="the folder of the earlier audit")
    parser.add_argument("new", type=_path, help="the folder of the later audit")
    parser.add_argument("--policy", type=_path, help="the policy.toml that says what is required (default: new's)")
    _compared(parser)
    parser.add_argument("--out", type=_path, metavar="PAGE", help="also write a page, whose name ends in .html")
    languages.add(parser)
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


def _compared(parser: argparse.ArgumentParser) -> None:
    """Add what says how two audits are compared."""
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="METRIC=X",
        help="worsening that is accepted, in the metric's unit; repeatable (default: the rule's margin, else 0.05)",
    )
    unpaired = "compare audits of other data, seeds or settings too, as independent samples"
    parser.add_argument("--unpaired", action="store_true", help=unpaired)


def report(commands: Commands) -> None:
    """Add ``audit report``."""
    parser = add_command(
        commands,
        "report",
        "Rewrite the scorecard of a results folder.",
        "  audit report audit/\n  audit report audit/ --policy strict.toml --out page.html\n"
        "  audit report audit/ --against audit-1.3/ --out page.html\n"
        "  audit report audit/ --language zh --out page-zh.html",
    )
    parser.add_argument("results", type=_path, help="the folder that audit run wrote")
    parser.add_argument("--policy", type=_path, help="the policy.toml to judge by (default: the audit's)")
    against = "an earlier audit: the page says how each row changed since"
    parser.add_argument("--against", type=_path, metavar="OLD", help=against)
    _compared(parser)
    parser.add_argument("--out", type=_path, help="the page to write (default: scorecard.html in the folder)")
    languages.add(parser)


def review(commands: Commands) -> None:
    """Add ``audit review``."""
    parser = add_command(
        commands,
        "review",
        "Say what a filled-in table of an audit shows: the share confirmed, and the metric with corrected labels. With "
        "--export, write a table of changed texts to label by hand; read back, it says how often their label survives.",
        "  audit review audit/review.csv\n  audit review checked.csv --results audit/ --json\n"
        "  audit review --export audit/ --out texts.csv\n  audit review texts.csv --results audit/",
    )
    parser.add_argument(
        "file",
        type=_path,
        nargs="?",
        help="the table that audit run or --export wrote, filled in by a reviewer (CSV)",
    )
    parser.add_argument(
        "--export",
        type=_path,
        metavar="DIR",
        help="write changed texts of the audit in this folder, mixed with unchanged ones, for hand labels",
    )
    parser.add_argument("--rows", type=int, metavar="N", help="changed texts that --export writes (default: 50)")
    parser.add_argument(
        "--out", type=_path, help="the file that --export writes (default: beside the folder, DIR-labels.csv)"
    )
    parser.add_argument(
        "--results", type=_path, metavar="DIR", help="the folder that audit run wrote (default: the file's folder)"
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")


def export_cases(commands: Commands) -> None:
    """Add ``audit export-cases``."""
    parser = add_command(
        commands,
        "export-cases",
        "Write failing cases of an audit to a file, for audit run --cases and for other tools.",
        "  audit export-cases audit/ --failed --out kept.jsonl\n"
        "  audit export-cases audit/ --failed --probe noise --out noise.csv\n"
        "  audit export-cases audit/ --all --format inspect --out samples.jsonl\n"
        "  audit run --model ckpt/ --cases kept.jsonl",
    )
    parser.add_argument("results", type=_path, help="the folder that audit run wrote")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--failed",
        action="store_true",
        default=True,
        help="cases under failed verdicts whose answer is wrong, or without a gold another one (the default)",
    )
    which.add_argument(
        "--all", dest="failed", action="store_false", help="every case of the candidate, whatever its verdict"
    )
    parser.add_argument("--probe", metavar="NAME", help="cases of this probe alone")
    parser.add_argument(
        "--format",
        choices=("auditor", "inspect"),
        default="auditor",
        help="fields of a line: those of audit run --cases, or id, input, target and metadata (default: auditor)",
    )
    parser.add_argument(
        "--out", type=_path, metavar="FILE", help="the .jsonl or .csv file to write (default: print JSON lines)"
    )


def card(commands: Commands) -> None:
    """Add ``audit card``."""
    parser = add_command(
        commands,
        "card",
        "Write an audit into a model card: a section, and metrics as the Hugging Face Hub reads them.",
        "  audit card audit/\n  audit card audit/ --into ckpt/README.md",
    )
    parser.add_argument("results", type=_path, help="the folder that audit run wrote")
    parser.add_argument("--policy", type=_path, help="the policy.toml to judge by (default: the audit's)")
    parser.add_argument(
        "--into",
        type=_path,
        metavar="FILE",
        help="the README.md to write into; what is not auditor's stays as it is (default: print the section)",
    )


def export(commands: Commands) -> None:
    """Add ``audit export``."""
    parser = add_command(
        commands,
        "export",
        "Log the numbers and the page of an audit as a run of MLflow (pip install mlflow).",
        "  audit export audit/ --mlflow\n  MLFLOW_RUN_ID=… audit export audit/ --mlflow\n"
        "  audit export audit/ --mlflow --experiment reviews --run-name candidate",
    )
    parser.add_argument("results", type=_path, help="the folder that audit run wrote")
    parser.add_argument("--mlflow", action="store_true", required=True, help="log to MLflow, where its settings say")
    parser.add_argument("--experiment", metavar="NAME", help="the experiment (default: MLflow's)")
    parser.add_argument("--run-name", metavar="NAME", help="the run's name (default: MLflow's)")


def import_(commands: Commands) -> None:
    """Add ``audit import``."""
    parser = add_command(
        commands,
        "import",
        "Read answers that lm-evaluation-harness or inspect_ai graded as results: accuracy by task, with intervals.",
        "  audit import samples_hellaswag_*.jsonl --model-name my-model --out harness/\n"
        "  audit import logs/arc.json --metric match --out inspect/\n"
        "  audit gate harness/ --policy policy.toml",
    )
    parser.add_argument(
        "files",
        type=_path,
        nargs="+",
        metavar="FILE",
        help="samples_*.jsonl (--log_samples), or logs of inspect_ai (.json)",
    )
    parser.add_argument("--out", type=_path, required=True, metavar="DIR", help="the results folder to write")
    parser.add_argument(
        "--metric", metavar="NAME", help="metric or scorer (default: acc, exact_match, or the only scorer)"
    )
    better = "which scores of --metric are better, where auditor does not know"
    parser.add_argument("--better", choices=("higher", "lower"), help=better)
    parser.add_argument("--filter", metavar="NAME", help="filter of lm-evaluation-harness, where a file has several")
    parser.add_argument("--model-name", metavar="NAME", help="what to call the model (default: as the files do)")
