"""Every feature is described in tests/features.py, so the tests of all features are about it."""

from pathlib import Path

from features import FEATURES

from butter.cli import _probes

# of the source tree: an installed package has none
BUILDERS = {path.stem for path in Path(__file__).resolve().parents[2].glob("butter/build/*.py")}

# not a feature: what the event objects of all features share
SHARED = {"eventlike"}


def test_every_feature_is_described():
    """Each builder has one description, and each description a builder."""
    assert sorted(feature.name for feature in FEATURES) == sorted(BUILDERS - SHARED)


def test_every_feature_has_a_probe():
    """``butter doctor`` tries each of them."""
    assert {probe.name for probe in _probes.FEATURES} == {feature.name for feature in FEATURES}
