# SPDX-License-Identifier: Apache-2.0
# VATD_STATIC_WORKER: vat-worker loads no library at all, where the system has what that takes. It is as position-independent and hardened
# as before; it starts faster, and what a library has of its own in each process is not there.
include(CheckCSourceCompiles)
find_library(JANSSON_STATIC libjansson.a HINTS ${JANSSON_LIBRARY_DIRS})
find_library(MSGPACK_STATIC libmsgpackc.a HINTS ${MSGPACK_LIBRARY_DIRS})
if(VATD_HARDEN AND JANSSON_STATIC AND MSGPACK_STATIC)
  set(CMAKE_REQUIRED_FLAGS -fPIE)
  set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie)
  set(CMAKE_REQUIRED_LIBRARIES m)
  check_c_source_compiles("#include <math.h>\nint main(int argc, char **argv) { (void)argv; return (int)pow(argc, 0.5); }" VATD_STATIC_WORKER)
  unset(CMAKE_REQUIRED_FLAGS)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  unset(CMAKE_REQUIRED_LIBRARIES)
endif()
