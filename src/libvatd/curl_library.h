/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/curl_library.h - libcurl, loaded when the first vat fetches something.
 *
 * It comes with some thirty libraries, whose loading was two thirds of the start of a vatd that mostly never needs them. The
 * functions are the library's own, under their names without "curl_" (the libcurl manual has them).
 */
#ifndef VATD_LIBVATD_CURL_LIBRARY_H
#define VATD_LIBVATD_CURL_LIBRARY_H

#define CURL_DISABLE_TYPECHECK /* its checks are macros around the functions' names */
#include <curl/curl.h>
#include <stdbool.h>

struct curl_library {
  typeof(curl_easy_cleanup) *easy_cleanup;
  typeof(curl_easy_getinfo) *easy_getinfo;
  typeof(curl_easy_init) *easy_init;
  typeof(curl_easy_setopt) *easy_setopt;
  typeof(curl_easy_strerror) *easy_strerror;
  typeof(curl_free) *free;
  typeof(curl_global_init) *global_init;
  typeof(curl_multi_add_handle) *multi_add_handle;
  typeof(curl_multi_assign) *multi_assign;
  typeof(curl_multi_cleanup) *multi_cleanup;
  typeof(curl_multi_info_read) *multi_info_read;
  typeof(curl_multi_init) *multi_init;
  typeof(curl_multi_remove_handle) *multi_remove_handle;
  typeof(curl_multi_setopt) *multi_setopt;
  typeof(curl_multi_socket_action) *multi_socket_action;
  typeof(curl_slist_append) *slist_append;
  typeof(curl_slist_free_all) *slist_free_all;
  typeof(curl_url) *url;
  typeof(curl_url_cleanup) *url_cleanup;
  typeof(curl_url_get) *url_get;
  typeof(curl_url_set) *url_set;
};

/* Its functions, once curl_library_load() has succeeded; the library stays loaded until the process ends. */
extern struct curl_library libcurl;
/* False: it is not there, or not what this was built with. */
bool curl_library_load(void);

#endif
