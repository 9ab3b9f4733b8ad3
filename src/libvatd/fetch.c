/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/fetch.c - the service behind the vats' fetch: HTTP requests, for each vat to the hosts that its stored configuration
 * allows (hosts.h).
 *
 *     fetch({url, method, redirect, headers: [[name, value]], body: base64 or null})
 *       -> {status, statusText, url, redirected, headers: [[name, value]], body: base64}
 *
 * Redirects are followed here and not by libcurl, so that each target is checked like the first. The answer comes when all
 * of it is there. A request ends with the vat's incarnation; it may have been made nevertheless.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "libvatd/base64.h"
#include "libvatd/hosts.h"
#include "libvatd/internal.h"
#include "libvatd/transfers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct fetch {
  struct fetch *next;
  struct vatd *v;
  uint64_t vat;
  struct vatd_call *call;
  json_t *network;   /* of the vat's configuration */
  json_t *order;     /* what the vat asked for; a redirect changes its method, headers and body */
  struct buffer sent;     /* body */
  struct buffer head;     /* of the last answer */
  struct buffer received; /* body */
  CURLU *url;
  CURL *easy;
  struct curl_slist *headers;
  unsigned redirects;
  uint64_t until;    /* loop time */
  bool bad_address;
};

/* ---- end ---- */

static void fetch_free(struct fetch *fetch)
{
  struct fetch **at = &fetch->v->fetches;
  while (*at != fetch)
    at = &(*at)->next;
  *at = fetch->next;
  libcurl.easy_cleanup(fetch->easy);
  libcurl.slist_free_all(fetch->headers);
  libcurl.url_cleanup(fetch->url);
  buffer_fini(&fetch->sent);
  buffer_fini(&fetch->head);
  buffer_fini(&fetch->received);
  json_decref(fetch->network);
  json_decref(fetch->order);
  free(fetch);
}

static void fetch_fail(struct fetch *fetch, const char *text)
{
  struct vatd_call *call = fetch->call;
  fetch_free(fetch);
  vatd_call_throw(call, text);
}

static void fetch_fail_about(struct fetch *fetch, const char *what, const char *name)
{
  char *text = memory_printf("%s%s", what, name);
  fetch_fail(fetch, text);
  free(text);
}

static void on_cancelled(void *context)
{
  struct fetch *fetch = context;
  transfers_remove(fetch->v->transfers, fetch->easy);
  fetch_free(fetch);
}

/* ---- the answer ---- */

/* A header's text: UTF-8, or if it is not, each byte a character. */
static json_t *text_of(const char *data, size_t size)
{
  json_t *text = json_stringn(data, size);
  if (text)
    return text;
  struct buffer wide;
  buffer_init(&wide, 2 * LIMIT_FETCH_HEAD);
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)data[i];
    char pair[2] = {(char)(0xC0 | byte >> 6), (char)(0x80 | (byte & 0x3F))};
    buffer_append(&wide, byte < 0x80 ? &data[i] : pair, byte < 0x80 ? 1 : 2);
  }
  text = json_stringn(wide.data, wide.size);
  buffer_fini(&wide);
  return text;
}

static struct bytes trimmed(struct bytes text)
{
  while (text.size > 0 && strchr(" \t\r\n", text.data[0]))
    text = bytes_after(text, 1);
  while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]))
    text.size--;
  return text;
}

/* The next line of an answer's head, which it takes off; false at the end. */
static bool next_line(struct bytes *head, struct bytes *line)
{
  const char *end = head->size ? memchr(head->data, '\n', head->size) : NULL;
  if (!end)
    return false;
  *line = bytes_from(head->data, (size_t)(end - head->data));
  *head = bytes_after(*head, line->size + 1);
  return true;
}

static json_t *status_text(struct bytes line)
{
  line = trimmed(line);
  for (int words = 0; words < 2; words++) {
    const char *space = memchr(line.data, ' ', line.size);
    line = space ? bytes_after(line, (size_t)(space - line.data) + 1) : bytes_of("");
  }
  return text_of(line.data, line.size);
}

static json_t *headers_of(struct bytes head, json_t **status)
{
  json_t *headers = json_array();
  struct bytes line;
  *status = next_line(&head, &line) ? status_text(line) : json_string("");
  while (next_line(&head, &line)) {
    const char *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
    if (!colon)
      continue;
    size_t name = (size_t)(colon - line.data);
    struct bytes value = trimmed(bytes_after(line, name + 1));
    json_array_append_new(headers, json_pack("[o, o]", text_of(line.data, name), text_of(value.data, value.size)));
  }
  return headers;
}

