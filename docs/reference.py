"""Builds the API reference out of the docstrings: python docs/reference.py FOLDER"""

import sys
import warnings
from pathlib import Path

import pdoc

import lpg

PARTS = (
    "agents",
    "analysis",
    "environments",
    "evaluation",
    "learner",
    "meta_training",
    "sinks",
    "trackers",
    "types",
    "update_rules",
)

# optax's type of a state refers to itself by a name that only optax knows.
warnings.filterwarnings("ignore", "Error parsing type annotation .*ForwardRef\\('ArrayTree'\\)", UserWarning)
# The package imports a public name when it is asked for; pdoc shows what is there.
for name in lpg.__all__:
    setattr(lpg, name, getattr(lpg, name))
pdoc.render.configure(docformat="google", footer_text=f"lpg {lpg.__version__}")
pdoc.pdoc("lpg", *(f"lpg.{part}" for part in PARTS), output_directory=Path(sys.argv[1]))
