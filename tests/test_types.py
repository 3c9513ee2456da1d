"""Words: their spelling is in files, so it may not change; a user's mistake is one line wherever it was made."""

import pickle

import pytest

from leadline.types import DepthKind, KindError, Material, ScaleSource, UserError


def test_words__spelling_is_part_of_the_formats():
    assert [str(kind) for kind in DepthKind] == ["metric", "scale_invariant", "affine_invariant", "affine_invariant_inverse"]
    assert [str(source) for source in ScaleSource] == ["none", "training", "median", "points", "focal", "baseline", "truth"]
    assert {m.name: int(m) for m in Material} == {"DIFFUSE": 0, "GLOSSY": 1, "METAL": 2, "MIRROR": 3, "GLASS": 4, "SKY": 5}


@pytest.mark.parametrize("kind", [UserError, KindError])
def test_user_error__one_line_that_survives_processes(kind: type[UserError]):
    error = kind("photo.jpg", "is cut short", "copy it again")
    back = pickle.loads(pickle.dumps(error))
    for e in (error, back):
        assert type(e) is kind
        assert str(e) == "photo.jpg: is cut short; copy it again"
        assert e.subject == "photo.jpg"


def test_kind_error__is_a_user_error():
    assert issubclass(KindError, UserError)
