"""What is trained: settings and seeds, on how many images, and for how long."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .image_sets import DIGITS, FACE, FACES, ImageSource, SplitSize
from .rows import TIED, UNTIED, EquilibriumTrainingRow
from .settings import BASE, DEBLURRING, DENOISING, INPAINTING, SIDE, DigitSetting, FaceSetting
from .training import Schedule

SEEDS = (0, 1, 2)
MODELS = (TIED, UNTIED)
DIGIT_SETTINGS = (
    BASE,
    replace(BASE, noise=0.5),
    replace(BASE, gamma=1.0),
    replace(BASE, tau=0.1),
    replace(BASE, tau=2.1),
    replace(BASE, task=INPAINTING),
    replace(BASE, task=DEBLURRING),
)
FACE_SETTING = FaceSetting(2, 11)
DIGIT_SIZE, QUICK_DIGIT_SIZE = SplitSize(1000, 500, (SIDE, SIDE)), SplitSize(20, 10, (SIDE, SIDE))
FACE_SIZE, QUICK_FACE_SIZE = SplitSize(10, 10, (64, 64)), SplitSize(2, 2, (16, 16))
WHOLE_FACE_SIZE = SplitSize(10, 10, FACE)
DENOISING_SCHEDULE, ILL_POSED_SCHEDULE, QUICK_SCHEDULE = Schedule(100, 10), Schedule(100, 5), Schedule(10, 1)
"""Where the mask or the blur loses something, a step takes ten times as many iterations."""
FACE_SCHEDULE, QUICK_FACE_SCHEDULE = Schedule(10, 50), Schedule(2, 2)
ITERATIONS, QUICK_ITERATIONS = 1000, 30
"""Plain ones, of the timed step on faces."""


def trained_settings(quick: bool) -> Sequence[DigitSetting | FaceSetting]:
    """Return those that are trained, the faces last."""
    return (BASE, FACE_SETTING) if quick else (*DIGIT_SETTINGS, FACE_SETTING)


def images_of(setting: DigitSetting | FaceSetting, folder: Path | None, quick: bool) -> ImageSource:
    """Return what a setting is trained and tested on."""
    if isinstance(setting, FaceSetting):
        return ImageSource(FACES, folder, QUICK_FACE_SIZE if quick else FACE_SIZE)
    return ImageSource(DIGITS, folder, QUICK_DIGIT_SIZE if quick else DIGIT_SIZE)


def schedule_of(setting: DigitSetting | FaceSetting, quick: bool) -> Schedule:
    """Return how long a setting is trained."""
    if isinstance(setting, FaceSetting):
        return QUICK_FACE_SCHEDULE if quick else FACE_SCHEDULE
    whole = DENOISING_SCHEDULE if setting.task == DENOISING else ILL_POSED_SCHEDULE
    return QUICK_SCHEDULE if quick else whole


def missing_trainings(rows: Sequence[EquilibriumTrainingRow]) -> str:
    """Say how many trainings of a whole run are not among the rows; empty for none."""
    wanted = {
        (setting.name, seed, model)
        for setting in trained_settings(quick=False)
        for seed in SEEDS
        for model in MODELS
    }
    missing = len(wanted - {(row["setting"], row["seed"], row["model"]) for row in rows})
    return f"{missing} of {len(wanted)} trainings are not measured yet" if missing else ""
