# SPDX-License-Identifier: Apache-2.0
# The worker: its pure parts, and the whole program over its channel.

vatd_unit_test(cesu8_test unit/cesu8_test.c LINK vatd_worker_parts)
vatd_unit_test(heap_place_test unit/heap_place_test.c LINK vatd_worker_parts)
vatd_unit_test(image_test unit/image_test.c LINK vatd_worker_parts)
vatd_unit_test(source_scan_test unit/source_scan_test.c LINK vatd_worker_parts)

set(VAT_CODE_DIR ${CMAKE_BINARY_DIR}/tests/vats)
set(VAT_CODE)
foreach(vat probe durable storage chance heap toplevel)
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

# The scripts of other workers that oracle_test compares with: without C in the place of the packages' JavaScript, and with defects.
# other_script(NAME SOURCE OPTION...)
set(ORACLE ${CMAKE_CURRENT_SOURCE_DIR}/unit/oracle)
file(GLOB ORACLE_SOURCES CONFIGURE_DEPENDS ${ORACLE}/*.js)
set(OTHER_SCRIPTS)
function(other_script name source)
  set(output ${CMAKE_BINARY_DIR}/tests/${name})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E env NODE_PATH=${CMAKE_SOURCE_DIR}/node_modules ${ESBUILD} js/${source} --bundle --format=iife --target=es2022 [[--banner:js="use strict";]]
            --legal-comments=none --log-level=warning --outfile=${output} ${ARGN}
    DEPENDS ${ORACLE_SOURCES} ${CMAKE_BINARY_DIR}/vat-supervisor.js ${CMAKE_BINARY_DIR}/vat-boot.js
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "Bundling ${name}"
    VERBATIM)
  set(OTHER_SCRIPTS ${OTHER_SCRIPTS} ${output} PARENT_SCOPE)
endfunction()
other_script(plain-boot.js boot.js --inject:${ORACLE}/plain-harden.js)
other_script(plain-supervisor.js supervisor.js --inject:${ORACLE}/plain-style.js ${URL_SOURCE})

# Defects in what the host gives: a script that is run before all else.
other_script(shallow-boot.js boot.js --inject:${ORACLE}/shallow.js ${OURS_FOR_BOOT})
foreach(wrong wrong-style wrong-smallcaps wrong-vref wrong-match)
  other_script(${wrong}-supervisor.js supervisor.js --inject:${ORACLE}/${wrong}.js ${URL_SOURCE} ${OURS_FOR_ENDO})
endforeach()

# Defects in modules of ours. with_wrong(NAME MODULE): tests/NAME has the modules of js/CMakeLists.txt's NAME, but for a wrong MODULE.
function(with_wrong name module)
  set(to ${CMAKE_BINARY_DIR}/tests/${name})
  file(REMOVE_RECURSE ${to})
  file(COPY ${CMAKE_BINARY_DIR}/${name} DESTINATION ${CMAKE_BINARY_DIR}/tests)
  file(CREATE_LINK ${ORACLE}/wrong-${module} ${to}/src/${module} SYMBOLIC)
endfunction()
with_wrong(liveslots cache.js)
with_wrong(eventual-send postponed.js)
string(REPLACE ${CMAKE_BINARY_DIR}/ ${CMAKE_BINARY_DIR}/tests/ wrong_for_boot "${OURS_FOR_BOOT}")
string(REPLACE ${CMAKE_BINARY_DIR}/ ${CMAKE_BINARY_DIR}/tests/ wrong_for_endo "${OURS_FOR_ENDO}")
string(REPLACE ./js/errors.js ./tests/unit/oracle/wrong-errors.js wrong_errors "${OURS_FOR_ENDO}")
other_script(wrong-postponed-boot.js boot.js ${wrong_for_boot})
other_script(wrong-cache-supervisor.js supervisor.js ${URL_SOURCE} ${wrong_for_endo})
other_script(wrong-errors-supervisor.js supervisor.js ${URL_SOURCE} ${wrong_errors})
add_custom_target(other_worker_scripts DEPENDS ${OTHER_SCRIPTS})
add_dependencies(other_worker_scripts vat_scripts)
add_dependencies(unit_test_vats other_worker_scripts)

# worker_unit_test(NAME SOURCE... LINK LIBRARY...): with worker processes, or the engine in its own.
function(worker_unit_test name)
  vatd_unit_test(${name} unit/${name}.c unit/worker_harness.c ${ARGN} vatd_wire vatd_worker_snapshot PkgConfig::JANSSON)
  target_compile_definitions(${name} PRIVATE WORKER_BUILD_DIR="${CMAKE_BINARY_DIR}" VAT_CODE_DIR="${VAT_CODE_DIR}")
  add_dependencies(${name} unit_test_vats)
endfunction()
worker_unit_test(worker_test LINK)
worker_unit_test(liveslots_test LINK)
worker_unit_test(oracle_test unit/random_delivery.c LINK)
worker_unit_test(hibernation_test unit/local_vat.c unit/random_delivery.c LINK vatd_engine)
worker_unit_test(code_image_test unit/local_vat.c LINK vatd_engine)
set_target_properties(hibernation_test code_image_test PROPERTIES INTERPROCEDURAL_OPTIMIZATION ${VATD_LTO})
