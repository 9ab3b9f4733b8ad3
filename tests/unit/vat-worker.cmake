# SPDX-License-Identifier: Apache-2.0
# The worker: its pure parts, and the whole program over its channel.

vatd_unit_test(vatstore_cache_test unit/vatstore_cache_test.c LINK vatd_worker_parts)
vatd_unit_test(cesu8_test unit/cesu8_test.c LINK vatd_worker_parts)

set(PROBE_CODE ${CMAKE_BINARY_DIR}/tests/probe.code.js)
add_custom_command(
  OUTPUT ${PROBE_CODE}
  COMMAND ${ESBUILD} tests/unit/vats/probe.js --bundle --format=iife --global-name=__vatExports__ --target=es2022
          --legal-comments=none --minify-whitespace --log-level=warning --outfile=${PROBE_CODE}
  DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/unit/vats/probe.js ${CMAKE_SOURCE_DIR}/package-lock.json
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  COMMENT "Bundling the probe vat"
  VERBATIM)
vatd_unit_test(worker_test unit/worker_test.c unit/worker_harness.c ${PROBE_CODE} LINK vatd_wire vatd_worker_snapshot)
target_compile_definitions(worker_test PRIVATE WORKER_BUILD_DIR="${CMAKE_BINARY_DIR}" PROBE_CODE="${PROBE_CODE}")