static char *url_text(const struct fetch *fetch)
{
  char *text = NULL;
  libcurl.url_get(fetch->url, CURLUPART_URL, &text, 0);
  return text;
}

static void fetch_return(struct fetch *fetch, long status)
{
  struct vatd_call *call = fetch->call;
  char *url = url_text(fetch);
  json_t *reason;
  json_t *headers = headers_of(buffer_bytes(&fetch->head), &reason);
  json_t *answer = json_pack("{s:i, s:o, s:s, s:b, s:o, s:o}", "status", (int)status, "statusText", reason, "url",
                             url ? url : "", "redirected", fetch->redirects > 0, "headers", headers, "body",
                             base64_encode(buffer_bytes(&fetch->received)));
  libcurl.free(url);
  fetch_free(fetch);
  if (answer)
    vatd_call_return(call, answer);
  else
    vatd_call_throw(call, "the answer cannot be represented");
}

/* ---- what libcurl asks ---- */

static size_t on_head(char *data, size_t size, size_t count, void *context)
{
  struct fetch *fetch = context;
  if (size * count >= 5 && memcmp(data, "HTTP/", 5) == 0)
    buffer_clear(&fetch->head); /* what came before was an interim answer */
  return buffer_append(&fetch->head, data, size * count) ? size * count : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
  struct fetch *fetch = context;
  return buffer_append(&fetch->received, data, size * count) ? size * count : 0;
}

static char *host_of(CURLU *url)
{
  char *host = NULL;
  libcurl.url_get(url, CURLUPART_HOST, &host, 0);
  return host;
}

/* The one place that sees which address a name has led to. */
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
  struct fetch *fetch = context;
  char *host = host_of(fetch->url);
  (void)purpose;
  fetch->bad_address = !host || !host_may_be_at(host, &address->addr);
  libcurl.free(host);
  return fetch->bad_address ? CURL_SOCKET_BAD : socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- the request ---- */

static uint64_t setting(const struct fetch *fetch, const char *name, uint64_t usual)
{
  const json_t *value = json_object_get(fetch->network, name);
  return value ? (uint64_t)json_integer_value(value) : usual;
}

static const char *member(const struct fetch *fetch, const char *name)
{
  const char *text = json_string_value(json_object_get(fetch->order, name));
  return text ? text : "";
}

/* NULL, or what is wrong with the URL. */
static const char *check_url(const struct fetch *fetch, char **host)
{
  char *scheme = NULL;
  char *user = NULL;
  const char *trouble = NULL;
  *host = host_of(fetch->url);
  libcurl.url_get(fetch->url, CURLUPART_SCHEME, &scheme, 0);
  if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
    trouble = "fetch is for http: and https: only";
  else if (libcurl.url_get(fetch->url, CURLUPART_USER, &user, 0) == CURLUE_OK)
    trouble = "a URL for fetch has no user in it";
  else if (!*host || !host_is_allowed(json_object_get(fetch->network, "allowedHosts"), *host))
    trouble = "Invalid host: ";
  libcurl.free(scheme);
  libcurl.free(user);
  return trouble;
}

static bool is_plain(const char *text)
{
  while ((unsigned char)*text >= 0x20 && *text != 0x7F)
    text++;
  return *text == '\0';
}

/* Those that are the connection's own business. */
static bool is_withheld(const char *name)
{
  static const char *const names[] = {"host", "connection", "content-length", "transfer-encoding", "expect", "upgrade",
                                      "te", "trailer", "keep-alive", "accept-encoding"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcasecmp(names[i], name) == 0)
      return true;
  }
  return strncasecmp(name, "proxy-", 6) == 0;
}

static struct curl_slist *request_headers(const struct fetch *fetch)
{
  struct curl_slist *list = libcurl.slist_append(NULL, "Expect:");
  size_t i;
  const json_t *pair;
  bool typed = false;
  json_array_foreach(json_object_get(fetch->order, "headers"), i, pair) {
    const char *name = json_string_value(json_array_get(pair, 0));
    const char *value = json_string_value(json_array_get(pair, 1));
    if (!name || !value || strpbrk(name, ":; ") || !is_plain(name) || !is_plain(value) || is_withheld(name))
      continue;
    typed = typed || strcasecmp(name, "content-type") == 0;
    char *line = *value ? memory_printf("%s: %s", name, value) : memory_printf("%s;", name);
    list = libcurl.slist_append(list, line);
    free(line);
  }
  return typed ? list : libcurl.slist_append(list, "Content-Type:");
}

static void set_method(struct fetch *fetch)
{
  CURL *easy = fetch->easy;
  const char *method = member(fetch, "method");
  if (strcmp(method, "HEAD") == 0)
    libcurl.easy_setopt(easy, CURLOPT_NOBODY, 1L);
  else
    libcurl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
  if (!json_is_string(json_object_get(fetch->order, "body")))
    return;
  libcurl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->sent.size);
  libcurl.easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->sent.size ? fetch->sent.data : "");
}

