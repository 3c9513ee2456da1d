"""Pictures that int8 is calibrated on: enough of them, readable, and not black."""

from pathlib import Path

from leadline.export.pictures import Case, is_black, photographs, picture_files
from leadline.io.exported import Exported
from leadline.types import UserError

FEWEST = 8
"""Pictures below which ranges of activations are a matter of chance (our default)."""
MOST = 128
"""Pictures that are read of a folder; more change nothing but the time it takes."""


def calibration_cases(folder: Path, about: Exported) -> list[Case]:
    """The pictures of `folder` at the size of the network; a network of several cameras sees the same picture in all of them.

    Raises UserError for too few pictures, for one that cannot be read, and where too few of them show anything.
    """
    found = picture_files(folder)
    if len(found) < FEWEST:
        raise UserError(folder, f"holds {len(found)} picture{'s' if len(found) > 1 else ''}", f"int8 needs at least {FEWEST}")
    cases = photographs(folder, views=about.views, height=about.height, width=about.width, most=MOST)
    shown = [case for case in cases if not is_black(case.images)]
    if not shown:
        raise UserError(folder, f"all of its {len(cases)} pictures are black", "give pictures of what the network will see")
    if len(shown) < FEWEST:
        wrong = f"{len(cases) - len(shown)} of its {len(cases)} pictures are black"
        raise UserError(folder, wrong, f"give at least {FEWEST} that show something")
    return shown
