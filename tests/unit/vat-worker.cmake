# SPDX-License-Identifier: Apache-2.0
# The worker: its pure parts, and the whole program over its channel.

vatd_unit_test(cesu8_test unit/cesu8_test.c LINK vatd_worker_parts)

set(VAT_CODE_DIR ${CMAKE_BINARY_DIR}/tests/vats)
set(VAT_CODE)
foreach(vat probe durable storage)
  add_custom_command(
    OUTPUT ${VAT_CODE_DIR}/${vat}.code.js
    COMMAND ${ESBUILD} tests/unit/vats/${vat}.js --bundle --format=iife --global-name=__vatExports__ --target=es2022
            --legal-comments=none --minify-whitespace --log-level=warning --outfile=${VAT_CODE_DIR}/${vat}.code.js
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/unit/vats/${vat}.js ${CMAKE_SOURCE_DIR}/package-lock.json
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "Bundling the vat ${vat}"
    VERBATIM)
  list(APPEND VAT_CODE ${VAT_CODE_DIR}/${vat}.code.js)
endforeach()
add_custom_target(unit_test_vats DEPENDS ${VAT_CODE})

foreach(test worker_test liveslots_test)
  vatd_unit_test(${test} unit/${test}.c unit/worker_harness.c LINK vatd_wire vatd_worker_snapshot PkgConfig::JANSSON)
  target_compile_definitions(${test} PRIVATE WORKER_BUILD_DIR="${CMAKE_BINARY_DIR}" VAT_CODE_DIR="${VAT_CODE_DIR}")
  add_dependencies(${test} unit_test_vats)
endforeach()