static void set_options(struct fetch *fetch)
{
  CURL *easy = fetch->easy;
  uint64_t now = uv_now(&fetch->v->loop);
  libcurl.easy_setopt(easy, CURLOPT_PRIVATE, fetch);
  libcurl.easy_setopt(easy, CURLOPT_CURLU, fetch->url);
  libcurl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  libcurl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  libcurl.easy_setopt(easy, CURLOPT_PROXY, ""); /* a proxy would resolve names where nobody looks */
  libcurl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  libcurl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, fetch->until > now ? (long)(fetch->until - now) : 1L);
  libcurl.easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  libcurl.easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
  libcurl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
  libcurl.easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
  libcurl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  libcurl.easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
  libcurl.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  libcurl.easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
}

/* Makes the request that `order` and `url` say; a failure ends the fetch. */
static void fetch_begin(struct fetch *fetch)
{
  char *host;
  const char *trouble = check_url(fetch, &host);
  if (trouble) {
    fetch_fail_about(fetch, trouble, trouble[strlen(trouble) - 1] == ' ' && host ? host : "");
    libcurl.free(host);
    return;
  }
  libcurl.free(host);
  libcurl.slist_free_all(fetch->headers);
  libcurl.easy_cleanup(fetch->easy);
  fetch->headers = request_headers(fetch);
  fetch->easy = libcurl.easy_init();
  buffer_clear(&fetch->head);
  buffer_clear(&fetch->received);
  set_options(fetch);
  set_method(fetch);
  if (!transfers_add(fetch->v->transfers, fetch->easy))
    fetch_fail(fetch, "the request cannot be made");
}

/* ---- redirects ---- */

