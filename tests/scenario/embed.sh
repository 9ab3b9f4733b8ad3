#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# examples/embed.c, compiled against an installed copy with nothing but pkg-config (and once with the CMake package), hosts a
# counter and serves it.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
cd "$WORK" || exit 1

prefix=$WORK/prefix
PKG_CONFIG_PATH=$(printf '%s:' "$prefix"/lib{,64,/*-linux-gnu}/pkgconfig)
cmake --install "$BUILD" --prefix "$prefix" >install.log 2>&1
is "$?" 0 "the build is installed into a prefix"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name vatd.pc)")
export PKG_CONFIG_PATH
flags=-Wall # a build with sanitizers needs them in its host too
grep -q '^VATD_SANITIZE:BOOL=ON$' "$BUILD/CMakeCache.txt" && flags="-Wall -fsanitize=address,undefined"

# shellcheck disable=SC2046,SC2086
try cc $flags -Wextra -Werror "$ROOT/examples/embed.c" -o embed $(pkg-config --cflags --libs vatd)
is "$status$err" 0 "the example compiles with what pkg-config says"
cp "$ROOT/examples/embed-counter.js" .
BIN=$prefix/bin
try vat bundle embed-counter.js
is "$status" 0 "the installed vat bundles its vat"

VATD_PROGRAMS=$(find "$prefix" -name vat-worker -printf '%h')
export VATD_PROGRAMS
embed() { timeout 120 ./embed hub.sqlite "$WORK/embed-counter.bundle" 2>stamps; }
says "the first run launches the counter, and it counts" 1 embed
is "$(cat stamps)" "stamped: 1" "the counter called the service"
says "the next process goes on" 2 embed
is "$(cat stamps)" "stamped: 2" "the counter still has the service"
fails "a database that cannot be opened is an error of the library" 1 "embed: " \
  timeout 120 ./embed /nonexistent/hub.sqlite "$WORK/embed-counter.bundle"
fails "a launch that fails is an answer" 1 "nothing.bundle" timeout 120 ./embed other.sqlite /nothing.bundle

says "the installed vat starts the installed vatd, and it finds its workers" "counter  v1  ko1" \
  env -u VATD_PROGRAMS timeout 120 "$prefix/bin/vat" run "$ROOT/examples/counter.js"

mkdir package && cat >package/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.25)
project(host LANGUAGES C)
find_package(vatd REQUIRED)
add_executable(host $ROOT/examples/embed.c)
target_link_libraries(host PRIVATE vatd::vatd)
END
try cmake -S package -B package/build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="$flags"
is "$status" 0 "a CMake project finds the package"
try cmake --build package/build
is "$status" 0 "and builds with it"
finish
