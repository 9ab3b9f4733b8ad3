/* SPDX-License-Identifier: Apache-2.0 */
/* store/rules.c - see rules.h. Sizes are judged before the bytes are looked at. */
#include "store/rules.h"
#include "base/limits.h"

bool rules_is_engine_key(const char *vat, struct bytes key)
{
  return !vat && bytes_start_with(key, bytes_of(RULES_ENGINE_PREFIX));
}

static enum vatd_code check_text(struct bytes text, size_t limit, const char *what, struct error *error)
{
  if (text.size > limit)
    return error_set(error, VATD_INVALID, "%s of %zu bytes: at most %zu are allowed", what, text.size, limit);
  if (!bytes_are_utf8(text))
    return error_set(error, VATD_INVALID, "%s is not valid UTF-8", what);
  return VATD_OK;
}

enum vatd_code rules_check_vat(const char *vat, struct error *error)
{
  if (!vat || !*vat)
    return error_set(error, VATD_INVALID, "empty vat id");
  return check_text(bytes_of(vat), LIMIT_NAME_LENGTH, "vat id", error);
}

enum vatd_code rules_check_key(const char *vat, struct bytes key, struct error *error)
{
  enum vatd_code code = vat ? rules_check_vat(vat, error) : VATD_OK;
  return code ? code : check_text(key, LIMIT_VATSTORE_KEY, "key", error);
}

enum vatd_code rules_check_from(const char *vat, struct bytes from, struct error *error)
{
  enum vatd_code code = rules_check_vat(vat, error);
  return code ? code : check_text(from, LIMIT_VATSTORE_KEY + 1, "key", error);
}

enum vatd_code rules_check_writable_key(const char *vat, struct bytes key, struct error *error)
{
  enum vatd_code code = rules_check_key(vat, key, error);
  if (code)
    return code;
  if (rules_is_engine_key(vat, key))
    return error_set(error, VATD_INVALID, "key \"%.*s\" belongs to the store", BYTES_ARG(key));
  return VATD_OK;
}

enum vatd_code rules_check_value(const char *vat, struct bytes value, struct error *error)
{
  return check_text(value, vat ? LIMIT_VATSTORE_VALUE : LIMIT_KERNEL_VALUE, "value", error);
}

enum vatd_code rules_check_bundle(const char *hash, struct bytes code, struct error *error)
{
  if (!hash || !*hash)
    return error_set(error, VATD_INVALID, "empty bundle hash");
  if (code.size > LIMIT_BUNDLE)
    return error_set(error, VATD_INVALID, "bundle of %zu bytes: at most %zu are allowed", code.size, LIMIT_BUNDLE);
  return check_text(bytes_of(hash), LIMIT_NAME_LENGTH, "bundle hash", error);
}

enum vatd_code rules_hand_out(struct bytes found, struct buffer *out, struct error *error)
{
  if (buffer_append_bytes(out, found))
    return VATD_OK;
  return error_set(error, VATD_MISUSE, "cannot read: the caller's buffer is too small");
}
