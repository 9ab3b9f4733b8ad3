/* SPDX-License-Identifier: Apache-2.0 */
/* libvatd/transfers.c - see transfers.h. curl says which descriptors it waits for and for how long; the loop tells it. */
#include "libvatd/transfers.h"
#include "base/memory.h"

#include <stdlib.h>

struct transfers {
  CURLM *multi;
  uv_loop_t *loop;
  uv_timer_t timer;
  transfer_done_fn *done;
};

struct watched {
  uv_poll_t poll;
  struct transfers *transfers;
  curl_socket_t fd;
};

static void on_watched_closed(uv_handle_t *handle)
{
  free(handle->data);
}

static void report_done(struct transfers *transfers)
{
  CURLMsg *message;
  int left;
  while ((message = libcurl.multi_info_read(transfers->multi, &left))) {
    if (message->msg != CURLMSG_DONE)
      continue;
    CURLcode result = message->data.result;
    CURL *easy = message->easy_handle;
    char *context = NULL;
    libcurl.easy_getinfo(easy, CURLINFO_PRIVATE, &context);
    libcurl.multi_remove_handle(transfers->multi, easy);
    transfers->done(context, result);
  }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
  struct watched *watched = poll->data;
  struct transfers *transfers = watched->transfers;
  int what = (status < 0 ? CURL_CSELECT_ERR : 0) | (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
             (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
  int running;
  libcurl.multi_socket_action(transfers->multi, watched->fd, what, &running);
  report_done(transfers);
}

static void on_time(uv_timer_t *timer)
{
  struct transfers *transfers = timer->data;
  int running;
  libcurl.multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  report_done(transfers);
}

static struct watched *watch(struct transfers *transfers, curl_socket_t fd)
{
  struct watched *watched = memory_zalloc(sizeof *watched);
  watched->transfers = transfers;
  watched->fd = fd;
  watched->poll.data = watched;
  if (uv_poll_init_socket(transfers->loop, &watched->poll, fd) != 0) {
    free(watched);
    return NULL;
  }
  libcurl.multi_assign(transfers->multi, fd, watched);
  return watched;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *of_socket)
{
  struct watched *watched = of_socket;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    libcurl.multi_assign(((struct transfers *)context)->multi, fd, NULL);
    if (watched)
      uv_close((uv_handle_t *)&watched->poll, on_watched_closed);
    return 0;
  }
  if (!watched)
    watched = watch(context, fd);
  if (!watched)
    return -1;
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  return uv_poll_start(&watched->poll, events, on_ready) == 0 ? 0 : -1;
}

static int on_timer_wanted(CURLM *multi, long ms, void *context)
{
  struct transfers *transfers = context;
  (void)multi;
  if (ms < 0)
    uv_timer_stop(&transfers->timer);
  else
    uv_timer_start(&transfers->timer, on_time, (uint64_t)ms, 0);
  return 0;
}

struct transfers *transfers_new(uv_loop_t *loop, transfer_done_fn *done)
{
  bool usable = curl_library_load() && libcurl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  CURLM *multi = usable ? libcurl.multi_init() : NULL;
  if (!multi)
    return NULL;
  struct transfers *transfers = memory_zalloc(sizeof *transfers);
  transfers->multi = multi;
  transfers->loop = loop;
  transfers->done = done;
  uv_timer_init(loop, &transfers->timer);
  transfers->timer.data = transfers;
  libcurl.multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  libcurl.multi_setopt(multi, CURLMOPT_SOCKETDATA, transfers);
  libcurl.multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
  libcurl.multi_setopt(multi, CURLMOPT_TIMERDATA, transfers);
  return transfers;
}

bool transfers_add(struct transfers *transfers, CURL *easy)
{
  uv_update_time(transfers->loop);
  return libcurl.multi_add_handle(transfers->multi, easy) == CURLM_OK;
}

void transfers_remove(struct transfers *transfers, CURL *easy)
{
  libcurl.multi_remove_handle(transfers->multi, easy);
}

static void on_timer_closed(uv_handle_t *handle)
{
  free(handle->data);
}

void transfers_free(struct transfers *transfers)
{
  if (!transfers)
    return;
  libcurl.multi_cleanup(transfers->multi);
  uv_close((uv_handle_t *)&transfers->timer, on_timer_closed);
}
