# SPDX-License-Identifier: Apache-2.0
# A vat's side of its channel, and the library for vats in C.
vatd_unit_test(vatstore_cache_test unit/vatstore_cache_test.c LINK vatd_vat)
vatd_unit_test(vatstore_pages_test unit/vatstore_pages_test.c LINK vatd_vat)
# The same with a cache that forgets that it has given up rows: the model must find it.
vatd_unit_test(vatstore_pages_defect_test unit/vatstore_pages_test.c ${PROJECT_SOURCE_DIR}/src/vat/vatstore_cache.c LINK vatd_vat)
target_compile_definitions(vatstore_pages_defect_test PRIVATE VATD_DEFECT_KEEPS_RANGE)
foreach(name program promises)
  vatd_unit_test(vat_${name}_test unit/vat_${name}_test.c unit/vat_probe.c unit/vat_harness.c unit/worker_harness.c
    LINK vatd_vat vatd_wire)
  target_compile_definitions(vat_${name}_test PRIVATE
    WORKER_BUILD_DIR="${CMAKE_BINARY_DIR}" VAT_CODE_DIR="${CMAKE_BINARY_DIR}/tests/vats")
endforeach()
