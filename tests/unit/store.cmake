# SPDX-License-Identifier: Apache-2.0
vatd_unit_test(store_conformance_test unit/store_conformance_test.c unit/store_fixture.c LINK vatd_store)
vatd_unit_test(store_sqlite_test unit/store_sqlite_test.c unit/store_fixture.c LINK vatd_store)
vatd_unit_test(store_query_test unit/store_query_test.c unit/store_fixture.c LINK vatd_store)
vatd_unit_test(store_fault_test unit/store_fault_test.c unit/store_fixture.c LINK vatd_store vatd_fault_vfs)
vatd_unit_test(store_corruption_test unit/store_corruption_test.c unit/store_files.c unit/store_load.c unit/store_fixture.c
  LINK vatd_store vatd_disk_vfs)
# The negative control: what is read is not verified.
vatd_unit_test(store_unverified_test unit/store_corruption_test.c unit/store_files.c unit/store_load.c unit/store_fixture.c
  ${CMAKE_SOURCE_DIR}/src/store/checksum_vfs.c ${CMAKE_SOURCE_DIR}/src/store/page_sums.c
  LINK vatd_store vatd_disk_vfs)
target_compile_definitions(store_unverified_test PRIVATE VATD_UNSAFE_UNVERIFIED)
vatd_unit_test(store_power_test unit/store_power_test.c unit/store_files.c unit/store_load.c unit/store_fixture.c
  LINK vatd_store vatd_disk_vfs)
vatd_unit_test(store_migration_test unit/store_migration_test.c unit/store_load.c unit/store_fixture.c
  LINK vatd_store vatd_fault_vfs vatd_disk_vfs)
# The negative control: the new file is in place before it is filled.
vatd_unit_test(store_unsafe_migration_test unit/store_migration_test.c unit/store_load.c unit/store_fixture.c
  ${CMAKE_SOURCE_DIR}/src/store/sqlite_make.c
  LINK vatd_store vatd_fault_vfs vatd_disk_vfs)
target_compile_definitions(store_unsafe_migration_test PRIVATE VATD_UNSAFE_PUBLISH_FIRST)
foreach(program store_migration_test store_unsafe_migration_test)
  target_compile_definitions(${program} PRIVATE FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures")
endforeach()
