# SPDX-License-Identifier: Apache-2.0
# A vat's side of its channel.
vatd_unit_test(vatstore_cache_test unit/vatstore_cache_test.c LINK vatd_vat)
