# SPDX-License-Identifier: Apache-2.0
vatd_unit_test(wire_frame_test unit/wire_frame_test.c unit/wire_frames.c LINK vatd_wire vatd_base)
