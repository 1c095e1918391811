#!/usr/bin/env bash
# tifffile writes the array True, False so that other programs read False, True.
#
# Behaviour: `imwrite` of an array of bool stores one bit a pixel, True as one, and says that zero is white
#   (PhotometricInterpretation = 0). By the format's words True is then black. tifffile reads such files without
#   looking at that tag, so that its own round trip is right; Pillow, which looks, returns the opposite, and tifffile
#   returns the opposite of what a fax or a scanner stored.
# Versions: tifffile 2026.3.3, Pillow 13.0.0, numpy 2.4.6.
# Context: masks. Which pixels are known is one bit, scikit-image saves it by tifffile, and whoever opens the file with
#   another library reconstructs from the pixels that are missing.
# Seen: a mask that is True at 2 of 256 pixels
#     reader     True at
#     tifffile   2
#     Pillow     254
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet tifffile==2026.3.3 pillow==13.0.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import numpy as np
import tifffile
from PIL import Image

mask = np.zeros((16, 16), bool)
mask[3, 4:6] = True
tifffile.imwrite("mask.tif", mask)
found = {"tifffile": tifffile.imread("mask.tif"), "Pillow": np.asarray(Image.open("mask.tif"))}
print("reader     True at")
for reader, read in found.items():
    print(f"{reader:<10} {int(read.sum())}")
assert np.array_equal(found["tifffile"], mask), "changed: tifffile's own round trip"
assert np.array_equal(found["Pillow"], ~mask), "changed: both readers agree"
PYTHON
