#!/bin/sh
# Stands between a client and the gateway and keeps every byte of both directions, in files named by its process id.
tee "$AIRLOCK_TAP/$$.in" | "$AIRLOCK_GATEWAY" | tee "$AIRLOCK_TAP/$$.out"
