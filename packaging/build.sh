#!/bin/sh
# Builds the Debian package, with manual pages and completions made by the program itself.
# Needs cargo-deb: cargo install cargo-deb
set -e
cd "$(dirname "$0")/.."
cargo build --release
program="${CARGO_TARGET_DIR:-target}/release/tieout"
made=target/packaging
rm -rf "$made"
mkdir -p "$made"
"$program" man --out "$made/man"
"$program" completions bash > "$made/tieout.bash"
"$program" completions zsh > "$made/_tieout"
"$program" completions fish > "$made/tieout.fish"
exec cargo deb --no-build "$@"
