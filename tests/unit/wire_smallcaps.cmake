# SPDX-License-Identifier: Apache-2.0
vatd_unit_test(wire_smallcaps_test unit/wire_smallcaps_test.c LINK vatd_wire)
vatd_unit_test(wire_capdata_check_test unit/wire_capdata_check_test.c LINK vatd_wire vatd_base)
