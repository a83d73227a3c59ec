#!/bin/sh
# Puts json-rules-engine where benchmarks/node_peer.py looks for it; needs npm.
set -eu
folder="${XDG_CACHE_HOME:-$HOME/.cache}/whenthen-bench"
mkdir -p "$folder"
npm install --silent --prefix "$folder" json-rules-engine
echo "json-rules-engine is in $folder"
