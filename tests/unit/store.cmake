# SPDX-License-Identifier: Apache-2.0
vatd_unit_test(store_conformance_test unit/store_conformance_test.c unit/store_fixture.c LINK vatd_store)
vatd_unit_test(store_sqlite_test unit/store_sqlite_test.c unit/store_fixture.c LINK vatd_store)
vatd_unit_test(store_query_test unit/store_query_test.c unit/store_fixture.c LINK vatd_store)
vatd_unit_test(store_fault_test unit/store_fault_test.c unit/store_fixture.c LINK vatd_store vatd_fault_vfs)
