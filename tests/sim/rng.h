/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/rng.h - the only source of chance in the simulator: splitmix64, so that a seed says everything. */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
  uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
  uint64_t z = rng->state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/* A number from 0 to count - 1 (count > 0). */
static inline uint32_t rng_below(struct rng *rng, uint32_t count)
{
  return (uint32_t)(rng_next(rng) % count);
}

/* True in `percent` of 100 cases. */
static inline bool rng_chance(struct rng *rng, uint32_t percent)
{
  return rng_below(rng, 100) < percent;
}

#endif
