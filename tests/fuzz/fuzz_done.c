/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_done.c - what workers may do to the kernel: the input is what two vats answer, to their deliveries and to the
 * question for their heaps. The kernel may end the vats; it never breaks, and what must be true of its state after every crank is true.
 */
#include "stage.h"

#include "base/check.h"
#include "kernel_image.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_image(struct store *store)
{
  static struct image image;
  struct arena arena;
  arena_init(&arena);
  if (!image_read(&image, store, &arena)) {
    fprintf(stderr, "%s\n", image.wrong);
    CHECK(!"what must be true of the kernel's state");
  }
  image_fini(&image);
  arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct stage stage;
  struct error error;
  stage_open(&stage);
  stage.script = bytes_from(data, size);
  stage.steps = 2000;
  stage_call(&stage, 5, "alice", "ko2");
  stage_call(&stage, 7, "bob", NULL);
  stage_call(&stage, 9, "ko1", "ko1");
  CHECK(!kernel_broken(stage.kernel));
  if (stage.steps > 0)
    check_image(stage.store);
  stage.steps = 2000;
  stage_rest(&stage);
  CHECK(!kernel_broken(stage.kernel));
  if (stage.steps > 0)
    check_image(stage.store);
  CHECK(stage_reopen(&stage, &error));
  stage_pump(&stage);
  CHECK(!kernel_broken(stage.kernel));
  stage_close(&stage);
  return 0;
}
