/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/capdata_check.c - see capdata_check.h. A recursive descent over the text; every function leaves `at` behind what it has
 * accepted, or says why not and returns false. Recursion is bounded by LIMIT_DATA_DEPTH.
 */
#include "wire/capdata_check.h"
#include "base/limits.h"

#include <stdbool.h>
#include <string.h>

enum kind { KIND_PLAIN_TEXT, KIND_SYMBOL, KIND_UNDEFINED, KIND_ARRAY, KIND_OTHER };

struct scan {
  const char *at;
  const char *end;
  const struct bytes_list *slots;
  struct error *error;
};

static bool scan_value(struct scan *scan, int depth, enum kind *kind);

static bool refuse(struct scan *scan, const char *what)
{
  error_set(scan->error, VATD_INVALID, "the data has %s", what);
  return false;
}

static bool next_is(const struct scan *scan, char c)
{
  return scan->at < scan->end && *scan->at == c;
}

static void skip_space(struct scan *scan)
{
  while (next_is(scan, ' ') || next_is(scan, '\n') || next_is(scan, '\r') || next_is(scan, '\t'))
    scan->at++;
}

static bool expect(struct scan *scan, char c)
{
  skip_space(scan);
  if (!next_is(scan, c))
    return refuse(scan, "a text that is not JSON");
  scan->at++;
  return true;
}

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* ---- strings ---- */

