/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/image.c - see image.h.
 *
 * Everything of an image is bounded before it is used: the heap's size by the limit of the buffer that takes it, and zstd writes no
 * further than that. Its checksum finds what a disk did.
 */
#include "vat-worker/image.h"

#include "base/limits.h"

#define XXH_INLINE_ALL /* of libxxhash, only the header: no library more to load */
#include <endian.h>
#include <xxhash.h>
#include <zstd.h>

#define MAGIC "vatimage"
/* Measured on heaps of 2 MB: a table of this size finds all of a snapshot of 1.7 MB; higher levels are slower and find no more. */
#define LEVEL 2
#define HASH_LOG 17

struct header {
  char magic[sizeof MAGIC - 1];
  uint64_t dictionary;
  uint64_t size;
};

static uint64_t dictionary_id(struct bytes dictionary)
{
  return htole64(XXH3_64bits(dictionary.data, dictionary.size));
}

/* So large that all of the dictionary can be referred to from everywhere in the heap. */
static int window_log(size_t size)
{
  int log = ZSTD_cParam_getBounds(ZSTD_c_windowLog).lowerBound;
  while (((size_t)1 << log) < size)
    log++;
  return log;
}

static void set_up(ZSTD_CCtx *context, struct bytes heap, struct bytes dictionary)
{
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log(heap.size + dictionary.size));
  ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, HASH_LOG);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_refPrefix(context, dictionary.data, dictionary.size);
}

/* The compressed heap behind what `out` has. */
static size_t compress(struct buffer *out, struct bytes heap, struct bytes dictionary)
{
  ZSTD_CCtx *context = ZSTD_createCCtx();
  if (!context)
    return 0;
  set_up(context, heap, dictionary);
  size_t size = ZSTD_compress2(context, out->data + out->size, out->limit - out->size, heap.data, heap.size);
  ZSTD_freeCCtx(context);
  return ZSTD_isError(size) ? 0 : size;
}

enum vatd_code image_pack(struct buffer *out, struct bytes heap, struct bytes dictionary, struct error *error)
{
  struct header header = {.dictionary = dictionary_id(dictionary), .size = htole64(heap.size)};
  struct buffer packed;
  memcpy(header.magic, MAGIC, sizeof header.magic);
  buffer_init(&packed, ZSTD_compressBound(heap.size));
  buffer_reserve(&packed, packed.limit);
  packed.size = compress(&packed, heap, dictionary);
  size_t before = out->size;
  bool fits = packed.size > 0 && buffer_append(out, &header, sizeof header) && buffer_append_bytes(out, buffer_bytes(&packed));
  buffer_fini(&packed);
  if (fits)
    return VATD_OK;
  out->size = before;
  return error_set(error, VATD_LIMIT, "the heap is too large for an image");
}

static enum vatd_code check_header(struct header *header, struct bytes image, struct bytes dictionary, struct error *error)
{
  if (image.size < sizeof *header || memcmp(image.data, MAGIC, sizeof header->magic) != 0)
    return error_set(error, VATD_INVALID, "this is no image of a heap");
  memcpy(header, image.data, sizeof *header);
  header->size = le64toh(header->size);
  if (header->dictionary != dictionary_id(dictionary))
    return error_set(error, VATD_INVALID, "the image is one of another build of the worker");
  return VATD_OK;
}

/* What of the heap could be had, or an error of zstd. */
static size_t decompress(struct buffer *out, size_t size, struct bytes frame, struct bytes dictionary)
{
  ZSTD_DCtx *context = ZSTD_createDCtx();
  ZSTD_DCtx_refPrefix(context, dictionary.data, dictionary.size);
  size_t result = ZSTD_decompressDCtx(context, out->data + out->size, size, frame.data, frame.size);
  ZSTD_freeDCtx(context);
  return result;
}

enum vatd_code image_unpack(struct buffer *out, struct bytes image, struct bytes dictionary, struct error *error)
{
  struct header header;
  enum vatd_code code = check_header(&header, image, dictionary, error);
  if (code != VATD_OK)
    return code;
  if (header.size == 0 || !buffer_reserve(out, header.size))
    return error_set(error, VATD_LIMIT, "an image of %llu bytes", (unsigned long long)header.size);
  size_t size = decompress(out, header.size, bytes_after(image, sizeof header), dictionary);
  if (ZSTD_isError(size))
    return error_set(error, VATD_INVALID, "the image is damaged: %s", ZSTD_getErrorName(size));
  if (size != header.size)
    return error_set(error, VATD_INVALID, "the image is damaged: it is too small");
  out->size += size;
  return VATD_OK;
}
