# SPDX-License-Identifier: Apache-2.0
vatd_unit_test(base_test unit/base_test.c LINK vatd_base)
