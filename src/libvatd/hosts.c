/* SPDX-License-Identifier: Apache-2.0 */
/* libvatd/hosts.c - see hosts.h. */
#include "libvatd/hosts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The host without the brackets of an IPv6 address. */
static void bare(const char *host, char *text, size_t size)
{
  size_t length = strlen(host);
  bool bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
  snprintf(text, size, "%.*s", (int)(bracketed ? length - 2 : length), bracketed ? host + 1 : host);
}

bool host_is_allowed(const json_t *allowed_hosts, const char *host)
{
  char wanted[300];
  char allowed[300];
  size_t i;
  const json_t *value;
  bare(host, wanted, sizeof wanted);
  json_array_foreach(allowed_hosts, i, value) {
    bare(json_string_value(value), allowed, sizeof allowed);
    if (strcasecmp(allowed, wanted) == 0)
      return true;
  }
  return false;
}

struct range4 {
  uint32_t first;
  unsigned bits;
};

/* What is not the public internet (RFC 6890). */
static const struct range4 reserved4[] = {
    {0x00000000, 8},  {0x0A000000, 8},  {0x64400000, 10}, {0x7F000000, 8},  {0xA9FE0000, 16}, {0xAC100000, 12}, {0xC0000000, 24},
    {0xC0000200, 24}, {0xC0A80000, 16}, {0xC6120000, 15}, {0xC6336400, 24}, {0xCB007100, 24}, {0xE0000000, 3},
};

static bool is_public4(uint32_t address)
{
  for (size_t i = 0; i < sizeof reserved4 / sizeof reserved4[0]; i++) {
    if ((address ^ reserved4[i].first) >> (32 - reserved4[i].bits) == 0)
      return false;
  }
  return true;
}

static uint32_t embedded4(const unsigned char *bytes)
{
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Global unicast only, and what carries an IPv4 address counts as that address. */
static bool is_public6(const unsigned char *bytes)
{
  static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  static const unsigned char nat64[12] = {0, 0x64, 0xFF, 0x9B};
  if (memcmp(bytes, mapped, sizeof mapped) == 0 || memcmp(bytes, nat64, sizeof nat64) == 0)
    return is_public4(embedded4(bytes + 12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4 */
    return is_public4(embedded4(bytes + 2));
  return (bytes[0] & 0xE0) == 0x20 && !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0);
}

static bool is_loopback(const struct sockaddr *address)
{
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
  if (address->sa_family == AF_INET)
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

bool host_may_be_at(const char *host, const struct sockaddr *address)
{
  char text[300];
  unsigned char literal[16];
  bare(host, text, sizeof text);
  if (inet_pton(AF_INET, text, literal) == 1 || inet_pton(AF_INET6, text, literal) == 1)
    return true; /* it is the address that was allowed */
  if (strcasecmp(text, "localhost") == 0)
    return is_loopback(address);
  if (address->sa_family == AF_INET)
    return is_public4(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
  return address->sa_family == AF_INET6 && is_public6(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
}
