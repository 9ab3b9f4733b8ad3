#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# examples/counter-vat.c, compiled against an installed copy with nothing but pkg-config, runs. (embed.sh does it for hosts.)
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
cd "$WORK" || exit 1

prefix=$WORK/prefix
try cmake --install "$BUILD" --prefix "$prefix" --component vatd-vat
is "$status" 0 "the library for vats in C is installed into a prefix"
is "$(cd "$prefix" && find . -type f | sed 's,.*/,,' | sort | tr '\n' ' ')" "libvatd-vat.a vat.h vatd-vat.pc " \
  "it is a header, an archive and a file for pkg-config"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name vatd-vat.pc)")
export PKG_CONFIG_PATH
sanitizers='' # a build with sanitizers needs them in its programs too
grep -q '^VATD_SANITIZE:BOOL=ON$' "$BUILD/CMakeCache.txt" && sanitizers=-fsanitize=address,undefined

# build FILE PROGRAM: as anybody would.
build() {
  # shellcheck disable=SC2046
  cc -std=c11 -Wall -Wextra -Werror $sanitizers "$1" -o "$2" $(pkg-config --cflags --libs vatd-vat)
}

try build "$ROOT/examples/counter-vat.c" counter-vat
is "$status$err" 0 "the example compiles with what pkg-config says"
vat run ./counter-vat --name counter >/dev/null
says "it runs" 1 vat call counter increment
kill_daemon
rm counter-vat
says "and goes on after a kill -9, without its file" 2 vat call counter increment
says "it has the interface of counter.js" 2 vat call counter read

# Names of its own do not meet those of the library.
cat >own-names.c <<'END'
#include <vatd/vat.h>
void buffer_init(void);
void error_set(void);
void buffer_init(void) {}
void error_set(void) {}
static void root(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  (void)vat;
  (void)self;
  buffer_init();
  error_set();
  vatd_message_return(message, json_string("mine"));
}
int main(int argc, char **argv)
{
  static const struct vatd_program program = {.root = root};
  return vatd_vat_main(argc, argv, &program);
}
END
try build own-names.c own-names
is "$status$err" 0 "a program may use any name but those of the header"
vat run ./own-names >/dev/null
says "and they stay its own" '"mine"' vat call own-names anything

echo '#include <vatd/vat.h>' >cplusplus.cc
if command -v c++ >/dev/null; then
  # shellcheck disable=SC2046
  try c++ -Wall -Wextra -Werror -fsyntax-only cplusplus.cc $(pkg-config --cflags vatd-vat)
  is "$status$err" 0 "the header is C++ too"
fi
fails "a vat that is started by hand says what it is" 64 "this program is a vat" ./own-names
finish
