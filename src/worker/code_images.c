/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/code_images.c - see code_images.h.
 *
 * An image is in the list with its file, or, when its bundle cannot be compiled or its heap is too large, without: then it is not tried
 * again. The list is in the order of use.
 */
#include "worker/code_images.h"

#include "base/limits.h"
#include "base/memory.h"
#include "wire/frame.h"
#include "worker/memory_file.h"

#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAKER_NICENESS 10 /* vats come first */
/* Where nothing else of a process comes to lie, on machines with 47 bits of addresses or more; elsewhere heaps have no place. */
#define LOWEST_PLACE 0x200000000000ull
#define PLACES 0x30000000ull
#define PLACE_STEP (64 * KIB) /* the largest page that there is */

struct code_image {
  struct code_image *next;
  char *hash;
  int fd; /* -1: there can be none */
  size_t size;
  uint64_t place;
};

static void drop(struct code_images *images, struct code_image **at)
{
  struct code_image *image = *at;
  *at = image->next;
  images->count--;
  images->bytes -= image->size;
  if (image->fd >= 0)
    close(image->fd);
  free(image->hash);
  free(image);
}

static void drop_oldest(struct code_images *images)
{
  struct code_image **at = &images->first;
  while ((*at)->next)
    at = &(*at)->next;
  drop(images, at);
}

static void add(struct code_images *images, char *hash, uint64_t place, struct bytes content)
{
  struct code_image *image = memory_zalloc(sizeof *image);
  *image = (struct code_image){.next = images->first, .hash = hash, .fd = -1, .place = place};
  if (content.size > 0 && content.size <= LIMIT_CODE_IMAGE)
    image->fd = memory_file("vat-code", content);
  image->size = image->fd >= 0 ? content.size : 0;
  images->first = image;
  images->count++;
  images->bytes += image->size;
  while (images->count > LIMIT_CODE_IMAGES || images->bytes > LIMIT_CODE_IMAGE_BYTES)
    drop_oldest(images);
}

/* The image, as the first one in the list from now on; NULL when the bundle is not known. */
static struct code_image *use(struct code_images *images, const char *hash)
{
  struct code_image **at = &images->first;
  while (*at && strcmp((*at)->hash, hash) != 0)
    at = &(*at)->next;
  struct code_image *image = *at;
  if (image) {
    *at = image->next;
    image->next = images->first;
    images->first = image;
  }
  return image;
}

/* ---- the maker ---- */

static void finish(struct code_images *images, struct bytes content)
{
  add(images, images->making, images->place, content);
  images->maker = NULL;
  images->making = NULL;
  buffer_fini(&images->frame);
}

/* Whatever it says, it has said it. */
static void on_maker_frame(void *context, uint64_t worker, struct bytes payload)
{
  struct code_images *images = context;
  struct worker_process *maker = images->maker;
  struct image_frame frame = {0};
  struct error error;
  (void)worker;
  if (frame_decode_image(payload, &frame, &error) != VATD_OK)
    frame.image = (struct bytes){0};
  finish(images, frame.image);
  worker_process_stop(maker);
}

static void on_maker_end(void *context, uint64_t worker, enum worker_end end, const char *detail)
{
  (void)worker, (void)end, (void)detail;
  finish(context, (struct bytes){0});
}

void code_images_want(struct code_images *images, const char *hash, struct bytes bundle)
{
  if (images->making || images->host.snapshot_fd < 0 || use(images, hash))
    return;
  if (frame_encode_compile(&images->frame, &(struct compile_frame){1, bundle}))
    images->making = memory_strdup(hash);
}

/* Nobody outside can guess it, nor can vats of other bundles. */
static uint64_t choose_place(void)
{
  uint64_t random;
  if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
    return 0;
  return LOWEST_PLACE + random % PLACES * PLACE_STEP;
}

void code_images_make(struct code_images *images)
{
  struct error error;
  if (!images->making || images->maker)
    return;
  images->place = choose_place();
  struct worker_code none = {.fd = -1, .place = images->place};
  if (worker_process_spawn(&images->host, 1, &none, DEFAULT_HEAP_BYTES, &images->maker, &error) != VATD_OK) {
    finish(images, (struct bytes){0});
    return;
  }
  setpriority(PRIO_PROCESS, (id_t)worker_process_pid(images->maker), MAKER_NICENESS);
  worker_process_send(images->maker, &images->frame, true, 0);
}

struct worker_code code_images_find(struct code_images *images, const char *hash)
{
  const struct code_image *image = use(images, hash);
  return image && image->fd >= 0 ? (struct worker_code){.fd = image->fd, .place = image->place} : (struct worker_code){.fd = -1};
}

void code_images_open(struct code_images *images, const struct worker_host *host)
{
  *images = (struct code_images){.host = *host};
  buffer_init(&images->frame, LIMIT_FRAME_TO_WORKER);
  images->host.context = images;
  images->host.on_frame = on_maker_frame;
  images->host.on_end = on_maker_end;
}

void code_images_close(struct code_images *images)
{
  if (!images)
    return;
  if (images->maker)
    worker_process_stop(images->maker);
  images->maker = NULL;
  buffer_fini(&images->frame);
  free(images->making);
  images->making = NULL;
  while (images->first)
    drop(images, &images->first);
}
