#!/usr/bin/env bash
# From a fresh clone to a fine-tuned detector that finds solar panels: sets up .venv, installs, renders demo data,
# fine-tunes, lists the store and predicts. Pictures to look at are left in demo/predictions/.
#
# Weights: yolo26n.pt from $YOLOW_WEIGHTS_DIR, yolow's cache, or the official download (checksum verified). Where
# none of these can be had, a small base network is trained from random weights first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
yolow_setup ""

say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

rm -rf demo/predictions
say "Render a small demo data set: solar panels on roofs, seen from above"
run python scripts/render_solar.py demo/solar --train 120 --val 40 --size 320 --seed 0

say "Get COCO-pretrained weights and predict the sample photograph"
if run yolow predict bus.jpg --out demo/predictions; then
    weights=yolo26n.pt epochs=8
else
    say "yolo26n.pt can't be had here (see above). Training a small base from random weights on other rendered images"
    run python scripts/render_solar.py demo/base --train 400 --val 60 --size 192 --seed 1
    run yolow train --model yolo26n.yaml --data demo/base/data.yaml --name base --epochs 25 --imgsz 160 \
        --optimizer AdamW --set lr0=0.002 --set nbs=16 --set warmup_epochs=2 --set close_mosaic=8
    weights=base epochs=8
fi

say "Fine-tune on the demo data: a new version in the store"
run yolow finetune --data solar.yaml --weights "$weights" --name solar --epochs "$epochs" --imgsz 320

say "What the store holds now"
run yolow weights list

say "Predict the demo's validation images with the new version"
run yolow predict demo/solar/images/val --weights solar --imgsz 320 --out demo/predictions --save-json

say "Done. Look at the annotated pictures in demo/predictions/, and at the version in weights/solar/."
