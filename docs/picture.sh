#!/bin/sh
# Draws docs/refused.svg, the picture in the README, from a real run of `airlock demo`. The same test compares it in CI.
set -eu
cd "$(dirname "$0")/.."
AIRLOCK_PICTURE=write cargo test -p airlock-cli --test demo the_account
