#!/usr/bin/env bash
# Pillow inverts a grey TIFF image whose zero is white if it has 8 bits, and leaves it negative if it has 16.
#
# Behaviour: the tag PhotometricInterpretation = 0 says that the level zero is white. Pillow opens 8 bits of that kind
#   as mode "L" with zero black, as all its grey images are. Of 16 bits (mode "I;16") it hands over the stored levels:
#   the same picture is its own negative. Nothing warns, and the mode does not tell.
# Versions: Pillow 13.0.0, numpy 2.4.6, tifffile 2026.3.3 (which writes the files).
# Context: folders of TIFF images of scanners and X-ray detectors, some of which store white at zero. A learned
#   regulariser trained on negatives and photographs alike is silently another one.
# Seen: black stored as the highest level, white as zero, as Pillow reads them
#     bits   black    white
#     8      0        255
#     16     65535    0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet pillow==13.0.0 numpy==2.4.6 tifffile==2026.3.3
venv/bin/python - <<'PYTHON'
import numpy as np
import tifffile
from PIL import Image

found = {}
print("bits   black    white")
for kind in (np.uint8, np.uint16):
    bits, top = np.iinfo(kind).bits, np.iinfo(kind).max
    picture = np.zeros((16, 16), kind)
    picture[:, 0] = top
    tifffile.imwrite("picture.tif", picture, photometric="miniswhite")
    read = np.asarray(Image.open("picture.tif"))
    found[bits] = int(read[0, 0]), int(read[0, 1])
    print(f"{bits:<6} {found[bits][0]:<8} {found[bits][1]}")
assert found[8] == (0, 255), "changed: 8 bits are not inverted any more"
assert found[16] == (65535, 0), "changed: 16 bits are inverted too"
PYTHON
