/* SPDX-License-Identifier: Apache-2.0 */
/* vat-worker/heap_place.c - see heap_place.h. */
#include "vat-worker/heap_place.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTHING (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static bool map_file(struct heap_place *place, int fd)
{
  struct stat status;
  if (fstat(fd, &status) != 0 || (size_t)status.st_size > LIMIT_CODE_IMAGE)
    return false;
  place->mapped = (size_t)status.st_size;
  return mmap(place->base, place->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0) == place->base;
}

enum vatd_code heap_place_open(struct heap_place *place, uintptr_t address, int fd, struct error *error)
{
  *place = (struct heap_place){0};
  if (address == 0 || address % (size_t)getpagesize() != 0)
    return error_set(error, VATD_INVALID, "no address for a heap");
  char *base = mmap((void *)address, HEAP_PLACE_SIZE, PROT_NONE, NOTHING | MAP_FIXED_NOREPLACE, -1, 0);
  if (base == MAP_FAILED)
    return error_set_errno(error, VATD_IO, errno, "no room for a heap");
  place->base = base;
  if ((uintptr_t)base == address && (fd < 0 || map_file(place, fd)))
    return VATD_OK;
  munmap(base, HEAP_PLACE_SIZE);
  *place = (struct heap_place){0};
  return error_set(error, VATD_IO, "the heap's place cannot be had");
}

/* What of the file is no page of a heap lies where chunks will be, or beyond all. */
static bool clear_rest(const struct heap_place *place, size_t used)
{
  return mmap(place->base + used, HEAP_PLACE_SIZE - used, PROT_NONE, NOTHING | MAP_FIXED, -1, 0) == place->base + used;
}

bool heap_place_lay_out(struct heap_place *place, size_t slots_size, struct bytes pages)
{
  size_t page = (size_t)getpagesize();
  if (!place->base || slots_size == 0 || slots_size > LIMIT_CODE_IMAGE - page)
    return false;
  if (pages.size && (pages.size < slots_size || pages.size + page > place->mapped))
    return false;
  char *slots = place->base + page;
  if (!clear_rest(place, pages.size ? page + pages.size : 0) || mprotect(slots, slots_size, PROT_READ | PROT_WRITE) != 0)
    return false;
  place->slots = slots;
  place->slots_size = slots_size;
  place->chunks = slots + slots_size;
  place->pages = pages;
  return true;
}

/* How much from `from` on is equal to the file, in whole pages, or is not. */
static size_t run(const struct heap_place *place, size_t from, bool equal)
{
  size_t page = (size_t)getpagesize();
  size_t to = from;
  while (to < place->pages.size && (memcmp(place->slots + to, place->pages.data + to, page) == 0) == equal)
    to += page;
  return to - from;
}

void heap_place_share(const struct heap_place *place)
{
  size_t page = (size_t)getpagesize();
  for (size_t at = 0; place->slots && at < place->pages.size / page * page;) {
    size_t equal = run(place, at, true);
    if (equal > 0)
      madvise(place->slots + at, equal, MADV_DONTNEED);
    at += equal;
    at += run(place, at, false);
  }
  if (place->pages.size)
    madvise((void *)place->pages.data, place->pages.size, MADV_DONTNEED); /* looked at again next time */
}
