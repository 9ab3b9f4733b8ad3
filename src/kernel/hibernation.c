/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/hibernation.c - see hibernation.h. */
#include "kernel/hibernation.h"
#include "base/check.h"
#include "base/sha256.h"
#include "kernel/blobs.h"
#include "kernel/crank.h"
#include "kernel/gate.h"
#include "kernel/launch.h"
#include "kernel/records.h"
#include "kernel/sleep.h"
#include "kernel/vats.h"

#define ROOM_PER_IMAGE 8 /* times its size: it goes into the log and into the database, beside others of its batch */
#define MOST_AT_ONCE 8 /* images under way before an orderly end: each is some megabytes in its worker */

/* ---- rows ---- */

static struct bytes image_key(struct kernel *k, uint64_t vat)
{
  return record_key(k, "image.%s", vat_id_text(vat).text);
}

struct image_row {
  struct bytes hash;
  uint64_t bytes;
};

static bool read_row(struct kernel *k, uint64_t vat, struct image_row *row)
{
  json_t *json = record_json(k, image_key(k, vat));
  const json_t *hash = json_object_get(json, "hash");
  const json_t *bytes = json_object_get(json, "bytes");
  bool valid = json_is_string(hash) && json_is_integer(bytes);
  KERNEL_EXPECT(k, !json || valid, "image.%s is malformed", vat_id_text(vat).text);
  if (valid) {
    row->hash = arena_copy(&k->arena, bytes_from(json_string_value(hash), json_string_length(hash)));
    row->bytes = (uint64_t)json_integer_value(bytes);
  }
  json_decref(json);
  return valid;
}

static uint64_t bytes_of_all(struct kernel *k)
{
  return record_number(k, bytes_of("imageBytes"), 0);
}

static void set_bytes_of_all(struct kernel *k, uint64_t bytes)
{
  if (bytes)
    record_put_number(k, bytes_of("imageBytes"), bytes);
  else
    record_delete(k, bytes_of("imageBytes"));
}

bool hibernation_has_image(struct kernel *k, uint64_t vat)
{
  return record_get(k, image_key(k, vat), NULL);
}

uint64_t hibernation_image_bytes(struct kernel *k, uint64_t vat)
{
  struct image_row row;
  return read_row(k, vat, &row) ? row.bytes : 0;
}

bool hibernation_read_image(struct kernel *k, uint64_t vat, struct buffer *image)
{
  struct image_row row;
  char hex[SHA256_HEX_SIZE];
  if (!read_row(k, vat, &row))
    return true;
  if (!blob_find(k, row.hash, image))
    return false;
  sha256_hex(buffer_bytes(image), hex);
  return image->size > 0 && bytes_is(row.hash, hex);
}

void hibernation_forget(struct kernel *k, uint64_t vat)
{
  struct image_row row;
#ifdef VATD_DEFECT_KEPT_IMAGE /* the negative control of the simulator */
  return;
#endif
  if (!read_row(k, vat, &row))
    return;
  uint64_t all = bytes_of_all(k);
  KERNEL_EXPECT(k, all >= row.bytes, "imageBytes is less than the image of %s", vat_id_text(vat).text);
  blob_drop(k, row.hash);
  record_delete(k, image_key(k, vat));
  set_bytes_of_all(k, all - row.bytes);
}

static void store_image(struct kernel *k, uint64_t vat, struct bytes image)
{
  crank_begin(k);
  struct bytes hash = blob_add(k, image);
  json_t *row = json_pack("{s:s%, s:I}", "hash", hash.data, hash.size, "bytes", (json_int_t)image.size);
  record_put_json(k, image_key(k, vat), row);
  json_decref(row);
  set_bytes_of_all(k, bytes_of_all(k) + image.size);
  crank_keep(k);
}

/* ---- the worker ---- */

bool hibernation_begin(struct kernel *k, struct vat *vat)
{
  struct buffer frame;
  CHECK(vat->phase == VAT_IDLE);
  if (vat->is_program || vat->no_image || k->image_bytes_limit == 0 || kernel_is_broken(k))
    return false;
  buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
  vat->frame_id = ++k->next_frame;
  frame_encode_hibernate(&frame, vat->frame_id);
  vat_set_phase(k, vat, VAT_HIBERNATING);
  effect_send(k, vat, &frame, true);
  return true;
}

static bool has_something_to_do(const struct vat *vat)
{
  return vat->pending.count || vat->pings.count || vat->starts.count || vat->has_garbage || vat->reap_due;
}

/* NULL: the image can be stored. A heap must not be what fills the disk: all others' would be lost with the batch. */
static const char *why_not(struct kernel *k, struct bytes image)
{
  uint64_t all = bytes_of_all(k);
  if (image.size == 0)
    return "its heap is too large, or cannot be written down";
  if (all > k->image_bytes_limit || image.size > k->image_bytes_limit - all)
    return "the heaps of others take all that heaps may take (vatd --images)";
  return kernel_has_room_for(k, ROOM_PER_IMAGE * image.size) ? NULL : "there is not enough room on the disk";
}

enum vatd_code hibernation_take_image(struct kernel *k, struct vat *vat, struct bytes payload, struct error *error)
{
  struct image_frame frame;
  enum vatd_code code = frame_decode_image(payload, &frame, error);
  if (code == VATD_OK && (vat->phase != VAT_HIBERNATING || frame.id != vat->frame_id))
    code = error_set(error, VATD_INVALID, "a frame out of turn");
  if (code != VATD_OK)
    return code;
  vat_set_phase(k, vat, VAT_IDLE);
  const char *obstacle = why_not(k, frame.image);
  vat->no_image = obstacle != NULL;
  if (obstacle)
    gate_log_kernel(k, vat->id, "does not hibernate: %s", obstacle);
  if (vat->no_image || (has_something_to_do(vat) && !k->closing)) {
    crank_worker_is_ready(k, vat);
  } else {
    store_image(k, vat->id, frame.image);
    vat_stop_worker(k, vat);
  }
  vat_make_ready(k, vat);
  return VATD_OK;
}

/* ---- an orderly end ---- */

void kernel_limit_images(struct kernel *k, uint64_t bytes)
{
  k->image_bytes_limit = bytes;
}

void kernel_begin_rest(struct kernel *k)
{
  k->closing = true;
}

static struct vat *next_to_hibernate(struct kernel *k)
{
  struct vat *vat;
  size_t position = 0;
  while ((vat = idmap_next(&k->vats, &position))) {
    if (vat->phase == VAT_IDLE && !vat->no_image && !launch_of_vat(k, vat->id))
      return vat;
  }
  return NULL;
}

bool hibernation_step(struct kernel *k)
{
  struct vat *vat = k->closing && k->hibernating < MOST_AT_ONCE ? next_to_hibernate(k) : NULL;
  if (!vat)
    return false;
  if (!sleep_if_idle(k, vat) && !hibernation_begin(k, vat))
    vat->no_image = true; /* it is not looked at again */
  return true;
}

bool kernel_rests(const struct kernel *k)
{
  return kernel_is_broken(k) || (k->closing && k->under_way == 0 && k->hibernating == 0);
}