static bool is_redirect(long status)
{
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void remove_headers(json_t *headers, const char *const *names)
{
  for (size_t i = json_array_size(headers); i > 0; i--) {
    const char *name = json_string_value(json_array_get(json_array_get(headers, i - 1), 0));
    for (size_t j = 0; name && names[j]; j++) {
      if (strcasecmp(name, names[j]) == 0) {
        json_array_remove(headers, i - 1);
        break;
      }
    }
  }
}

/* As the Fetch standard has it: what becomes a GET loses its body, another host learns no credentials. */
static void adapt_order(struct fetch *fetch, long status, bool same_host)
{
  static const char *const of_body[] = {"content-type", "content-encoding", "content-language", "content-location", NULL};
  static const char *const credentials[] = {"authorization", "cookie", NULL};
  const char *method = member(fetch, "method");
  bool post = strcmp(method, "POST") == 0;
  if (((status == 301 || status == 302) && post) ||
      (status == 303 && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)) {
    json_object_set_new(fetch->order, "method", json_string("GET"));
    json_object_set_new(fetch->order, "body", json_null());
    remove_headers(json_object_get(fetch->order, "headers"), of_body);
  }
  if (!same_host)
    remove_headers(json_object_get(fetch->order, "headers"), credentials);
}

/* Scheme, host and port as one text; the caller frees it. */
static char *origin_of(CURLU *url)
{
  char *scheme = NULL;
  char *port = NULL;
  char *host = host_of(url);
  libcurl.url_get(url, CURLUPART_SCHEME, &scheme, 0);
  libcurl.url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
  char *origin = memory_printf("%s://%s:%s", scheme ? scheme : "", host ? host : "", port ? port : "");
  libcurl.free(scheme);
  libcurl.free(host);
  libcurl.free(port);
  return origin;
}

static void follow(struct fetch *fetch, long status, const char *location)
{
  if (strcmp(member(fetch, "redirect"), "error") == 0) {
    fetch_fail(fetch, "the answer is a redirect");
    return;
  }
  if (++fetch->redirects > LIMIT_FETCH_REDIRECTS) {
    fetch_fail(fetch, "too many redirects");
    return;
  }
  char *before = origin_of(fetch->url);
  bool valid = libcurl.url_set(fetch->url, CURLUPART_URL, location, 0) == CURLUE_OK;
  char *after = origin_of(fetch->url);
  adapt_order(fetch, status, strcmp(before, after) == 0);
  free(before);
  free(after);
  if (valid)
    fetch_begin(fetch);
  else
    fetch_fail(fetch, "the redirect leads nowhere");
}

/* The value of the answer's Location, or NULL; the caller frees it. */
static char *location_of(const struct fetch *fetch)
{
  struct bytes head = buffer_bytes(&fetch->head);
  struct bytes line;
  while (next_line(&head, &line)) {
    if (line.size > 9 && strncasecmp(line.data, "location:", 9) == 0) {
      struct bytes value = trimmed(bytes_after(line, 9));
      return memory_printf("%.*s", BYTES_ARG(value));
    }
  }
  return NULL;
}

static void fetch_failed(struct fetch *fetch, CURLcode result)
{
  if (fetch->bad_address)
    fetch_fail(fetch, "the host's address is not a public one");
  else if (fetch->received.overflowed || fetch->head.overflowed)
    fetch_fail(fetch, "the answer is larger than allowed");
  else if (result == CURLE_OPERATION_TIMEDOUT)
    fetch_fail(fetch, "the answer took too long");
  else
    fetch_fail_about(fetch, "fetch failed: ", libcurl.easy_strerror(result));
}

static void on_done(void *context, CURLcode result)
{
  struct fetch *fetch = context;
  long status = 0;
  libcurl.easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
  if (result != CURLE_OK) {
    fetch_failed(fetch, result);
    return;
  }
  char *location = is_redirect(status) && strcmp(member(fetch, "redirect"), "manual") != 0 ? location_of(fetch) : NULL;
  if (location)
    follow(fetch, status, location);
  else
    fetch_return(fetch, status);
  free(location);
}

/* ---- calls ---- */

static bool is_token(const char *text)
{
  size_t size = strlen(text);
  return size > 0 && size <= 32 &&
         strspn(text, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == size;
}

/* NULL, or why the vat's order cannot be followed. */
static const char *read_order(struct fetch *fetch)
{
  const json_t *body = json_object_get(fetch->order, "body");
  if (!is_token(member(fetch, "method")))
    return "the method is not one of HTTP";
  if (libcurl.url_set(fetch->url, CURLUPART_URL, member(fetch, "url"), 0) != CURLUE_OK)
    return "Invalid URL";
  if (json_is_string(body) && !base64_decode(bytes_from(json_string_value(body), json_string_length(body)), &fetch->sent))
    return "the body is malformed or too large";
  return NULL;
}

static size_t count_of(const struct vatd *v, uint64_t vat)
{
  size_t count = 0;
  for (const struct fetch *fetch = v->fetches; fetch; fetch = fetch->next)
    count += fetch->vat == vat;
  return count;
}

static struct fetch *fetch_new(struct vatd *v, uint64_t vat, struct vatd_call *call)
{
  struct fetch *fetch = memory_zalloc(sizeof *fetch);
  json_t *config = kernel_vat_config(v->kernel, vat);
  *fetch = (struct fetch){.next = v->fetches, .v = v, .vat = vat, .call = call, .url = libcurl.url()};
  fetch->network = json_deep_copy(json_object_get(config, "network"));
  fetch->order = json_deep_copy(json_array_get(vatd_call_args(call), 0));
  json_decref(config);
  buffer_init(&fetch->sent, LIMIT_FETCH_BODY);
  buffer_init(&fetch->head, LIMIT_FETCH_HEAD);
  buffer_init(&fetch->received, setting(fetch, "maxBytes", LIMIT_FETCH_BODY));
  fetch->until = uv_now(&v->loop) + setting(fetch, "timeoutMs", DEFAULT_FETCH_MS);
  v->fetches = fetch;
  call_on_cancel(call, on_cancelled, fetch);
  return fetch;
}

static void serve(void *context, struct vatd_call *call)
{
  struct vatd *v = context;
  uint64_t vat = 0;
  vat_id_parse(bytes_of(call_service(call) + strlen(SERVICE_OF_FETCH)), &vat);
  if (!v->transfers)
    v->transfers = transfers_new(&v->loop, on_done);
  if (strcmp(vatd_call_method(call), "fetch") != 0 || !v->transfers) {
    vatd_call_throw(call, v->transfers ? "the only method is fetch" : "libcurl is not available");
    return;
  }
  if (count_of(v, vat) >= LIMIT_FETCHES_PER_VAT) {
    vatd_call_throw(call, "too many requests are under way");
    return;
  }
  uv_update_time(&v->loop);
  struct fetch *fetch = fetch_new(v, vat, call);
  const char *trouble = read_order(fetch);
  if (trouble)
    fetch_fail(fetch, trouble);
  else
    fetch_begin(fetch);
}

enum vatd_code fetch_register(struct vatd *v, struct error *error)
{
  return service_register(v, SERVICE_OF_FETCH, 0, serve, v, error);
}

void fetches_close(struct vatd *v)
{
  while (v->fetches)
    on_cancelled(v->fetches);
  transfers_free(v->transfers);
  v->transfers = NULL;
}
