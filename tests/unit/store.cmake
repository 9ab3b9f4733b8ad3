# SPDX-License-Identifier: Apache-2.0
vatd_unit_test(store_conformance_test unit/store_conformance_test.c unit/store_fixture.c LINK vatd_store)
