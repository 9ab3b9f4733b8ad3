/* SPDX-License-Identifier: Apache-2.0 */
/* libvatd/curl_library.c - see curl_library.h. */
#include "libvatd/curl_library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define SHARED_OBJECT "libcurl.so.4"

struct curl_library libcurl;

static const struct {
  const char *name;
  size_t at; /* of the pointer in struct curl_library */
} functions[] = {
    {"curl_easy_cleanup", offsetof(struct curl_library, easy_cleanup)},
    {"curl_easy_getinfo", offsetof(struct curl_library, easy_getinfo)},
    {"curl_easy_init", offsetof(struct curl_library, easy_init)},
    {"curl_easy_setopt", offsetof(struct curl_library, easy_setopt)},
    {"curl_easy_strerror", offsetof(struct curl_library, easy_strerror)},
    {"curl_free", offsetof(struct curl_library, free)},
    {"curl_global_init", offsetof(struct curl_library, global_init)},
    {"curl_multi_add_handle", offsetof(struct curl_library, multi_add_handle)},
    {"curl_multi_assign", offsetof(struct curl_library, multi_assign)},
    {"curl_multi_cleanup", offsetof(struct curl_library, multi_cleanup)},
    {"curl_multi_info_read", offsetof(struct curl_library, multi_info_read)},
    {"curl_multi_init", offsetof(struct curl_library, multi_init)},
    {"curl_multi_remove_handle", offsetof(struct curl_library, multi_remove_handle)},
    {"curl_multi_setopt", offsetof(struct curl_library, multi_setopt)},
    {"curl_multi_socket_action", offsetof(struct curl_library, multi_socket_action)},
    {"curl_slist_append", offsetof(struct curl_library, slist_append)},
    {"curl_slist_free_all", offsetof(struct curl_library, slist_free_all)},
    {"curl_url", offsetof(struct curl_library, url)},
    {"curl_url_cleanup", offsetof(struct curl_library, url_cleanup)},
    {"curl_url_get", offsetof(struct curl_library, url_get)},
    {"curl_url_set", offsetof(struct curl_library, url_set)},
};

bool curl_library_load(void)
{
  struct curl_library found;
  void *library = libcurl.global_init ? NULL : dlopen(SHARED_OBJECT, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return libcurl.global_init != NULL;
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    void *function = dlsym(library, functions[i].name);
    if (!function) {
      dlclose(library);
      return false;
    }
    memcpy((char *)&found + functions[i].at, &function, sizeof function);
  }
  libcurl = found;
  return true;
}