static int hex_value(char c)
{
  return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The code unit of \uXXXX, whose digits begin at `at`; -1 when they are not four. */
static int unicode_escape(const char *at, const char *end)
{
  int value = 0;
  if (end - at < 4)
    return -1;
  for (int i = 0; i < 4; i++) {
    int digit = hex_value(at[i]);
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* The text between the quotes, as it is written. */
static bool scan_text(struct scan *scan, struct bytes *raw)
{
  if (!expect(scan, '"'))
    return false;
  const char *start = scan->at;
  while (scan->at < scan->end && *scan->at != '"') {
    unsigned char c = (unsigned char)*scan->at++;
    if (c < 0x20)
      return refuse(scan, "a control character in a string");
    if (c != '\\')
      continue;
    char escape = scan->at < scan->end ? *scan->at++ : '\0';
    bool known = escape != '\0' && strchr("\"\\/bfnrtu", escape);
    if (!known || (escape == 'u' && unicode_escape(scan->at, scan->end) < 0))
      return refuse(scan, "an unknown escape in a string");
  }
  *raw = bytes_from(start, (size_t)(scan->at - start));
  return expect(scan, '"');
}

/* The first character of a string, however it is written; 0 for none. */
static int first_character(struct bytes raw)
{
  if (raw.size == 0)
    return 0;
  if (raw.data[0] != '\\')
    return (unsigned char)raw.data[0];
  if (raw.data[1] == 'u')
    return unicode_escape(raw.data + 2, raw.data + raw.size);
  return raw.data[1] == '"' || raw.data[1] == '/' || raw.data[1] == '\\' ? raw.data[1] : '\n';
}

static bool is_special(int c)
{
  return c >= '!' && c <= '-';
}

static bool is_decimal(struct bytes digits)
{
  for (size_t i = 0; i < digits.size; i++) {
    if (!is_digit(digits.data[i]))
      return false;
  }
  return digits.size > 0;
}

/* "$3", "$3.Alleged: Counter" or "&3": the slot is there, and of that sort. (What follows a promise is not looked at.) */
static bool check_slot(struct scan *scan, struct bytes raw)
{
  size_t digits = 1;
  size_t index = 0;
  while (digits < raw.size && digits < 9 && is_digit(raw.data[digits]))
    index = index * 10 + (size_t)(raw.data[digits++] - '0');
  bool promise = raw.data[0] == '&';
  bool ends = digits == raw.size || raw.data[digits] == '.';
  if (digits == 1 || !ends || index >= scan->slots->count)
    return refuse(scan, "the name of a slot that it does not have");
  struct bytes vref = scan->slots->items[index];
  if (vref.size == 0 || (vref.data[0] == 'p') != promise)
    return refuse(scan, "an object where a promise is, or the other way round");
  if (digits == raw.size || promise)
    return true;
  struct bytes interface = bytes_after(raw, digits + 1);
  return bytes_is(interface, "Remotable") || bytes_start_with(interface, bytes_of("Alleged: ")) ||
         bytes_start_with(interface, bytes_of("DebugName: ")) || refuse(scan, "a malformed name of an interface");
}

static bool check_symbol(struct scan *scan, struct bytes name)
{
  static const char *const known[] = {"asyncIterator", "hasInstance", "isConcatSpreadable", "iterator", "match", "matchAll",
                                      "replace", "search", "species", "split", "toPrimitive", "toStringTag", "unscopables"};
  struct bytes at = bytes_of("@@");
  if (!bytes_start_with(name, at) || bytes_start_with(bytes_after(name, 2), at))
    return true;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (bytes_is(bytes_after(name, 2), known[i]))
      return true;
  }
  return refuse(scan, "an unknown symbol");
}

static bool check_constant(struct scan *scan, struct bytes raw, enum kind *kind)
{
  *kind = bytes_is(raw, "#undefined") ? KIND_UNDEFINED : KIND_OTHER;
  return *kind == KIND_UNDEFINED || bytes_is(raw, "#NaN") || bytes_is(raw, "#Infinity") || bytes_is(raw, "#-Infinity") ||
         refuse(scan, "an unknown constant");
}

/* A string as a value. What begins with an escape is never special: nobody needs to write it like that. */
static bool check_string(struct scan *scan, struct bytes raw, enum kind *kind)
{
  int c = first_character(raw);
  *kind = KIND_OTHER;
  if (!is_special(c) || c == '!') {
    *kind = KIND_PLAIN_TEXT;
    return true;
  }
  if (raw.data[0] == '\\')
    return refuse(scan, "a special string in disguise");
  switch (c) {
  case '#':
    return check_constant(scan, raw, kind);
  case '%':
    *kind = KIND_SYMBOL;
    return check_symbol(scan, bytes_after(raw, 1));
  case '+':
  case '-':
    return is_decimal(bytes_after(raw, 1)) || refuse(scan, "a malformed bigint");
  case '$':
  case '&':
    return check_slot(scan, raw);
  default:
    return refuse(scan, "a string of a kind that is reserved");
  }
}

/* ---- records ---- */

enum { HAS_TAG = 1, HAS_PAYLOAD = 2, HAS_ERROR = 4, HAS_NAME = 8, HAS_ERROR_ID = 16, HAS_OTHER = 32 };

static int property_of(struct bytes raw)
{
  static const struct {
    const char *name;
    int flag;
  } marked[] = {{"#tag", HAS_TAG}, {"payload", HAS_PAYLOAD}, {"#error", HAS_ERROR}, {"name", HAS_NAME}, {"errorId", HAS_ERROR_ID}};
  for (size_t i = 0; i < sizeof marked / sizeof marked[0]; i++) {
    if (bytes_is(raw, marked[i].name))
      return marked[i].flag;
  }
  return HAS_OTHER;
}

/* `seen`: its properties; `not_texts`: those whose value was not a plain text. */
static bool check_record(struct scan *scan, int seen, int not_texts)
{
  int texts = HAS_ERROR | HAS_NAME | HAS_ERROR_ID;
  if (seen & HAS_TAG)
    return (seen == (HAS_TAG | HAS_PAYLOAD) && !(not_texts & HAS_TAG)) || refuse(scan, "malformed tagged data");
  if (seen & HAS_ERROR)
    return ((seen & HAS_NAME) && !(seen & ~texts) && !(not_texts & texts)) || refuse(scan, "a malformed error");
  return true;
}

static bool scan_property(struct scan *scan, int depth, int *seen, int *not_texts)
{
  struct bytes name;
  enum kind kind;
  if (!scan_text(scan, &name))
    return false;
  int property = property_of(name);
  bool mark = property == HAS_TAG || property == HAS_ERROR;
  if (!mark && is_special(first_character(name)) && first_character(name) != '!')
    return refuse(scan, "a property with a reserved name");
  if (!expect(scan, ':') || !scan_value(scan, depth + 1, &kind))
    return false;
  *seen |= property;
  *not_texts |= kind == KIND_PLAIN_TEXT ? 0 : property;
  return true;
}

/* Whether another element follows: a comma; or `close`, which is taken. */
static bool more_elements(struct scan *scan, char close, bool *more)
{
  skip_space(scan);
  *more = next_is(scan, ',');
  return expect(scan, *more ? ',' : close);
}

static bool scan_object(struct scan *scan, int depth)
{
  int seen = 0;
  int not_texts = 0;
  bool more = true;
  skip_space(scan);
  if (next_is(scan, '}')) {
    scan->at++;
    return true;
  }
  while (more) {
    if (!scan_property(scan, depth, &seen, &not_texts) || !more_elements(scan, '}', &more))
      return false;
  }
  return check_record(scan, seen, not_texts);
}

static bool scan_array(struct scan *scan, int depth)
{
  enum kind kind;
  bool more = true;
  skip_space(scan);
  if (next_is(scan, ']')) {
    scan->at++;
    return true;
  }
  while (more) {
    if (!scan_value(scan, depth + 1, &kind) || !more_elements(scan, ']', &more))
      return false;
  }
  return true;
}

/* ---- numbers and words ---- */

static size_t skip_digits(struct scan *scan)
{
  const char *start = scan->at;
  while (scan->at < scan->end && is_digit(*scan->at))
    scan->at++;
  return (size_t)(scan->at - start);
}

static bool scan_number(struct scan *scan)
{
  scan->at += next_is(scan, '-');
  bool leading_zero = next_is(scan, '0');
  size_t digits = skip_digits(scan);
  bool good = digits > 0 && !(leading_zero && digits > 1);
  if (good && next_is(scan, '.')) {
    scan->at++;
    good = skip_digits(scan) > 0;
  }
  if (good && (next_is(scan, 'e') || next_is(scan, 'E'))) {
    scan->at++;
    scan->at += next_is(scan, '+') || next_is(scan, '-');
    good = skip_digits(scan) > 0;
  }
  return good || refuse(scan, "a text that is not JSON");
}

static bool scan_word(struct scan *scan)
{
  static const char *const words[] = {"null", "true", "false"};
  struct bytes rest = bytes_from(scan->at, (size_t)(scan->end - scan->at));
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (bytes_start_with(rest, bytes_of(words[i]))) {
      scan->at += strlen(words[i]);
      return true;
    }
  }
  return refuse(scan, "a text that is not JSON");
}

static bool scan_value(struct scan *scan, int depth, enum kind *kind)
{
  struct bytes raw;
  *kind = KIND_OTHER;
  if (depth > LIMIT_DATA_DEPTH)
    return refuse(scan, "too many levels");
  skip_space(scan);
  if (scan->at == scan->end)
    return refuse(scan, "a text that is not JSON");
  switch (*scan->at) {
  case '"':
    return scan_text(scan, &raw) && check_string(scan, raw, kind);
  case '{':
    scan->at++;
    return scan_object(scan, depth);
  case '[':
    scan->at++;
    *kind = KIND_ARRAY;
    return scan_array(scan, depth);
  default:
    return *scan->at == '-' || is_digit(*scan->at) ? scan_number(scan) : scan_word(scan);
  }
}

/* ---- bodies ---- */

static bool begin(struct scan *scan, const struct capdata *data, struct error *error)
{
  *scan = (struct scan){.slots = &data->slots, .error = error};
  if (data->body.size < 2 || data->body.data[0] != '#')
    return refuse(scan, "a body that is not in the smallcaps form");
  scan->at = data->body.data + 1;
  scan->end = data->body.data + data->body.size;
  return true;
}

static bool finish(struct scan *scan)
{
  skip_space(scan);
  return scan->at == scan->end || refuse(scan, "something behind its end");
}

enum vatd_code capdata_check(const struct capdata *data, struct error *error)
{
  struct scan scan;
  enum kind kind;
  return begin(&scan, data, error) && scan_value(&scan, 0, &kind) && finish(&scan) ? VATD_OK : VATD_INVALID;
}

static bool scan_message(struct scan *scan)
{
  enum kind method;
  enum kind arguments;
  if (!expect(scan, '[') || !scan_value(scan, 1, &method) || !expect(scan, ',') || !scan_value(scan, 1, &arguments) ||
      !expect(scan, ']'))
    return false;
  bool named = method == KIND_PLAIN_TEXT || method == KIND_SYMBOL || method == KIND_UNDEFINED;
  return (named && arguments == KIND_ARRAY) || refuse(scan, "a message that is not a method and its arguments");
}

enum vatd_code capdata_check_message(const struct capdata *methargs, struct error *error)
{
  struct scan scan;
  return begin(&scan, methargs, error) && scan_message(&scan) && finish(&scan) ? VATD_OK : VATD_INVALID;
}
